//! What models *do*: the one pipeline that every call goes through, and the Rust API beside it.

mod aggregate;
mod arguments;
mod around;
mod background;
mod batch;
pub mod behaviour;
mod call;
mod cascade;
mod caught;
mod check;
mod clock;
mod config;
mod cx;
#[cfg(feature = "server")]
mod describe;
mod draft;
mod emitter;
mod figures;
mod hooked;
mod hooks;
mod hub;
mod idempotency;
mod include;
mod invoke;
mod job;
mod later;
mod listing;
mod log;
mod numbers;
#[cfg(feature = "live")]
mod parts;
mod patch;
mod pipeline;
mod procedure;
mod read;
#[cfg(feature = "live")]
mod reads;
mod records;
mod references;
mod related_figures;
mod scope;
#[cfg(feature = "live")]
mod seal;
mod search;
mod secret;
mod signal;
#[cfg(feature = "live")]
mod standing;
mod subscription;
mod sweep;
mod tasks;
mod transact;
mod transaction;
mod with;
mod worker;
mod write;
// Heard by rules alone.
#[cfg_attr(not(feature = "live"), allow(dead_code))]
mod wrote;

#[cfg(feature = "live")]
use std::any::Any;
use std::fmt;
use std::sync::{Arc, Mutex};

// What the HTTP door says of them, too.
#[cfg(feature = "server")]
pub(crate) use arguments::least_count;
pub use batch::MAX_OPERATIONS;
pub use behaviour::{
    Event, FromHook, HookEvent, HookOptions, HookParts, HookPoint, Job, Method, Payload, Previous, Query,
    Timing,
};
pub use call::{Argument, Arguments, BodyKind, Call, Identity, Operation, Reply};
#[cfg(any(feature = "server", feature = "live"))]
pub(crate) use caught::message as panic_message;
pub(crate) use caught::{caught, in_time};
pub use check::check;
pub use clock::Clock;
pub use config::Configured;
pub use cx::Cx;
#[cfg(all(feature = "server", feature = "live"))]
pub(crate) use describe::about;
#[cfg(feature = "server")]
pub(crate) use describe::{describe, lines};
pub use emitter::{Emitted, EmitterEvent, EmitterListener};
pub use figures::Grouped;
pub use hooks::Hooks;
pub use hub::{Observer, Published};
pub use include::{Include, With};
#[cfg(feature = "server")]
pub(crate) use invoke::unknown;
pub use job::{Enqueue, Enqueued, JobCounts, JobEntry, JobState, Jobs, JobsOptions, Schedule};
pub use listing::Listing;
pub use log::{Feature, Log, LogAdapter, LogEntry, LogLevel, LogOptions, LogSubscription, Logger};
pub use patch::Patch;
pub use procedure::{Procedure, Procedures};
pub use records::{Find, Hit, Page, Records};
pub use secret::Secret;
pub use subscription::{
    Listening, QUEUE, Received, Subscribed, Subscription, SubscriptionListener, Subscriptions,
};
pub use transact::Transact;
pub use worker::Workers;
pub use write::MAX_BULK;

#[cfg(feature = "live")]
pub(crate) use aggregate::Figured;
#[cfg(feature = "live")]
pub(crate) use log::ran as log_ran;
#[cfg(feature = "live")]
pub(crate) use reads::asked;
#[cfg(feature = "live")]
pub(crate) use standing::Standing;
#[cfg(feature = "live")]
pub(crate) use wrote::Wrote;

use background::Background;
use config::Configurations;
#[cfg(feature = "server")]
pub(crate) use config::Declared;
#[cfg(feature = "live")]
use parts::Parts;
use tasks::Tasks;

use crate::model::{Result, Shape};
use crate::registry::Registry;
use crate::store::{Apply, Plan, Store};

/// A running application: its models, its store, its clock, its configurations and its log.
pub struct Engine {
    registry: Registry,
    store: Arc<dyn Store>,
    clock: Clock,
    hooks: Hooks,
    hub: Arc<hub::Hub>,
    emitter: Arc<emitter::Emitter>,
    rows: wrote::RowListeners,
    secret: [u8; 32],
    configs: Configurations,
    log: Log,
    tasks: Tasks,
    board: Arc<job::Board>,
    workers: worker::Board,
    sweeper: Mutex<Option<Background>>,
    #[cfg(feature = "live")]
    parts: Parts,
}

impl Engine {
    /// An engine on this store. [`migrate`](Engine::migrate) it before anything is asked of it.
    pub fn new(registry: Registry, store: Arc<dyn Store>, clock: Clock) -> Arc<Self> {
        let secret = store.secret();
        let hooks = Hooks::of_registry(&registry);
        let (configs, log) = (Configurations::default(), Log::new(clock.clone()));
        let (board, workers) = (Arc::new(job::Board::new(&registry)), worker::Board::new(&registry));
        Arc::new(Engine {
            registry,
            store,
            clock,
            hooks,
            hub: Arc::default(),
            emitter: Arc::default(),
            rows: wrote::RowListeners::default(),
            secret,
            configs,
            log,
            tasks: Tasks::default(),
            board,
            workers,
            sweeper: Mutex::default(),
            #[cfg(feature = "live")]
            parts: Parts::default(),
        })
    }

    /// Makes the store fit the models.
    ///
    /// # Errors
    /// `CONFLICT` with the plan, if a step would lose data and `apply` does not allow it.
    pub async fn migrate(&self, apply: Apply) -> Result<Plan> {
        let models: Vec<&'static Shape> = self.registry.stored().collect();
        self.store.migrate(&models, apply).await
    }

    /// The models.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Where the rows are.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The time.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The models' log.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// A context for the application's own code.
    pub fn cx(self: &Arc<Self>) -> Cx {
        Cx::new(self.clone(), Identity::System)
    }

    pub(crate) fn configs(&self) -> &Configurations {
        &self.configs
    }

    /// What a room above keeps for this application: made when it is first asked for, and gone with the engine.
    #[cfg(feature = "live")]
    pub(crate) fn part<T: Any + Send + Sync>(&self, make: impl FnOnce() -> Arc<T>) -> Arc<T> {
        self.parts.get(make)
    }

    /// What was set going and nobody waits for.
    pub(crate) fn tasks(&self) -> &Tasks {
        &self.tasks
    }

    /// Runs jobs and workers in the background, for as long as the engine lives. An application does it at its start.
    pub fn start(self: &Arc<Self>) {
        self.jobs().start();
        // Nothing was named, so that nothing is unknown.
        self.workers().start_all();
    }

    /// Stops jobs and workers in order: what runs has some [time](JobsOptions::grace) to come to its end, and so has what follows
    /// commits whose callers have gone. Sweeps end at once, until somebody [asks for them](Engine::sweep_every) again.
    pub async fn stop(self: &Arc<Self>) {
        let (jobs, workers) = (self.jobs(), self.workers());
        tokio::join!(jobs.stop(), workers.rest(), self.stop_sweeping());
        if tokio::time::timeout(self.board().options().grace, self.tasks.idle()).await.is_err() {
            tracing::warn!("something that follows a commit was cut off");
        }
    }

    fn board(&self) -> &Arc<job::Board> {
        &self.board
    }

    fn hub(&self) -> &Arc<hub::Hub> {
        &self.hub
    }

    fn emitter(&self) -> &Arc<emitter::Emitter> {
        &self.emitter
    }

    fn row_listeners(&self) -> &wrote::RowListeners {
        &self.rows
    }

    /// Whether anybody in this process wants to hear of writes.
    fn is_heard(&self) -> bool {
        self.emitter.has_listeners() || self.rows.has_any()
    }

    pub(crate) fn secret(&self) -> &[u8; 32] {
        &self.secret
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // Who runs jobs keeps no engine while there are none.
        self.board.over.turn_on();
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("store", &self.store.name()).finish_non_exhaustive()
    }
}
