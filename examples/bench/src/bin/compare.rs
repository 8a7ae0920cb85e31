//! Runs the hand-written server and modeller's in turn, under the same load, and prints ratios.
//!
//! A ratio is taken of two runs that follow each other, and the median of those ratios is shown: what else the machine does
//! hits both sides of a ratio alike. `docs/benchmarks.md` has the rest.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use modeller_bench::load::{Amount, Load, Report, Scenario};
use modeller_bench::options::Options;
use modeller_bench::server::{Program, Server, TempDir, build, describe_machine};
use modeller_bench::stats::{median, percentile, ratio};
use modeller_bench::{Result, http};
use serde_json::Value;

/// What modeller has to reach: requests per second and server CPU per request, both relative to the hand-written server;
/// inserts relative to one transaction for each; bytes resident after lists without an index.
const RATE: f64 = 0.9;
const CPU: f64 = 1.15;
const GROUP: f64 = 8.0;
const MEMORY: f64 = 150e6;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode> {
    let options = Options::from_args(&[
        ("--rounds", "N", "how often each server is measured in each scenario (5)"),
        ("--seconds", "N", "how long each time, after half a second to warm up (4)"),
        ("--scenarios", "A,B,..", "some of insert,get,update,list,scan,method (all of them)"),
        ("--connections", "N", "how many at once (64)"),
        ("--users", "N", "how many there are, but for insert (100000)"),
        ("--subject", "PATH", "the server to measure (built from this package)"),
        ("--baseline", "PATH", "the server to measure it by (built from this package)"),
        ("--baseline-args", "ARGS", "more arguments for it, such as --lean-update"),
        (
            "--no-single",
            "",
            "leave out inserts with a transaction each, which only the server by hand can do",
        ),
        ("--dir", "PATH", "where the databases go (the system's temporary directory)"),
        ("--check", "", "exit with 1 if a bar is missed"),
    ]);
    let given = |name: &str, args: &[&str]| -> Result<Program> {
        let Some(path) = options.text(name) else { return Program::built(&name[2..], args) };
        Ok(Program {
            path: Path::new(path).canonicalize()?,
            args: args.iter().map(ToString::to_string).collect(),
        })
    };
    let baseline_args: Vec<&str> =
        options.text("--baseline-args").unwrap_or_default().split_whitespace().collect();
    let scenarios: Vec<Scenario> = match options.text("--scenarios") {
        Some(names) => names.split(',').map(str::parse).collect::<Result<_, _>>()?,
        None => Scenario::ALL.to_vec(),
    };
    let bench = Bench {
        dir: options.value("--dir", std::env::temp_dir()),
        rounds: options.value("--rounds", 5),
        single: !options.has("--no-single"),
        time: Duration::try_from_secs_f64(options.value("--seconds", 4.0))?,
        connections: options.value("--connections", 64),
    };
    let users = options.value("--users", 100_000);
    if !(options.has("--subject") && options.has("--baseline")) {
        build()?;
    }
    describe_machine()?;
    let baseline = bench.prepare("baseline", given("--baseline", &baseline_args)?, users).await?;
    let subject = bench.prepare("subject", given("--subject", &[])?, users).await?;
    agree(&baseline, &subject, &bench.dir)?;

    let mut verdict = Verdict::default();
    println!("{} rounds of {:?}, {} connections; medians", bench.rounds, bench.time, bench.connections);
    println!("          | requests/s                 | server CPU, µs per request  | p99, ms");
    println!("          | baseline  subject   ratio  | baseline  subject   ratio   | baseline  subject");
    for scenario in scenarios {
        bench.compare(scenario, &baseline, &subject, &mut verdict).await?;
    }
    println!("{}", if verdict.missed.is_empty() { "every bar is reached" } else { "these bars are missed:" });
    verdict.missed.iter().for_each(|missed| println!("  {missed}"));
    let failed = options.has("--check") && !verdict.missed.is_empty();
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The bars that were missed.
#[derive(Default)]
struct Verdict {
    missed: Vec<String>,
}

impl Verdict {
    fn expect(&mut self, holds: bool, what: String) {
        if !holds {
            self.missed.push(what);
        }
    }
}

/// A server with a database of users to start from.
struct Side {
    program: Program,
    template: TempDir,
    ids: Arc<Vec<String>>,
    users: u64,
}

struct Bench {
    dir: PathBuf,
    rounds: usize,
    /// Whether inserts with a transaction each are measured, too.
    single: bool,
    time: Duration,
    connections: usize,
}

impl Bench {
    fn load(&self, server: &Server, scenario: Scenario) -> Load {
        Load {
            server: server.address,
            pid: Some(server.pid()),
            scenario,
            connections: self.connections,
            amount: Amount::Time(self.time),
            ids: Arc::default(),
            first: 0,
            keep_ids: false,
        }
    }

    /// Makes the database that runs start from: each server has tables of its own.
    async fn prepare(&self, name: &str, program: Program, users: u64) -> Result<Side> {
        let template = TempDir::new(&self.dir, &format!("bench-{name}"))?;
        let server = Server::start(&program, template.path())?;
        let mut load = self.load(&server, Scenario::Insert);
        load.seed(users).await?;
        server.stop()?;
        Ok(Side { program, template, ids: load.ids, users })
    }

    /// One run, on a database of its own.
    async fn measure(&self, side: &Side, program: &Program, scenario: Scenario) -> Result<Report> {
        let directory = match scenario {
            Scenario::Insert => TempDir::new(&self.dir, "bench-run")?,
            _ => TempDir::copy(&self.dir, "bench-run", side.template.path())?,
        };
        let server = Server::start(program, directory.path())?;
        let mut load = self.load(&server, scenario);
        if scenario != Scenario::Insert {
            (load.ids, load.first) = (side.ids.clone(), side.users);
        }
        let report = load.run().await?;
        if !report.failed.is_empty() {
            let log = std::fs::read_to_string(directory.path().join("server.log"))?;
            return Err(format!("{}: {report}\n{log}", program.path.display()).into());
        }
        Ok(report)
    }

    /// All runs of one scenario, and their line in the table.
    async fn compare(
        &self,
        scenario: Scenario,
        baseline: &Side,
        subject: &Side,
        verdict: &mut Verdict,
    ) -> Result<()> {
        let single = Program { path: baseline.program.path.clone(), args: vec!["--no-group".into()] };
        let (mut a, mut b, mut s) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..self.rounds {
            a.push(self.measure(baseline, &baseline.program, scenario).await?);
            b.push(self.measure(subject, &subject.program, scenario).await?);
            if scenario == Scenario::Insert && self.single {
                s.push(self.measure(baseline, &single, scenario).await?);
            }
        }
        let each =
            |reports: &[Report], value: fn(&Report) -> f64| reports.iter().map(value).collect::<Vec<f64>>();
        let p99 = |report: &Report| f64::from(percentile(&report.latencies, 0.99)) / 1000.0;
        let [rate_a, rate_b, rate_s] = [&a, &b, &s].map(|reports| each(reports, Report::rate));
        let [cpu_a, cpu_b] = [&a, &b].map(|reports| each(reports, Report::cpu_per_request));
        let [p99_a, p99_b] = [&a, &b].map(|reports| median(each(reports, p99)));
        let (rate, cpu) = (ratio(&rate_b, &rate_a), ratio(&cpu_b, &cpu_a));
        let [rate_am, rate_bm, cpu_am, cpu_bm] =
            [&rate_a, &rate_b, &cpu_a, &cpu_b].map(|v| median(v.iter().copied()));
        println!(
            "{:<9} | {rate_am:>8.0} {rate_bm:>8.0} {rate:>7.3}  | {cpu_am:>8.1} {cpu_bm:>8.1} {cpu:>7.3}   | \
             {p99_a:>8.2} {p99_b:>8.2}",
            scenario.name()
        );
        if scenario == Scenario::Scan {
            // It has no bar for speed: it is there for the memory it takes.
            let [memory_a, memory_b] = [&a, &b].map(|reports| each(reports, |one| one.server_memory as f64));
            let [most_a, most_b] = [memory_a, memory_b].map(|all| all.into_iter().fold(0.0, f64::max));
            println!(
                "          peak memory: baseline {:.0} MB, subject {:.0} MB",
                most_a / 1e6,
                most_b / 1e6
            );
            verdict.expect(most_b <= MEMORY, format!("scan: {:.0} MB of {:.0}", most_b / 1e6, MEMORY / 1e6));
        } else {
            verdict.expect(rate >= RATE, format!("{}: {rate:.3} of {RATE} requests/s", scenario.name()));
            verdict.expect(cpu <= CPU, format!("{}: {cpu:.3} of {CPU} CPU per request", scenario.name()));
        }
        if scenario == Scenario::Insert && self.single {
            let [group_a, group_b] = [&rate_a, &rate_b].map(|grouped| ratio(grouped, &rate_s));
            println!(
                "          group commit: baseline {group_a:.1}x, subject {group_b:.1}x of {:.0}/s with a transaction each",
                median(rate_s)
            );
            verdict.expect(group_b >= GROUP, format!("group commit: {group_b:.1} of {GROUP}"));
        }
        Ok(())
    }
}

/// Checks that both servers do the same work: that they give the same kind of answers to the same requests.
fn agree(baseline: &Side, subject: &Side, dir: &Path) -> Result<()> {
    let [expected, found] = [answers(baseline, dir)?, answers(subject, dir)?];
    for ((request, expected), (_, found)) in expected.iter().zip(&found) {
        if expected != found {
            return Err(format!("{request}\n  baseline: {expected}\n  subject:  {found}").into());
        }
    }
    Ok(())
}

/// Requests, and what the server makes of them: the status, and of documents the fields and their types, of errors the code.
fn answers(side: &Side, dir: &Path) -> Result<Vec<(String, String)>> {
    const NEW: &str = r#"{"email":"new@example.com","name":"New","password":"secret","age":30}"#;
    let directory = TempDir::copy(dir, "bench-agree", side.template.path())?;
    let server = Server::start(&side.program, directory.path())?;
    let mut answers = Vec::new();
    let mut ask = |method: &str, target: &str, body: &str| -> Result<()> {
        let (status, answer) = http::once(server.address, method, target, body)?;
        let answer: Value = serde_json::from_str(&answer)?;
        let kind = if status < 300 { kind(&answer) } else { answer["code"].to_string() };
        // Ids differ from server to server.
        let asked = target.split_once("_id=").map_or(target, |(before, _)| before);
        answers.push((format!("{method} {asked} {body}"), format!("{status} {kind}")));
        Ok(())
    };
    let id = &side.ids[0];
    ask("POST", "/system/users/insert", NEW)?;
    ask("POST", "/system/users/insert", NEW)?;
    ask("POST", "/system/users/insert", r#"{"email":"no address","age":30}"#)?;
    ask("POST", "/system/users/insert", r#"{"email":"old@example.com","age":1001}"#)?;
    ask("GET", &format!("/system/users/get?_id={id}"), "")?;
    ask("GET", "/system/users/get?_id=nobody", "")?;
    ask("PUT", &format!("/system/users/update?_id={id}"), r#"{"name":"Renamed"}"#)?;
    ask("PUT", &format!("/system/users/update?_id={id}"), r#"{"age":-1}"#)?;
    ask("GET", "/system/users/list?age=7&count=20", "")?;
    ask("GET", "/system/users/list?name=User%2099999", "")?;
    ask("POST", "/system/users/greet", r#"{"email":"new@example.com","name":"New","times":3}"#)?;
    ask("POST", "/system/users/greet", r#"{"email":"new@example.com","name":"New","times":101}"#)?;
    Ok(answers)
}

/// The types of a JSON value and of what is in it.
fn kind(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(_) => "boolean".into(),
        Value::Number(_) => "number".into(),
        Value::String(_) => "string".into(),
        Value::Array(items) => format!("[{}]", items.iter().map(kind).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) => {
            let mut fields: Vec<String> =
                fields.iter().map(|(name, value)| format!("{name}: {}", kind(value))).collect();
            fields.sort();
            format!("{{{}}}", fields.join(", "))
        }
    }
}
