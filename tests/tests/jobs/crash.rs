//! `kill -9` at random moments: no job is lost, none runs again after it was done.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use modeller::App;
use modeller::engine::{Engine, JobState, JobsOptions};
use modeller::prelude::*;

use crate::{Effect, Order};

const CHILD: &str = "MODELLER_TEST_JOBS_CRASH";

/// A folder that goes with the test.
pub struct File(pub PathBuf);

impl File {
    pub fn new() -> Self {
        let unique = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
        let path = std::env::temp_dir().join(format!("modeller-jobs-{}-{unique}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        File(path)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// Writes down which order it was for, and which run it was.
#[modeller::job(attempts = 1000, timeout = "1m")]
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
pub struct Deliver {
    pub what: String,
    /// Whether the effect is one with the completion.
    pub at_once: bool,
}

impl Job for Deliver {
    async fn run(self, cx: &Cx) -> Result<()> {
        let (id, attempt) = (cx.job_id().unwrap_or_default().to_owned(), cx.attempt());
        let effect = Effect { text: format!("{} {id} {attempt}", self.what) };
        if self.at_once {
            return cx.complete_with(async |tx| Effect::insert(&tx, effect).await.map(drop)).await;
        }
        Effect::insert(cx, effect).await.map(drop)
    }
}

async fn open(path: &Path) -> Arc<Engine> {
    let options = JobsOptions::new().lease(Duration::from_secs(1)).retention(Duration::from_secs(24 * 3_600));
    let app = App::isolated().models::<(Effect, Order)>().database(path.display().to_string());
    let engine = app.jobs(options).engine().await.unwrap();
    engine.jobs().start();
    engine
}

/// Not a test: the process that is killed. It does nothing unless it is told where.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let Ok(path) = std::env::var(CHILD) else { return };
    let run = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    let engine = open(Path::new(&path)).await;
    let say = |line: String| {
        let mut out = std::io::stdout().lock();
        writeln!(out, "\n{line}").unwrap();
        out.flush().unwrap();
    };
    say("@started here".to_owned());
    let tasks: Vec<_> = (0..8)
        .map(|task| {
            let cx = engine.cx();
            tokio::spawn(async move {
                for number in 0.. {
                    let what = format!("{run}-{task}-{number}");
                    let ordered = cx
                        .transaction(async |tx| {
                            Order::insert(&tx, Order { what: what.clone() }).await?;
                            Deliver { what: what.clone(), at_once: number % 2 == 0 }.enqueue(&tx).await
                        })
                        .await;
                    say(format!("@ordered {what} {}", ordered.unwrap().id));
                }
            })
        })
        .collect();
    // What the others were told to be done is said, too.
    let jobs = engine.jobs();
    loop {
        for job in jobs.list(JobState::Done, 1_000_000).await.unwrap().iter().rev().take(50) {
            say(format!("@done {} {}", job.id, job.attempt));
        }
        if tasks.iter().all(|task| task.is_finished()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// What the processes have said before they were killed.
#[derive(Default)]
struct Said {
    ordered: BTreeMap<String, String>,
    /// Jobs that were done, and in which attempt.
    done: BTreeMap<String, i64>,
}

fn run_and_kill(path: &Path, after: Duration, said: &mut Said) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["crash::child", "--exact", "--nocapture", "--test-threads=1"])
        .env(CHILD, path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).split(b'\n');
    let mut killer = None;
    for line in lines.map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line).into_owned();
        let Some(words) = line.strip_prefix('@') else { continue };
        match words.split(' ').collect::<Vec<_>>().as_slice() {
            ["ordered", what, id] => drop(said.ordered.insert((*what).to_owned(), (*id).to_owned())),
            // The last line may be cut off.
            ["done", id, attempt] if id.len() == 36 => {
                let before = said.done.insert((*id).to_owned(), attempt.parse().unwrap());
                assert!(before.is_none_or(|before| before.to_string() == *attempt), "{id} ran again");
            }
            _ => {}
        }
        if killer.is_none() {
            let pid = child.id().to_string();
            killer = Some(std::thread::spawn(move || {
                std::thread::sleep(after);
                assert!(Command::new("kill").args(["-9", &pid]).status().unwrap().success());
            }));
        }
    }
    killer.expect("the child wrote something").join().unwrap();
    assert!(!child.wait().unwrap().success());
}

//
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_job_is_lost_or_repeated_through_kill_9() {
    let lab = File::new();
    let path = lab.0.join("crash.db");
    let kills: u64 = std::env::var("MODELLER_KILLS").map_or(5, |kills| kills.parse().unwrap());
    let mut random = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
    let mut said = Said::default();
    for kill in 0..kills {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let after = Duration::from_millis((random >> 33) % 600);
        run_and_kill(&path, after, &mut said);
        println!("kill {} after {after:?}: {} orders so far", kill + 1, said.ordered.len());
    }
    check(&path, &said).await;
}

async fn check(path: &Path, said: &Said) {
    let engine = open(path).await;
    let jobs = engine.jobs();
    let end = std::time::Instant::now() + Duration::from_secs(120);
    loop {
        let counts = jobs.counts().await.unwrap();
        assert_eq!((counts.dead, counts.cancelled), (0, 0));
        if counts.waiting + counts.running == 0 {
            break;
        }
        assert!(std::time::Instant::now() < end, "{counts:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    engine.stop().await;
    let cx = engine.cx();
    let orders: BTreeSet<String> =
        Order::find().all(&cx).await.unwrap().into_iter().map(|order| order.data.what).collect();
    let entries = jobs.list(JobState::Done, 10_000_000).await.unwrap();
    let mut effects: BTreeMap<String, Vec<(String, i64)>> = BTreeMap::new();
    for effect in Effect::find().all(&cx).await.unwrap() {
        let [what, id, attempt] = effect.data.text.split(' ').collect::<Vec<_>>()[..] else { panic!() };
        effects.entry(what.to_owned()).or_default().push((id.to_owned(), attempt.parse().unwrap()));
    }
    for (what, id) in &said.ordered {
        assert!(orders.contains(what), "{what} was acknowledged and is lost");
        assert!(entries.iter().any(|entry| entry.id.as_str() == id), "the job of {what} is lost");
    }
    // Exactly one job for each order, and at least one effect for each job.
    assert_eq!(entries.len(), orders.len());
    assert_eq!(effects.keys().collect::<BTreeSet<_>>(), orders.iter().collect());
    let mut repeated = 0;
    for entry in &entries {
        let payload: Deliver = serde_json::from_str(&entry.payload).unwrap();
        let runs = &effects[&payload.what];
        assert!(runs.iter().all(|(id, _)| id == entry.id.as_str()), "two jobs for {}", payload.what);
        let last = runs.iter().map(|(_, attempt)| *attempt).max().unwrap();
        // It never ran again after it was done, and what it completed with happened once.
        assert_eq!(last, entry.attempt, "{}", payload.what);
        assert!(said.done.get(entry.id.as_str()).is_none_or(|attempt| *attempt == entry.attempt));
        assert!(!payload.at_once || runs.len() == 1, "{} was delivered {} times", payload.what, runs.len());
        repeated += runs.len() - 1;
    }
    println!("{} jobs, {repeated} runs were broken off between their effect and their end", entries.len());
    engine.store().close().await;
}
