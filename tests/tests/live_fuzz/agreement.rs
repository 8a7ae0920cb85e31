//! At every quiet point each client has what its query answers, whatever was written, cut off, or killed before.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::sleep;

use super::caller::Caller;
use super::client::{Client, Counts, Shared, Subscription};
use super::known::{Fault, Faults};
use super::line::Door;
use super::queries::{GROUPS, Query};
use super::random::Random;
use super::server::Server;
use super::setting;
use super::writers::{Pen, Writer, begin};

/// How long it may take until everybody has heard of everything.
const PATIENCE: Duration = Duration::from_secs(30);
const WRITERS: u64 = 4;
/// How often the server is killed at least, however few changes are asked for.
const KILLS: u64 = 2;
/// How many documents are watched through each door.
const SUBSCRIPTIONS: usize = 17;

/// How far it all is.
struct Stand {
    position: u64,
    changes: u64,
    open: u64,
}

/// A client that listens, until another one takes its place.
struct Seat {
    door: Door,
    subscriptions: Vec<Arc<Subscription>>,
    task: AbortHandle,
}

/// One run.
struct Run {
    server: Server,
    caller: Caller,
    shared: Arc<Shared>,
    pen: Arc<Pen>,
    seats: Vec<Seat>,
    tasks: JoinSet<()>,
    random: Random,
    /// The position of the last quiet point, and how many changes there were until then.
    position: u64,
    changes: u64,
    kills: u64,
    comparisons: u64,
}

/// So many random queries, all of them different.
fn queries(random: &mut Random, count: usize) -> Vec<Query> {
    let mut queries = Vec::new();
    while queries.len() < count {
        let query = Query::random(random);
        // Over Socket.IO the same query is the same subscription.
        if !queries.contains(&query) {
            queries.push(query);
        }
    }
    queries
}

impl Run {
    async fn start(seed: u64) -> Self {
        let server = Server::start("live-fuzz", Some(16 * 1024)).await;
        let mut caller = Caller::new(server.address());
        begin(&mut caller).await;
        let shared = Arc::new(Shared {
            address: server.address(),
            quiet: watch::Sender::new(true),
            counts: Counts::default(),
            faults: Faults::default(),
        });
        let mut run = Run {
            server,
            caller,
            shared,
            pen: Arc::new(Pen::default()),
            seats: Vec::new(),
            tasks: JoinSet::new(),
            random: Random::new(seed, 2),
            position: 0,
            changes: 0,
            kills: 0,
            comparisons: 0,
        };
        for door in [Door::WebSocket, Door::SocketIo, Door::Events] {
            let mut left = SUBSCRIPTIONS;
            run.sit(door, vec![Query::accounts()]);
            while left > 0 {
                let count = if door == Door::Events { 1 } else { run.random.between(1, 3) as usize };
                let queries = queries(&mut run.random, count.min(left));
                left -= queries.len();
                run.sit(door, queries);
            }
        }
        run
    }

    /// Lets another client listen.
    fn sit(&mut self, door: Door, mut queries: Vec<Query>) {
        if door != Door::Events && self.random.once_in(2) {
            queries.push(Query::Sums(GROUPS[self.random.below(GROUPS.len() as u64) as usize]));
        }
        let subscriptions: Vec<_> = queries.into_iter().map(|query| Subscription::new(door, query)).collect();
        let client = Client {
            door,
            subscriptions: subscriptions.clone(),
            random: Random::new(self.random.below(u64::MAX), 3),
            shared: Arc::clone(&self.shared),
            is_narrow: self.random.once_in(3),
        };
        let task = self.tasks.spawn(client.run());
        self.seats.push(Seat { door, subscriptions, task });
    }

    /// Some go for good, and others come who want to know something else.
    fn change_places(&mut self) {
        for _ in 0..self.random.between(1, 4) {
            let at = self.random.below(self.seats.len() as u64) as usize;
            let is_plain = |one: &Arc<Subscription>| {
                matches!(one.query, Query::Documents { .. }) && one.query != Query::accounts()
            };
            let count = self.seats[at].subscriptions.iter().filter(|one| is_plain(one)).count();
            if count > 0 {
                let gone = self.seats.swap_remove(at);
                gone.task.abort();
                let queries = queries(&mut self.random, count);
                self.sit(gone.door, queries);
            }
        }
    }

    /// How far it all is since the last quiet point.
    async fn stand(&mut self) -> Stand {
        let after = json!({ "after": self.position });
        let told = self.caller.ask("POST", "/depot/items/progress", &after).await;
        let number = |name: &str| told[name].as_u64().expect("a number");
        Stand { position: number("position"), changes: number("changes"), open: number("open") }
    }

    async fn kill(&mut self) {
        self.server.kill().await;
        self.kills += 1;
        self.server.restart().await;
    }

    /// Waits until so much has changed since the last quiet point.
    async fn write(&mut self, changes: u64) {
        let begun = Instant::now();
        while self.stand().await.changes < changes {
            assert!(begun.elapsed() < 10 * PATIENCE, "nobody writes any more:\n{}", self.server.log());
            while let Some(ended) = self.tasks.try_join_next() {
                if let Err(error) = ended
                    && error.is_panic()
                {
                    std::panic::resume_unwind(error.into_panic());
                }
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until nothing happens any more: jobs are done, and what follows a commit is.
    async fn settle(&mut self) {
        let begun = Instant::now();
        let mut last = 0;
        loop {
            let Stand { position, open, changes } = self.stand().await;
            if open == 0 && position == last {
                (self.position, self.changes) = (position, self.changes + changes);
                return;
            }
            last = position;
            assert!(begun.elapsed() < 2 * PATIENCE, "{open} jobs are not done:\n{}", self.server.log());
            sleep(Duration::from_millis(30)).await;
        }
    }

    /// Everybody has what their query answers.
    async fn compare(&mut self) {
        let all: Vec<_> = self.seats.iter().flat_map(|seat| seat.subscriptions.iter().cloned()).collect();
        for subscription in all {
            let (method, path, body) = subscription.query.once();
            let truth = self.caller.ask(method, &path, &body).await;
            let begun = Instant::now();
            let mut told = 0;
            loop {
                {
                    let known = subscription.known.lock().unwrap();
                    if known.told != told {
                        told = known.told;
                        let compared = known.compare(&truth);
                        if compared.is_ok() && known.seq() <= self.position {
                            break;
                        }
                    }
                }
                if !self.shared.faults.told.lock().unwrap().is_empty() {
                    return;
                }
                if begun.elapsed() > PATIENCE {
                    return self.differs(&subscription, &truth);
                }
                sleep(Duration::from_millis(3)).await;
            }
            self.comparisons += 1;
        }
    }

    fn differs(&self, subscription: &Subscription, truth: &Json) {
        let known = subscription.known.lock().unwrap();
        let why = known.compare(truth).err().unwrap_or_else(|| format!("it is ahead, at {}", known.seq()));
        let told = format!("{:?} {:?} {why}", subscription.door, subscription.query);
        let fault = if why.contains("out of order") { Fault::OutOfOrder } else { Fault::Missing };
        self.shared.faults.add(fault, format!("{told}\nthe log ends at {}", self.position));
    }

    fn sum(&self, seed: u64, begun: Instant) -> String {
        let (counts, faults) = (&self.shared.counts, &self.shared.faults);
        let of = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        format!(
            "seed {seed}: {} changes in {:?}, {} kills, {} cuts, {} stalls, {} pushes, {} resumes, {} resets after a cut, \
             {} for being slow, {} comparisons: {} missing, {} duplicate, {} out of order, {} other faults",
            self.changes,
            begun.elapsed(),
            self.kills,
            of(&counts.cuts),
            of(&counts.stalls),
            of(&counts.pushes),
            of(&counts.resumes),
            of(&counts.resets),
            of(&counts.slow_resets),
            self.comparisons,
            of(&faults.missing),
            of(&faults.duplicate),
            of(&faults.out_of_order),
            of(&faults.other),
        )
    }
}

// LIV-14, LIV-15, LIV-18, OPS-03, OPS-06
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_client_of_every_door_has_what_its_query_answers() {
    let target = setting("MODELLER_CHANGES", 3_000);
    let clock = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let seed = setting("MODELLER_SEED", clock.as_nanos() as u64);
    println!("MODELLER_CHANGES={target} MODELLER_SEED={seed}");
    let begun = Instant::now();
    let mut run = Run::start(seed).await;
    let stride = (target / 12).clamp(200, 5_000);
    let between_kills = if target / stride > 30 { 10 } else { 4 };
    for number in 0..WRITERS {
        let random = Random::new(seed, 1_000 + number);
        let writer = Writer::new(run.server.address(), random, Arc::clone(&run.pen));
        run.tasks.spawn(writer.run());
    }
    let (mut quiet_points, mut told) = (0, Instant::now());
    // How much is written until a quiet point depends on the dice, and so does how many kills so many changes bring.
    while run.changes < target || run.kills < KILLS {
        quiet_points += 1;
        let is_killed = quiet_points % between_kills == between_kills - 1;
        // In the midst of it all, or when everybody has gone quiet.
        let in_midst = run.random.once_in(2);
        let is_fine = run.random.once_in(3);
        run.pen.is_fine.store(is_fine, Ordering::Relaxed);
        let stride = if is_fine { stride.max(800) } else { stride };
        run.shared.quiet.send_replace(false);
        if is_killed && in_midst {
            run.write(stride / 2).await;
            run.kill().await;
        }
        run.write(stride).await;
        let pen = Arc::clone(&run.pen);
        let nobody_writes = pen.busy.write().await;
        if is_killed && !in_midst {
            run.kill().await;
        }
        run.settle().await;
        run.shared.quiet.send_replace(true);
        run.compare().await;
        run.change_places();
        drop(nobody_writes);
        let context = || format!("{}\n{}", run.sum(seed, begun), run.server.log());
        run.shared.faults.none(context);
        if told.elapsed() > Duration::from_secs(30) {
            println!("{}", run.sum(seed, begun));
            told = Instant::now();
        }
    }
    println!("{}", run.sum(seed, begun));
    let resumes = run.shared.counts.resumes.load(Ordering::Relaxed);
    assert!(resumes > 0, "nobody has gone on where they had been cut off");
}
