//! A client with its subscriptions: it is cut off, comes back, and stops reading, as chance will have it.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::known::{Begun, Fault, Faults, Known};
use super::line::{Door, Heard, Line};
use super::queries::Query;
use super::random::Random;
use super::server::Address;

/// Something that a client watches.
pub struct Subscription {
    pub door: Door,
    pub query: Query,
    pub known: Mutex<Known>,
}

/// What happens to clients, counted.
#[derive(Debug, Default)]
pub struct Counts {
    pub cuts: AtomicU64,
    pub stalls: AtomicU64,
    pub resumes: AtomicU64,
    /// Whole answers to those who came back, and to those who were too slow.
    pub resets: AtomicU64,
    pub slow_resets: AtomicU64,
    pub pushes: AtomicU64,
}

/// What all clients share.
pub struct Shared {
    pub address: Address,
    /// While nobody writes, nobody is cut off.
    pub quiet: watch::Sender<bool>,
    pub counts: Counts,
    pub faults: Faults,
}

/// A client.
pub struct Client {
    pub door: Door,
    pub subscriptions: Vec<Arc<Subscription>>,
    pub random: Random,
    pub shared: Arc<Shared>,
    /// Whether little fits into its part of the connection.
    pub is_narrow: bool,
}

impl Subscription {
    pub fn new(door: Door, query: Query) -> Arc<Self> {
        Arc::new(Subscription { door, known: Mutex::new(Known::new(query.clone())), query })
    }
}

impl Client {
    /// Listens forever.
    pub async fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        let (mut address, mut quiet) = (shared.address.clone(), shared.quiet.subscribe());
        loop {
            let Ok(there) = address.wait_for(Option::is_some).await.map(|there| *there) else { return };
            let Some(there) = there else { continue };
            let asked: Vec<_> = self
                .subscriptions
                .iter()
                .map(|one| (one.query.clone(), one.known.lock().unwrap().position.clone()))
                .collect();
            let listened = async {
                let mut line = Line::open(self.door, there, self.is_narrow, &asked).await?;
                self.listen(&mut line, &mut quiet).await
            };
            match listened.await {
                Ok(()) => {
                    // Away for a while, or not at all.
                    let away = if self.random.once_in(2) { 0 } else { self.random.below(300) };
                    drop(timeout(Duration::from_millis(away), quiet.wait_for(|quiet| *quiet)).await);
                }
                Err(error) => {
                    if error.kind() == io::ErrorKind::InvalidData {
                        self.fault(Fault::Other, &error.to_string());
                    }
                    sleep(Duration::from_millis(10)).await;
                }
            }
        }
    }

    /// Listens until the connection ends (an error), or is to be cut.
    async fn listen(&mut self, line: &mut Line, quiet: &mut watch::Receiver<bool>) -> io::Result<()> {
        let mut names = HashMap::new();
        let mut fate = Instant::now() + self.some_time();
        loop {
            tokio::select! {
                heard = line.next() => self.hear(heard?, &mut names),
                changed = quiet.changed() => {
                    changed.map_err(io::Error::other)?;
                    fate = Instant::now() + self.some_time();
                }
                () = sleep_until(fate), if !*quiet.borrow() => {
                    let counts = &self.shared.counts;
                    if !self.random.once_in(if self.is_narrow { 2 } else { 3 }) {
                        counts.cuts.fetch_add(1, Ordering::Relaxed);
                        return Ok(());
                    }
                    counts.stalls.fetch_add(1, Ordering::Relaxed);
                    // It reads nothing, although there is something.
                    let most = if self.random.once_in(3) { 10_000 } else { 1_000 };
                    let stall = Duration::from_millis(self.random.between(50, most));
                    drop(timeout(stall, quiet.wait_for(|quiet| *quiet)).await);
                    fate = Instant::now() + self.some_time();
                }
            }
        }
    }

    fn some_time(&mut self) -> Duration {
        Duration::from_millis(self.random.between(10, 1_500))
    }

    fn hear(&self, heard: Heard, names: &mut HashMap<String, usize>) {
        let counts = &self.shared.counts;
        let add = |counter: &AtomicU64| counter.fetch_add(1, Ordering::Relaxed);
        let (number, done) = match heard {
            Heard::Begun(number, name, data) => {
                let Some(subscription) = self.subscriptions.get(number) else {
                    return self.fault(Fault::Other, &format!("nobody has asked for {number}"));
                };
                if names.insert(name.clone(), number).is_some() {
                    self.fault(Fault::Duplicate, &format!("two subscriptions are called {name}"));
                }
                let begun = subscription.known.lock().unwrap().begin(&data);
                match begun {
                    Ok(Begun::Resumed) => drop(add(&counts.resumes)),
                    Ok(Begun::Reset) => drop(add(&counts.resets)),
                    _ => {}
                }
                (number, begun.map(drop))
            }
            Heard::Told(name, data) => {
                let Some(&number) = names.get(&name) else {
                    return self.fault(Fault::Other, &format!("{name} is told something before it began"));
                };
                add(&counts.pushes);
                let was_slow = self.subscriptions[number].known.lock().unwrap().take(&data);
                if was_slow == Ok(true) {
                    add(&counts.slow_resets);
                }
                (number, was_slow.map(drop))
            }
            Heard::Wrong(text) => return self.fault(Fault::Other, &text),
        };
        if let Err((fault, why)) = done {
            self.fault(fault, &format!("{:?}: {why}", self.subscriptions[number].query));
        }
    }

    fn fault(&self, fault: Fault, what: &str) {
        self.shared.faults.add(fault, format!("{:?}: {what}", self.door));
    }
}
