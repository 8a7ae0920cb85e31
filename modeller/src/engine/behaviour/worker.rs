//! Workers: functions that run at an interval for as long as the application does.

use crate::engine::Cx;
use crate::model::Result;
use crate::store::BoxFuture;

/// What `#[modeller::worker(..)]` says of a worker.
#[derive(Clone, Copy, Debug)]
pub struct WorkerOptions {
    /// How long after the start of one run the next one starts, in milliseconds; a run that takes longer delays it.
    pub every: u64,
    /// Whether the first run is at the start, instead of an interval later.
    pub immediate: bool,
}

/// How a worker runs.
pub struct WorkerHandler {
    /// What the attribute says.
    pub options: WorkerOptions,
    /// One run.
    pub run: for<'a> fn(&'a Cx) -> BoxFuture<'a, Result<()>>,
}
