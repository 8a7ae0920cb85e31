//! The load generator. It shares the machine with the server, so it does as little as it can: requests are formatted into
//! a buffer that is used again, and of an answer only status and length are read.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::Result;
use crate::http::{Connection, write_request};
use crate::server;
use crate::stats::percentile;

/// What the connections ask for, again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scenario {
    /// New users, with e-mails that rise.
    Insert,
    /// One user by its id, chosen at random.
    Get,
    /// A new name for one user, chosen at random.
    Update,
    /// The first 20 users of an age: a filter with an index.
    List,
    /// The user of a name: a filter without an index, which has to look at every row.
    Scan,
    /// A method that touches no database: what it costs to take a payload, check it, and answer.
    Method,
}

impl Scenario {
    /// Each of them.
    pub const ALL: [Scenario; 6] =
        [Scenario::Insert, Scenario::Get, Scenario::Update, Scenario::List, Scenario::Scan, Scenario::Method];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Scenario::Insert => "insert",
            Scenario::Get => "get",
            Scenario::Update => "update",
            Scenario::List => "list",
            Scenario::Scan => "scan",
            Scenario::Method => "method",
        }
    }
}

impl std::str::FromStr for Scenario {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = || Self::ALL.map(Scenario::name).join(", ");
        Self::ALL.into_iter().find(|one| one.name() == name).ok_or_else(|| format!("one of {}", known()))
    }
}

/// How long a load lasts.
#[derive(Clone, Copy, Debug)]
pub enum Amount {
    /// This long, after a time to warm up in which nothing is counted.
    Time(Duration),
    /// This many requests.
    Requests(u64),
}

/// A load to put on a server.
#[derive(Clone, Debug)]
pub struct Load {
    /// Where the server listens.
    pub server: SocketAddr,
    /// The server's process, to read its CPU time and memory.
    pub pid: Option<u32>,
    /// What to ask for.
    pub scenario: Scenario,
    /// How many connections, each with one request on its way.
    pub connections: usize,
    /// How long.
    pub amount: Amount,
    /// The ids of the users that are there.
    pub ids: Arc<Vec<String>>,
    /// The number of the first new user. Those just below it are there, as many as there are ids.
    pub first: u64,
    /// Whether to keep the ids of new users.
    pub keep_ids: bool,
}

/// What came of a load.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// How many requests were answered with a success.
    pub answered: u64,
    /// How many were answered with each other status.
    pub failed: BTreeMap<u16, u64>,
    /// How long it took.
    pub elapsed: Duration,
    /// How long each request took, in microseconds, sorted.
    pub latencies: Vec<u32>,
    /// The CPU time the server spent meanwhile.
    pub server_cpu: Duration,
    /// The most memory the server ever had resident, in bytes.
    pub server_memory: u64,
    /// The ids of the new users, if they were to be kept.
    pub ids: Vec<String>,
}

impl Report {
    /// Requests per second.
    pub fn rate(&self) -> f64 {
        self.answered as f64 / self.elapsed.as_secs_f64()
    }

    /// Microseconds of server CPU time per request.
    pub fn cpu_per_request(&self) -> f64 {
        self.server_cpu.as_secs_f64() * 1e6 / self.answered as f64
    }
}

const WARM_UP: Duration = Duration::from_millis(500);
const WARMING: u8 = 0;
const MEASURING: u8 = 1;
const OVER: u8 = 2;

/// What the connections share.
struct Shared {
    phase: AtomicU8,
    next: AtomicU64,
    end: u64,
}

impl Load {
    /// Puts the load on the server.
    ///
    /// # Errors
    /// If the server can't be reached, breaks a connection, or its process can't be looked at.
    pub async fn run(&self) -> Result<Report> {
        let (phase, end) = match self.amount {
            Amount::Time(_) => (WARMING, u64::MAX),
            Amount::Requests(count) => (MEASURING, self.first + count),
        };
        let shared = Arc::new(Shared { phase: phase.into(), next: self.first.into(), end });
        let load = Arc::new(self.clone());
        let mut running = JoinSet::new();
        for number in 0..self.connections {
            let connection = Connection::open(self.server).await?;
            running.spawn(drive(connection, number as u64, load.clone(), shared.clone()));
        }
        if let Amount::Time(_) = self.amount {
            tokio::time::sleep(WARM_UP).await;
        }
        let (start, cpu) = (Instant::now(), self.server_cpu()?);
        shared.phase.store(MEASURING, Relaxed);
        let mut report = Report::default();
        if let Amount::Time(time) = self.amount {
            tokio::time::sleep(time).await;
            shared.phase.store(OVER, Relaxed);
            report.elapsed = start.elapsed();
            report.server_cpu = self.server_cpu()? - cpu;
        }
        while let Some(one) = running.join_next().await {
            report.take(one??);
        }
        if let Amount::Requests(_) = self.amount {
            report.elapsed = start.elapsed();
            report.server_cpu = self.server_cpu()? - cpu;
        }
        report.server_memory = self.pid.map_or(Ok(0), server::peak_memory)?;
        report.latencies.sort_unstable();
        Ok(report)
    }

    /// Inserts this many users, numbered from `first` on, for the load that follows.
    ///
    /// # Errors
    /// As [`run`](Load::run), and if a user is refused.
    pub async fn seed(&mut self, count: u64) -> Result<()> {
        let inserts = Load {
            scenario: Scenario::Insert,
            amount: Amount::Requests(count),
            keep_ids: true,
            ..self.clone()
        };
        let report = inserts.run().await?;
        if !report.failed.is_empty() {
            return Err(format!("users were refused, by status: {:?}", report.failed).into());
        }
        self.ids = Arc::new(report.ids);
        self.first += count;
        Ok(())
    }

    fn server_cpu(&self) -> Result<Duration> {
        self.pid.map_or(Ok(Duration::ZERO), server::cpu_time)
    }
}

impl Report {
    fn take(&mut self, other: Report) {
        self.answered += other.answered;
        self.latencies.extend(other.latencies);
        self.ids.extend(other.ids);
        for (status, count) in other.failed {
            *self.failed.entry(status).or_default() += count;
        }
    }
}

/// Sends requests over one connection until it is over.
async fn drive(
    mut connection: Connection,
    number: u64,
    load: Arc<Load>,
    shared: Arc<Shared>,
) -> Result<Report> {
    let mut report = Report::default();
    let mut random = Random(number);
    let mut writer = RequestWriter::default();
    loop {
        let phase = shared.phase.load(Relaxed);
        let sequence = shared.next.fetch_add(1, Relaxed);
        if phase == OVER || sequence >= shared.end {
            return Ok(report);
        }
        let request = writer.write(&load, sequence, &mut random);
        let sent = Instant::now();
        let (status, body) = connection.send(request).await?;
        // What was on its way when a phase began or ended counts in the phase in which it arrived.
        if shared.phase.load(Relaxed) != MEASURING {
            continue;
        }
        if !(200..300).contains(&status) {
            *report.failed.entry(status).or_default() += 1;
            continue;
        }
        report.answered += 1;
        report.latencies.push(u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX));
        if load.keep_ids {
            report.ids.push(id_of(body)?);
        }
    }
}

/// The `_id` of a document.
fn id_of(document: &[u8]) -> Result<String> {
    let document: serde_json::Value = serde_json::from_slice(document)?;
    Ok(document["_id"].as_str().ok_or("an answer without _id")?.to_owned())
}

/// How many different ages the users have, as many of each.
const AGES: u64 = 1000;

#[derive(Default)]
struct RequestWriter {
    target: String,
    body: String,
    request: Vec<u8>,
}

impl RequestWriter {
    fn write(&mut self, load: &Load, sequence: u64, random: &mut Random) -> &[u8] {
        let RequestWriter { target, body, request } = self;
        target.clear();
        body.clear();
        request.clear();
        let mut any_id = || load.ids[random.below(load.ids.len() as u64) as usize].as_str();
        // Writing to a string can't fail.
        let (method, _) = match load.scenario {
            Scenario::Insert => {
                target.push_str("/system/users/insert");
                ("POST", write!(body, "{}", new_user(sequence)))
            }
            Scenario::Get => ("GET", write!(target, "/system/users/get?_id={}", any_id())),
            Scenario::Update => {
                let _ = write!(body, r#"{{"name":"Renamed {sequence}"}}"#);
                ("PUT", write!(target, "/system/users/update?_id={}", any_id()))
            }
            Scenario::List => {
                ("GET", write!(target, "/system/users/list?age={}&count=20", random.below(AGES)))
            }
            Scenario::Scan => {
                let number = load.first - 1 - random.below(load.ids.len() as u64);
                ("GET", write!(target, "/system/users/list?name=User%20{number}"))
            }
            Scenario::Method => {
                target.push_str("/system/users/greet");
                let times = random.below(100) + 1;
                let written = write!(
                    body,
                    r#"{{"email":"user{sequence}@example.com","name":"User {sequence}","times":{times}}}"#
                );
                ("POST", written)
            }
        };
        write_request(request, method, target, body);
        request
    }
}

/// The new user of a number, as JSON.
fn new_user(number: u64) -> impl std::fmt::Display {
    std::fmt::from_fn(move |f| {
        let age = number % AGES;
        write!(f, r#"{{"email":"user{number:016}@example.com","name":"User {number}","#)?;
        write!(f, r#""password":"correct horse battery staple","role":"user","age":{age}}}"#)
    })
}

/// Numbers that look random and are the same in each run (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((u128::from(mixed ^ (mixed >> 31)) * u128::from(end)) >> 64) as u64
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [p50, p99] = [0.5, 0.99].map(|share| f64::from(percentile(&self.latencies, share)) / 1000.0);
        writeln!(f, "{} requests in {:.2?}: {:.0}/s", self.answered, self.elapsed, self.rate())?;
        write!(f, "latency p50 {p50:.2} ms, p99 {p99:.2} ms")?;
        if self.server_memory > 0 {
            let memory = self.server_memory as f64 / 1e6;
            write!(
                f,
                "\nserver: {:.2} µs CPU per request, at most {memory:.0} MB resident",
                self.cpu_per_request()
            )?;
        }
        self.failed.iter().try_for_each(|(status, count)| write!(f, "\n{count} answers with status {status}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_user_is_json_with_a_rising_email() {
        let [first, second] = [9, 10]
            .map(|number| serde_json::from_str::<serde_json::Value>(&new_user(number).to_string()).unwrap());
        assert!(first["email"].as_str() < second["email"].as_str());
        assert_eq!(second["age"], 10);
    }

    #[test]
    fn random_numbers_stay_below_their_end() {
        let mut random = Random(7);
        let numbers: Vec<u64> = (0..1000).map(|_| random.below(10)).collect();
        assert!((0..10).all(|digit| numbers.contains(&digit)) && numbers.iter().all(|number| *number < 10));
    }
}
