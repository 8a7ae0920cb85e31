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

/// What a round has come to.
struct Round {
    /// Inserts in a second.
    rate: f64,
    /// Processor time of an insert, in µs: of the thread that writes, and of all.
    cpu: [f64; 2],
    /// What a live query takes, in bytes.
    bytes: f64,
}

/// Arguments: how many rounds, and `none` or `with` for rounds of one kind only (for a profiler).
fn main() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let rounds: usize = std::env::args().nth(1).and_then(|rounds| rounds.parse().ok()).unwrap_or(5);
    let only = std::env::args().nth(2);
    let mut ratios = Vec::new();
    for _ in 0..rounds {
        let [none, with] = [("none", 0), ("with", STANDING)].map(|(kind, queries)| {
            let is_wanted = only.as_ref().is_none_or(|only| only == kind);
            is_wanted.then(|| runtime.block_on(round(queries)))
        });
        for (name, round) in [("none", &none), ("100,000", &with)] {
            let Some(Round { rate, cpu: [writer, all], bytes }) = round else { continue };
            println!(
                "{rate:.0}/s with {name}: {all:.1} µs each, {writer:.1} of them the writer's; {bytes:.0} bytes a query"
            );
        }
        ratios.extend(none.zip(with).map(|(none, with)| with.rate / none.rate));
    }
    ratios.sort_by(f64::total_cmp);
    if let Some(median) = ratios.get(ratios.len() / 2) {
        println!("median {median:.3}, bar {BAR}: {}", if *median >= BAR { "reached" } else { "missed" });
    }
}

/// Inserts with so many live queries.
async fn round(queries: usize) -> Round {
    let directory = std::env::temp_dir().join(format!("modeller-standing-{}", std::process::id()));
    std::fs::create_dir(&directory).expect("a directory for the database");
    let engine = engine(directory.join("standing.db")).await;
    let live = Live::new(engine.clone(), LiveOptions::new());
    let mut streams: Vec<LiveStream> = Vec::with_capacity(queries);
    let before = resident();
    for number in 0..queries {
        let query = Arguments::Json(json!({ "query": { "owner": format!("owner{number}") } }));
        let shape = Thing::descriptor().shape();
        streams.push(live.subscribe(&engine.cx(), shape, query, None).await.expect("subscribed"));
    }
    let bytes = (resident() - before) / queries.max(1) as f64;
    let (start, cpu) = (Instant::now(), processor());
    let tasks: Vec<_> = (0..TASKS).map(|task| tokio::spawn(insert(engine.clone(), task, start))).collect();
    let mut count = 0;
    for task in tasks {
        count += task.await.expect("inserted");
    }
    let rate = count as f64 / start.elapsed().as_secs_f64();
    let now = processor();
    let cpu = [0, 1].map(|at| (now[at] - cpu[at]) / 1e3 / count as f64);
    drop(streams);
    engine.stop().await;
    engine.store().close().await;
    std::fs::remove_dir_all(&directory).expect("our own directory");
    Round { rate, cpu, bytes }
}

/// How much memory is resident, in bytes.
fn resident() -> f64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    pages.split(' ').nth(1).and_then(|pages| pages.parse().ok()).map_or(0.0, |pages: f64| pages * 4096.0)
}

/// How long threads have run, in ns: the one that writes, and all.
fn processor() -> [f64; 2] {
    let mut times = [0.0; 2];
    let Ok(threads) = std::fs::read_dir("/proc/self/task") else { return times };
    for thread in threads.flatten() {
        let text = |name: &str| std::fs::read_to_string(thread.path().join(name)).unwrap_or_default();
        let time: f64 =
            text("schedstat").split(' ').next().and_then(|time| time.parse().ok()).unwrap_or_default();
        times[1] += time;
        if text("comm").trim() == "sqlite-writer" {
            times[0] += time;
        }
    }
    times
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
