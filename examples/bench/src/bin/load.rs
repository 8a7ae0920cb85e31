//! Puts a load on a server of the benchmark's model and prints what came of it.
//!
//! `load --server 127.0.0.1:3000 --scenario get --seed 100000`

use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use modeller_bench::Result;
use modeller_bench::load::{Amount, Load, Scenario};
use modeller_bench::options::Options;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let options = Options::from_args(&[
        ("--server", "ADDRESS", "where the server listens (127.0.0.1:3000)"),
        ("--scenario", "NAME", "insert (the default), get, update, list or scan"),
        ("--connections", "N", "how many at once (64)"),
        ("--seconds", "N", "how long to measure (5)"),
        ("--requests", "N", "how many requests, instead of how long"),
        ("--seed", "N", "how many users to insert first (100000; none for insert)"),
        ("--pid", "N", "the server's process, to see its CPU time and memory"),
    ]);
    let scenario = options.value("--scenario", Scenario::Insert);
    let seconds = Duration::try_from_secs_f64(options.value("--seconds", 5.0))?;
    let requests = options.text("--requests").map(str::parse).transpose()?;
    // A number that no earlier run has used, so that the e-mails are new.
    let first = SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros() as u64;
    let mut load = Load {
        server: options.value("--server", SocketAddr::from(([127, 0, 0, 1], 3000))),
        pid: options.text("--pid").map(str::parse).transpose()?,
        scenario,
        connections: options.value("--connections", 64),
        amount: requests.map_or(Amount::Time(seconds), Amount::Requests),
        ids: Default::default(),
        first,
        keep_ids: false,
    };
    if scenario != Scenario::Insert {
        load.seed(options.value("--seed", 100_000)).await?;
    }
    println!("{}", load.run().await?);
    Ok(())
}
