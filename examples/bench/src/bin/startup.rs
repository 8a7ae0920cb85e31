//! How long a server with fifty models takes from the start of its process to its first answer, and how large it is.

use std::process::ExitCode;

use modeller_bench::Result;
use modeller_bench::options::Options;
use modeller_bench::server::{Program, Server, TempDir, build, describe_machine};
use modeller_bench::stats::median;

/// What it may take: milliseconds, and bytes of the stripped binary.
const START: f64 = 20.0;
const SIZE: f64 = 10e6;

fn main() -> Result<ExitCode> {
    let options = Options::from_args(&[
        ("--runs", "N", "how often it is started (30)"),
        ("--program", "PATH", "the server (built from this package)"),
        ("--dir", "PATH", "where the databases go (the system's temporary directory)"),
        ("--check", "", "exit with 1 if a bar is missed"),
    ]);
    let (runs, parent) = (options.value("--runs", 30), options.value("--dir", std::env::temp_dir()));
    let program = match options.text("--program") {
        Some(path) => Program { path: std::path::Path::new(path).canonicalize()?, args: Vec::new() },
        None => {
            build()?;
            Program::built("fifty", &[])?
        }
    };
    describe_machine()?;
    let (mut first, mut again) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        let directory = TempDir::new(&parent, "bench-startup")?;
        for times in [&mut first, &mut again] {
            let server = Server::start(&program, directory.path())?;
            times.push(server.started_in.as_secs_f64() * 1e3);
            server.stop()?;
        }
    }
    let [first, again] = [first, again].map(median);
    let size = std::fs::metadata(&program.path)?.len() as f64;
    println!("start to first answer, median: {first:.1} ms with a new database, {again:.1} ms with its own");
    println!("binary: {:.1} MB", size / 1e6);
    let reached = first.max(again) <= START && size <= SIZE;
    println!("bar of {START} ms and {:.0} MB {}", SIZE / 1e6, if reached { "reached" } else { "missed" });
    Ok(if options.has("--check") && !reached { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
