//! What models do: how attribute macros declare it, and what handlers are given.

pub mod declare;
mod event;
pub mod function;
mod hook;
mod job;
mod method;
mod payload;
mod worker;

pub use event::{Event, EventHandler, IsEvent};
pub use function::{FromCall, FromEvent, FromWorker, Outcome};
pub use hook::{
    FromHook, HookEvent, HookHandler, HookNeeds, HookOptions, HookOutcome, HookParts, HookPoint, Previous,
    Stored, Timing,
};
pub use job::{IsJob, Job, JobHandler, JobOptions};
pub use method::{IsMethod, IsQuery, Method, MethodHandler, Query};
pub use payload::{Answering, Payload};
#[doc(hidden)]
pub use payload::{Checked, Described, Read, Written};
pub use worker::{WorkerHandler, WorkerOptions};
