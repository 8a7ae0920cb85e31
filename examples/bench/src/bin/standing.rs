//! What live queries cost those who write: inserts by 64 tasks into a database in a file, with so many live queries standing, and with
//! none, in turn. Each query is about another owner; every insert belongs to one of them, that nobody else asks.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use modeller::engine::{Arguments, Engine};
use modeller::live::{Live, LiveOptions, LiveStream};
use modeller::prelude::*;
use serde_json::json;

const TASKS: usize = 64;
const STANDING: usize = 100_000;
const TIME: Duration = Duration::from_secs(3);
/// What inserts have to reach, relative to those without live queries.
const BAR: f64 = 0.95;

/// Something that somebody owns.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "bench")]
struct Thing {
    #[model(index)]
    owner: String,
    title: String,
    size: i64,
}

fn main() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let rounds: usize = std::env::args().nth(1).and_then(|rounds| rounds.parse().ok()).unwrap_or(5);
    let mut ratios = Vec::new();
    for _ in 0..rounds {
        let [none, standing] = [0, STANDING].map(|queries| runtime.block_on(round(queries)));
        println!("{none:.0}/s with none, {standing:.0}/s with {STANDING}: {:.3}", standing / none);
        ratios.push(standing / none);
    }
    ratios.sort_by(f64::total_cmp);
    let median = ratios[ratios.len() / 2];
    println!("median {median:.3}, bar {BAR}: {}", if median >= BAR { "reached" } else { "missed" });
}

/// Inserts in a second, with so many live queries.
async fn round(queries: usize) -> f64 {
    let directory = std::env::temp_dir().join(format!("modeller-standing-{}", std::process::id()));
    std::fs::create_dir(&directory).expect("a directory for the database");
    let engine = engine(directory.join("standing.db")).await;
    let live = Live::new(engine.clone(), LiveOptions::new());
    let mut streams: Vec<LiveStream> = Vec::with_capacity(queries);
    for number in 0..queries {
        let query = Arguments::Json(json!({ "query": { "owner": format!("owner{number}") } }));
        let shape = Thing::descriptor().shape();
        streams.push(live.subscribe(&engine.cx(), shape, query, None).await.expect("subscribed"));
    }
    let start = Instant::now();
    let tasks: Vec<_> = (0..TASKS).map(|task| tokio::spawn(insert(engine.clone(), task, start))).collect();
    let mut count = 0;
    for task in tasks {
        count += task.await.expect("inserted");
    }
    let rate = count as f64 / start.elapsed().as_secs_f64();
    drop(streams);
    engine.stop().await;
    engine.store().close().await;
    std::fs::remove_dir_all(&directory).expect("our own directory");
    rate
}

async fn engine(database: PathBuf) -> Arc<Engine> {
    let app = App::isolated().models::<(Thing,)>().database(database.display().to_string());
    app.engine().await.expect("an engine")
}

async fn insert(engine: Arc<Engine>, task: usize, start: Instant) -> usize {
    let (cx, mut count) = (engine.cx(), 0);
    while start.elapsed() < TIME {
        let owner = format!("owner{}", (count * TASKS + task) * 7919 % STANDING);
        let thing = Thing { owner, title: format!("thing {count} of {task}"), size: 1 };
        Thing::insert(&cx, thing).await.expect("inserted");
        count += 1;
    }
    count
}
