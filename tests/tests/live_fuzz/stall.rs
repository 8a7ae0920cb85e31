//! Clients that read nothing for long: the server's memory stays bounded, and they end up with what is there.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};
use tokio::task::JoinSet;
use tokio::time::{interval, sleep, timeout};

use super::caller::Caller;
use super::known::Known;
use super::line::{Door, Heard, Line};
use super::queries::Query;
use super::server::Server;
use super::setting;

const DOORS: [Door; 2] = [Door::WebSocket, Door::SocketIo];
/// Documents, and how many of them one call writes.
const METERS: usize = 1_000;
const AT_ONCE: usize = 50;
/// How many writes there are in a second, if the server can do so many.
const RATE: u64 = 5_000;
const WRITERS: usize = 4;
/// Who reads, at each door.
const READERS: usize = 3;
/// How much more memory the server may take while somebody reads nothing, in KiB.
const MOST: u64 = 64 * 1024;

fn meters() -> Query {
    Query::Documents { model: "depot/meters", filter: json!({}), window: None, fields: None }
}

/// Microseconds since the test began.
fn now(begun: Instant) -> i64 {
    begun.elapsed().as_micros() as i64
}

/// A client that watches all meters.
struct Watcher {
    line: Line,
    known: Known,
}

impl Watcher {
    async fn connect(door: Door, server: &Server, is_narrow: bool) -> Self {
        let address = server.address().borrow().expect("the server is there");
        let line = Line::open(door, address, is_narrow, &[(meters(), None)]).await.unwrap();
        let mut watcher = Watcher { line, known: Known::new(meters()) };
        watcher.hear().await;
        watcher
    }

    /// Hears one thing.
    async fn hear(&mut self) -> Json {
        let (data, taken) = match self.line.next().await.expect("nobody is cut off") {
            Heard::Begun(_, _, data) => {
                let taken = self.known.begin(&data).map(drop);
                (data, taken)
            }
            Heard::Told(_, data) => {
                let taken = self.known.take(&data).map(drop);
                (data, taken)
            }
            Heard::Wrong(text) => panic!("{text}"),
        };
        taken.unwrap_or_else(|wrong| panic!("{wrong:?}"));
        data
    }

    /// Listens until it knows all that there is.
    async fn catch_up(&mut self, truth: &Json) {
        let caught_up = async {
            while self.known.compare(truth).is_err() {
                self.hear().await;
            }
        };
        let done = timeout(Duration::from_secs(60), caught_up).await.is_ok();
        assert!(done, "{:?}", self.known.compare(truth));
    }

    /// Listens forever, and writes down how many microseconds it took from each write until it heard of it.
    async fn listen(mut self, begun: Instant, latencies: Arc<Mutex<Vec<i64>>>) {
        loop {
            let data = self.hear().await;
            let last = data["changes"].as_array().and_then(|changes| changes.last());
            if let Some(sent) = last.and_then(|change| change["document"]["sent"].as_i64()) {
                latencies.lock().unwrap().push(now(begun) - sent);
            }
        }
    }
}

/// Writes to its share of the documents, so often in a second at most; answers how many writes there were.
async fn write(server: &Server, ids: &[String], begun: Instant, time: Duration) -> usize {
    let mut tasks = JoinSet::new();
    for (number, share) in ids.chunks(METERS / WRITERS).enumerate() {
        let (mut caller, share) = (Caller::new(server.address()), share.to_vec());
        tasks.spawn(async move {
            let mut tick = interval(Duration::from_micros(1_000_000 * (AT_ONCE * WRITERS) as u64 / RATE));
            sleep(Duration::from_millis(number as u64)).await;
            let (end, mut written) = (Instant::now() + time, 0);
            while Instant::now() < end {
                tick.tick().await;
                let (first, sent) = (written % share.len(), now(begun));
                let some = share[first..].iter().chain(&share).take(AT_ONCE);
                let operations: Vec<Json> = some
                    .map(|id| json!({ "op": "update", "query": { "_id": id }, "data": { "sent": sent } }))
                    .collect();
                let body = json!({ "operations": operations });
                caller.ask("POST", "/depot/meters/batch", &body).await;
                written += AT_ONCE;
            }
            written
        });
    }
    tasks.join_all().await.into_iter().sum()
}

/// Writes, and says how it went: writes a second, the 99th percentile of latencies, the most memory the server had.
async fn measure(
    server: &Server,
    ids: &[String],
    begun: Instant,
    time: Duration,
    latencies: &Mutex<Vec<i64>>,
) -> (usize, Duration, u64) {
    latencies.lock().unwrap().clear();
    let mut most = 0;
    let watch = async {
        loop {
            most = most.max(server.memory().unwrap_or_default());
            sleep(Duration::from_millis(100)).await;
        }
    };
    let written = tokio::select! {
        written = write(server, ids, begun, time) => written,
        () = watch => unreachable!("it watches forever"),
    };
    let mut all = std::mem::take(&mut *latencies.lock().unwrap());
    all.sort_unstable();
    let p99 = all.get(all.len().saturating_sub(1) * 99 / 100).copied().unwrap_or_default();
    (written, Duration::from_micros(p99.unsigned_abs()), most)
}

// OPS-03
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_reads_nothing_costs_little_and_ends_up_with_what_is_there() {
    let seconds = setting("MODELLER_STALL", 3);
    let time = Duration::from_secs(seconds);
    let server = Server::start("live-stall", None).await;
    let mut caller = Caller::new(server.address());
    let mut ids = Vec::new();
    for _ in 0..METERS / 500 {
        let insert = json!({ "op": "insert", "data": { "sent": 0, "padding": "x".repeat(64) } });
        let body = json!({ "operations": vec![insert; 500] });
        let answer = caller.ask("POST", "/depot/meters/batch", &body).await;
        let results = answer["results"].as_array().unwrap();
        ids.extend(results.iter().map(|one| one["data"]["_id"].as_str().unwrap().to_owned()));
    }
    let (begun, latencies) = (Instant::now(), Arc::new(Mutex::new(Vec::new())));
    let mut readers = JoinSet::new();
    for door in DOORS.iter().cycle().take(DOORS.len() * READERS) {
        let watcher = Watcher::connect(*door, &server, false).await;
        readers.spawn(watcher.listen(begun, Arc::clone(&latencies)));
    }
    // What is needed once is there after a while.
    write(&server, &ids, begun, time.min(Duration::from_secs(5))).await;
    let before = measure(&server, &ids, begun, time.min(Duration::from_secs(20)), &latencies).await;
    let mut stalled = Vec::new();
    for door in DOORS {
        stalled.push(Watcher::connect(door, &server, true).await);
    }
    let during = measure(&server, &ids, begun, time, &latencies).await;
    let (method, path, body) = meters().once();
    let truth = caller.ask(method, &path, &body).await;
    let told: Vec<u64> = stalled.iter().map(|watcher| watcher.known.told).collect();
    for watcher in &mut stalled {
        watcher.catch_up(&truth).await;
    }
    let caught_up: Vec<u64> = stalled.iter().map(|watcher| watcher.known.told).collect();
    drop(stalled);
    // Once more, so that it can be seen how much such times differ by themselves.
    let again = measure(&server, &ids, begun, time.min(Duration::from_secs(20)), &latencies).await;
    if let Some(Err(error)) = readers.try_join_next() {
        std::panic::resume_unwind(error.into_panic());
    }
    let short = seconds.min(20);
    for (name, seconds, (written, p99, memory)) in
        [("all read", short, before), ("two read nothing", seconds, during), ("all read again", short, again)]
    {
        let rate = written as u64 / seconds.max(1);
        println!("{name}: {rate} writes/s, p99 of a push {p99:?}, at most {} MiB resident", memory / 1024);
    }
    println!("they had been told {told:?} times, and caught up with {caught_up:?}");
    let more = during.2.saturating_sub(before.2);
    assert!(more < MOST, "{more} KiB more than when all read");
}
