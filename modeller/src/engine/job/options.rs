//! How many jobs run at once, and how long things are kept.

use std::time::Duration;

/// How an application runs its jobs.
///
/// ```
/// use std::time::Duration;
/// use modeller::engine::JobsOptions;
///
/// let options = JobsOptions::new().concurrency(8).retention(Duration::from_secs(3_600));
/// ```
#[derive(Clone, Debug)]
pub struct JobsOptions {
    pub(super) concurrency: usize,
    pub(super) batch: usize,
    pub(super) lease: Duration,
    pub(super) poll: Duration,
    pub(super) retention: Duration,
    pub(in crate::engine) grace: Duration,
}

impl JobsOptions {
    /// 64 jobs at once, leases of 30 seconds, a look every second at what others have enqueued; jobs that are done are kept
    /// for a day.
    pub fn new() -> Self {
        JobsOptions {
            concurrency: 64,
            batch: 256,
            lease: Duration::from_secs(30),
            poll: Duration::from_secs(1),
            retention: Duration::from_secs(24 * 3_600),
            grace: Duration::from_secs(10),
        }
    }

    /// How many jobs run at once in this process, 1 at least.
    #[must_use]
    pub fn concurrency(mut self, jobs: usize) -> Self {
        self.concurrency = jobs.max(1);
        self
    }

    /// How many jobs are leased in one transaction, 1 at least. Those that do not fit into the
    /// [`concurrency`](Self::concurrency) wait in memory for their turn.
    #[must_use]
    pub fn batch(mut self, jobs: usize) -> Self {
        self.batch = jobs.max(1);
        self
    }

    /// How long a job belongs to who runs it, a second at least. It is prolonged while the job runs; after a crash this is how
    /// long it takes until the job runs again.
    #[must_use]
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease.max(Duration::from_secs(1));
        self
    }

    /// How often to look for jobs that other processes have enqueued, 10 milliseconds at least. Those of this process are
    /// noticed at once.
    #[must_use]
    pub fn poll(mut self, interval: Duration) -> Self {
        self.poll = interval.max(Duration::from_millis(10));
        self
    }

    /// How long jobs are kept that are done or were cancelled. Dead ones stay.
    #[must_use]
    pub fn retention(mut self, retention: Duration) -> Self {
        self.retention = retention;
        self
    }

    /// How long running jobs and workers may take to come to their end when the application stops. What is cut off then is
    /// given back, and runs again elsewhere or after the next start.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }
}

impl Default for JobsOptions {
    fn default() -> Self {
        Self::new()
    }
}
