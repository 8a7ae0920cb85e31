//! Durable jobs: rows of a built-in model, written in the transaction of whoever wants them done, and run until they are.

mod board;
mod check;
mod cron;
mod enqueue;
mod entry;
mod lease;
mod manage;
mod options;
mod retry;
mod round;
mod run;
mod runner;

#[cfg(feature = "server")]
pub(super) use board::declared;
pub(super) use board::{Board, lock};
pub(super) use check::check;
pub use enqueue::{Enqueue, Enqueued, Schedule, put};
pub use entry::{JobEntry, JobState};
pub use manage::{JobCounts, Jobs};
pub use options::JobsOptions;
pub(super) use run::Run;
