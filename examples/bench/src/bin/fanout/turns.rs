//! A live query and what it is compared with, in turns: on a machine that others use, too, what is measured one after the other differs by
//! what they do meanwhile. Here both servers run, and each tells a few changes before it is the other's turn.

use std::time::Duration;

use modeller_bench::Result;

use super::{CASES, Running};

/// Which case is compared with which, and which part of it it may cost: the bars, where both are known for one machine.
const PAIRS: [(&str, &str, f64); 2] = [
    ("live query, Socket.IO", "room, bare socketioxide", 8.0 / 8.7),
    ("live query, /@ws", "writes alone", 4.5 / 3.5),
];

/// How many changes are told in a turn. A process's time goes in steps of 10 ms, which is more than a change takes: so it is the sum
/// of all turns that counts.
const CHANGES: u32 = 24;

/// Measures so many turns of each; answers whether the bars are reached.
pub async fn run(turns: usize, clients: usize) -> Result<bool> {
    let mut is_reached = true;
    let told = (turns * CHANGES as usize) as f64;
    for (one, other, most) in PAIRS {
        let mut both = Vec::new();
        for name in [one, other] {
            let case = CASES.iter().find(|case| case.name == name).ok_or("no such case")?;
            both.push((Running::start(case, clients).await?, Duration::ZERO));
        }
        for turn in 0..=turns {
            // Each comes first as often as the other.
            both.reverse();
            for (running, spent) in &mut both {
                running.tell(1).await?;
                let begun = running.spent()?;
                for _ in 0..CHANGES {
                    running.tell(1).await?;
                }
                // The first turn warms up.
                if turn > 0 {
                    *spent += running.spent()? - begun;
                }
            }
        }
        let cost = |name: &str| {
            let found = both.iter().find(|(running, _)| running.name == name);
            found.map_or(f64::NAN, |(_, spent)| spent.as_secs_f64() * 1_000.0 / told)
        };
        let (one_costs, other_costs) = (cost(one), cost(other));
        let ratio = one_costs / other_costs;
        println!(
            "{one}: {one_costs:.2} ms, {other}: {other_costs:.2} ms, {turns} turns; {ratio:.2} of it (at most {most:.2})"
        );
        is_reached &= ratio <= most;
    }
    Ok(is_reached)
}
