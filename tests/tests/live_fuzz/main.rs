//! Live queries through all three doors at once, under random writers, cuts and kills; and with clients that read nothing.
//!
//! | variable | |
//! |---|---|
//! | `MODELLER_CHANGES` | how many changes to make (3,000) |
//! | `MODELLER_SEED` | what the random choices come from; it is printed at the start |
//! | `MODELLER_STALL` | for how many seconds clients read nothing (3) |

mod agreement;
mod caller;
mod client;
mod known;
mod line;
mod queries;
mod random;
mod server;
mod stall;
mod writers;

/// A number from the environment.
fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |value| value.parse().expect("a number"))
}
