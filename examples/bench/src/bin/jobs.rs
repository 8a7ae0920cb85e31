//! How many jobs are enqueued and run in a second, on a database in a file: enqueued a thousand in one write, and one by one from 64
//! tasks. The runner works meanwhile, as in an application. A job does nothing, so that what is measured is the framework.

use std::sync::Arc;
use std::time::{Duration, Instant};

use modeller::engine::{Engine, Schedule};
use modeller::prelude::*;

const JOBS: usize = 100_000;
const BATCH: usize = 1_000;
const TASKS: usize = 64;

/// Does nothing.
#[modeller::job]
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
struct Nothing {
    number: usize,
}

impl Job for Nothing {
    async fn run(self, _cx: &Cx) -> Result<()> {
        Ok(())
    }
}

fn main() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let rounds = std::env::args().nth(1).and_then(|rounds| rounds.parse().ok()).unwrap_or(1);
    for _ in 0..rounds {
        for (name, in_batches) in [("in batches", true), ("one by one", false)] {
            let (enqueued, done) = runtime.block_on(round(in_batches));
            let rate = |time: Duration| JOBS as f64 / time.as_secs_f64();
            println!(
                "{name}: {JOBS} jobs, enqueued at {:.0}/s, enqueued and run at {:.0}/s",
                rate(enqueued),
                rate(done)
            );
        }
    }
}

/// The time until all are enqueued, and until all are done.
async fn round(in_batches: bool) -> (Duration, Duration) {
    let directory = std::env::temp_dir().join(format!("modeller-jobs-{}", std::process::id()));
    std::fs::create_dir(&directory).expect("a directory for the database");
    let database = directory.join("jobs.db").display().to_string();
    let app = App::isolated().allow_empty().database(database).background(true);
    let engine = app.engine().await.expect("an engine");
    let start = Instant::now();
    if in_batches {
        for first in (0..JOBS).step_by(BATCH) {
            let jobs = (first..first + BATCH).map(|number| Nothing { number }).collect();
            engine.cx().enqueue_many(jobs, Schedule::new()).await.expect("enqueued");
        }
    } else {
        let tasks: Vec<_> = (0..TASKS).map(|task| tokio::spawn(one_by_one(engine.clone(), task))).collect();
        for task in tasks {
            task.await.expect("enqueued");
        }
    }
    let enqueued = start.elapsed();
    while engine.jobs().counts().await.expect("counted").done < JOBS as u64 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let done = start.elapsed();
    engine.stop().await;
    engine.store().close().await;
    std::fs::remove_dir_all(&directory).expect("our own directory");
    (enqueued, done)
}

async fn one_by_one(engine: Arc<Engine>, task: usize) {
    let cx = engine.cx();
    for number in (task..JOBS).step_by(TASKS) {
        Nothing { number }.enqueue(&cx).await.expect("enqueued");
    }
}
