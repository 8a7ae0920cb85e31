//! What it costs to tell many clients the same: CPU time of the server for each thing that is told to 1,000 of them, one at a time and
//! in bursts, beside servers that do it by hand. `docs/benchmarks.md` says what is compared, and what the bars are.

mod client;
mod turns;

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use modeller_bench::options::Options;
use modeller_bench::server::{Program, Server, TempDir, cpu_time, describe_machine};
use modeller_bench::stats::median;
use modeller_bench::{Result, http};

use client::{Clients, Wire};

/// Who tells, what of, and to whom.
struct Case {
    name: &'static str,
    program: &'static str,
    wire: Wire,
    path: &'static str,
    /// What a client says to be told.
    asks: &'static str,
    /// Where so many are told of.
    trigger: &'static str,
}

const SOCKETIO: &str = "/socket.io/?EIO=4&transport=websocket";
const SUBJECT: &str = "fanout-subject";
const BASELINE: &str = "fanout-baseline";

const CASES: [Case; 7] = [
    Case {
        name: "live query, Socket.IO",
        program: SUBJECT,
        wire: Wire::SocketIo,
        path: SOCKETIO,
        asks: r#"420["live",{"model":"bench/things"}]"#,
        trigger: "/bench/things/write",
    },
    Case {
        name: "live query, /@ws",
        program: SUBJECT,
        wire: Wire::Plain,
        path: "/@ws",
        asks: r#"{"id":1,"type":"store.subscribe","bucket":"bench/things"}"#,
        trigger: "/bench/things/write",
    },
    Case {
        name: "room, Socket.IO",
        program: SUBJECT,
        wire: Wire::SocketIo,
        path: SOCKETIO,
        asks: r#"420["subscribe",{"model":"bench/things","query":{"room":"a"}}]"#,
        trigger: "/bench/things/publish",
    },
    Case {
        name: "room, bare socketioxide",
        program: BASELINE,
        wire: Wire::SocketIo,
        path: SOCKETIO,
        asks: "",
        trigger: "/publish",
    },
    Case {
        name: "channel, /@ws",
        program: SUBJECT,
        wire: Wire::Plain,
        path: "/@ws",
        asks: r#"{"id":1,"type":"channel.subscribe","channel":"a"}"#,
        trigger: "/bench/things/broadcast",
    },
    Case {
        name: "axum and broadcast",
        program: BASELINE,
        wire: Wire::Plain,
        path: "/ws",
        asks: "",
        trigger: "/broadcast",
    },
    Case { name: "writes alone", program: BASELINE, wire: Wire::Raw, path: "/", asks: "", trigger: "/raw" },
];

/// How many are told at once.
const BURSTS: [u32; 3] = [1, 16, 128];

/// What one case has cost: milliseconds of CPU each thing that was told, for each burst; and kilobytes of memory a client.
struct Cost {
    told: [f64; 3],
    rate: [f64; 3],
    memory: f64,
}

fn main() -> ExitCode {
    let options = Options::from_args(&[
        ("--clients", "N", "how many clients listen (1000)"),
        ("--rounds", "N", "how often each is measured (3)"),
        ("--seconds", "N", "for how long, each burst (2)"),
        ("--only", "TEXT", "only the cases whose name contains it"),
        ("--turns", "N", "instead: so many turns of a live query and what it is compared with"),
    ]);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let run = runtime.map_err(Into::into).and_then(|runtime| runtime.block_on(run(&options)));
    match run {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: &Options) -> Result<bool> {
    let clients: usize = options.value("--clients", 1_000);
    let rounds: usize = options.value("--rounds", 3);
    let time = Duration::from_secs_f64(options.value("--seconds", 2.0));
    let only = options.text("--only").unwrap_or_default();
    describe_machine()?;
    if options.text("--turns").is_some() {
        return turns::run(options.value("--turns", 0), clients).await;
    }
    println!("{clients} clients; medians of {rounds} rounds");
    println!("                        | server CPU, ms each thing told   | deliveries, thousands/s");
    println!("                        | one at a time   16 at once   128 | one at a time   16 at once   128");
    let mut costs: Vec<Vec<Cost>> = CASES.iter().map(|_| Vec::new()).collect();
    for _ in 0..rounds {
        for (case, costs) in CASES.iter().zip(&mut costs) {
            if case.name.contains(only) {
                costs.push(measure(case, clients, time).await?);
            }
        }
    }
    let of = |at: usize, burst: usize| median(costs[at].iter().map(|cost| cost.told[burst]));
    for (at, case) in CASES.iter().enumerate().filter(|(at, _)| !costs[*at].is_empty()) {
        let rate = |burst: usize| median(costs[at].iter().map(|cost| cost.rate[burst])) / 1_000.0;
        println!(
            "{:<23} | {:>13.2} {:>12.2} {:>5.2} | {:>13.0} {:>12.0} {:>5.0}   {:.1} KB a client",
            case.name,
            of(at, 0),
            of(at, 1),
            of(at, 2),
            rate(0),
            rate(1),
            rate(2),
            median(costs[at].iter().map(|cost| cost.memory)),
        );
    }
    if !only.is_empty() {
        return Ok(true);
    }
    let rooms = (0..3).map(|burst| of(3, burst) / of(2, burst)).fold(f64::INFINITY, f64::min);
    let channels: Vec<f64> = (0..3).map(|burst| of(5, burst) / of(4, burst)).collect();
    let best = channels.iter().copied().fold(0.0, f64::max);
    println!(
        "a change over Socket.IO: {:.2} ms (at most 8), {:.2} of bare socketioxide",
        of(0, 0),
        of(0, 0) / of(3, 0)
    );
    println!(
        "a change over /@ws: {:.2} ms (at most 4.5), {:.2} of writes alone",
        of(1, 0),
        of(1, 0) / of(6, 0)
    );
    println!("rooms over Socket.IO: {rooms:.2} of bare socketioxide at least (at least 0.9)");
    println!(
        "channels over /@ws: {:.2}, {:.2} and {:.2} times axum and broadcast (at least 5 in bursts)",
        channels[0], channels[1], channels[2]
    );
    Ok(of(0, 0) <= 8.0 && of(1, 0) <= 4.5 && rooms >= 0.9 && best >= 5.0)
}

/// A case that runs: the server, who listens to it, and who has it tell.
struct Running {
    name: &'static str,
    trigger: &'static str,
    server: Server,
    clients: Clients,
    connection: http::Connection,
    count: usize,
    expected: usize,
    /// Kilobytes of memory a client.
    memory: f64,
    _directory: TempDir,
}

impl Running {
    async fn start(case: &Case, clients: usize) -> Result<Self> {
        let directory = TempDir::new(&std::env::temp_dir(), "modeller-fanout")?;
        let server = Server::start(&Program::built(case.program, &[])?, directory.path())?;
        let before = resident(server.pid())?;
        let mut address = server.address;
        if case.wire == Wire::Raw {
            address.set_port(http::once(server.address, "GET", "/raw-port", "")?.1.parse()?);
        }
        let told = Clients::connect(address, case.path, case.wire, case.asks, clients).await?;
        let memory = (resident(server.pid())? - before) / clients as f64 / 1024.0;
        Ok(Running {
            name: case.name,
            trigger: case.trigger,
            connection: http::Connection::open(server.address).await?,
            server,
            clients: told,
            count: clients,
            expected: 0,
            memory,
            _directory: directory,
        })
    }

    /// Tells all of them so many things at once, and waits until they have heard.
    async fn tell(&mut self, burst: u32) -> Result<()> {
        let mut request = Vec::new();
        http::write_request(&mut request, "POST", self.trigger, &format!("{{\"count\":{burst}}}"));
        let (status, body) = self.connection.send(&request).await?;
        if status != 200 {
            return Err(format!("{}: {status} {}", self.name, String::from_utf8_lossy(body)).into());
        }
        self.expected += self.count * burst as usize;
        let told = self.clients.wait_for(self.expected).await;
        Ok(told.map_err(|error| format!("{}: {error}", self.name))?)
    }

    /// The CPU time that the server has spent.
    fn spent(&self) -> Result<Duration> {
        cpu_time(self.server.pid())
    }
}

async fn measure(case: &Case, clients: usize, time: Duration) -> Result<Cost> {
    let mut running = Running::start(case, clients).await?;
    let mut cost = Cost { told: [0.0; 3], rate: [0.0; 3], memory: running.memory };
    for (at, burst) in BURSTS.into_iter().enumerate() {
        let (mut things, mut start, mut begun) = (0_u32, Instant::now(), running.spent()?);
        // The first few warm up.
        for round in 0.. {
            if round == 3 {
                (things, start, begun) = (0, Instant::now(), running.spent()?);
            }
            running.tell(burst).await?;
            things += burst;
            if round > 3 && start.elapsed() > time {
                break;
            }
        }
        let spent = running.spent()? - begun;
        cost.told[at] = spent.as_secs_f64() * 1_000.0 / f64::from(things);
        cost.rate[at] = f64::from(things) * clients as f64 / start.elapsed().as_secs_f64();
    }
    drop(running.clients);
    running.server.stop()?;
    Ok(cost)
}

/// Bytes of memory that a process has now.
fn resident(pid: u32) -> Result<f64> {
    let pages = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("statm"))?;
    let pages: f64 = pages.split(' ').nth(1).ok_or("no resident pages")?.parse()?;
    Ok(pages * 4096.0)
}
