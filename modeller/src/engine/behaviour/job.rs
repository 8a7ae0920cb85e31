//! Jobs: work that outlives its caller, and a crash.

use super::Payload;
use crate::engine::{Cx, Enqueue};
use crate::model::Result;
use crate::registry::Behaviour;
use crate::store::BoxFuture;

/// A struct with `#[modeller::job(..)]`: the attribute implements it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not declared as a job",
    label = "add `#[modeller::job]` to this struct",
    note = "the attribute registers the job, and says how it is tried again"
)]
pub trait IsJob: Sized + Send + Sync + 'static {
    /// What the attribute left for the registry.
    fn behaviour() -> &'static Behaviour;
}

/// What a job does. The struct is its payload, and is kept in the store until the job is done.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is declared as a job, and does nothing yet",
    label = "write `impl Job for {Self}`",
    note = "the attribute declares it, and the trait `Job` says what it does"
)]
pub trait Job: IsJob {
    /// Does it. It may run more than once: after a crash, and after an error.
    ///
    /// # Errors
    /// The job is tried again, unless the error says that it will never succeed.
    fn run(self, cx: &Cx) -> impl Future<Output = Result<()>> + Send;

    /// Enqueues it, in the transaction of the context if there is one: `SendWelcome { .. }.enqueue(cx).await?`.
    ///
    /// # Errors
    /// As [`Cx::enqueue`].
    fn enqueue(self, cx: &Cx) -> Enqueue<'_>
    where
        Self: Payload,
    {
        cx.enqueue(self)
    }
}

/// What `#[modeller::job(..)]` says of a job.
#[derive(Clone, Copy, Debug)]
pub struct JobOptions {
    /// How often it is tried at most.
    pub attempts: u32,
    /// How long after the first failure it is tried again, in milliseconds; the time doubles with each failure.
    pub backoff: u64,
    /// How long one run may take, in milliseconds.
    pub timeout: u64,
    /// When it runs by itself, in the language of cron.
    pub cron: Option<&'static str>,
}

impl JobOptions {
    /// Five attempts, the second a second after the first; a run may take a minute.
    pub const fn new() -> Self {
        JobOptions { attempts: 5, backoff: 1_000, timeout: 60_000, cron: None }
    }

    /// How often it is tried at most.
    #[must_use]
    pub const fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts;
        self
    }

    /// How long after the first failure it is tried again, in milliseconds.
    #[must_use]
    pub const fn backoff(mut self, milliseconds: u64) -> Self {
        self.backoff = milliseconds;
        self
    }

    /// How long one run may take, in milliseconds.
    #[must_use]
    pub const fn timeout(mut self, milliseconds: u64) -> Self {
        self.timeout = milliseconds;
        self
    }

    /// When it runs by itself, in the language of cron.
    #[must_use]
    pub const fn cron(mut self, pattern: &'static str) -> Self {
        self.cron = Some(pattern);
        self
    }
}

impl Default for JobOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// How a job is carried out.
pub struct JobHandler {
    /// What the attribute says.
    pub options: JobOptions,
    /// Decodes and validates the payload, and no more.
    pub check: fn(&[u8]) -> Result<()>,
    /// Decodes the payload, and runs.
    pub run: for<'a> fn(&'a Cx, &'a [u8]) -> BoxFuture<'a, Result<()>>,
}
