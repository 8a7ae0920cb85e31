//! What the benchmarks share: a load generator, servers as child processes, and the arithmetic of ratios.
//!
//! `docs/benchmarks.md` says what is measured and how to run it.

pub mod http;
pub mod load;
pub mod options;
pub mod server;
pub mod stats;

/// An error on its way to the person who runs the benchmark.
pub type Result<T, E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;
