//! What an engine knows of its jobs: which are declared, what runs here, and how to wake who runs them.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::Notify;

use super::cron::{self, Calendar};
use super::options::JobsOptions;
use super::run::Run;
use crate::engine::background::Background;
use crate::engine::behaviour::{HookHandler, JobHandler};
use crate::engine::later::LATE;
use crate::engine::signal::Signal;
use crate::query::Operand;
use crate::registry::{Behaviour, BehaviourKind, Registry};

/// The jobs of an application.
pub(in crate::engine) struct Board {
    /// By the names under which they are stored.
    declared: HashMap<String, (&'static Behaviour, &'static JobHandler)>,
    /// Those names, to ask a store for them.
    pub(super) known: Vec<Operand>,
    pub(super) calendar: Calendar,
    options: Mutex<JobsOptions>,
    /// There may be something to do.
    pub(super) wake: Notify,
    /// The application is over.
    pub(in crate::engine) over: Signal,
    /// The runner that was started.
    pub(super) runner: Mutex<Option<Background>>,
    /// What runs in this process, by id, for as long as somebody runs it.
    running: Mutex<HashMap<String, Weak<Run>>>,
}

/// Whether any hook runs later, as a job: applications without such hooks need nobody who looks for them.
fn has_late_hooks(registry: &Registry) -> bool {
    let mut handlers =
        registry.behaviours().iter().filter_map(|one| one.handler.downcast_ref::<HookHandler>());
    handlers.any(|handler| handler.options.schedule.is_some())
}

impl Board {
    pub(in crate::engine) fn new(registry: &Registry) -> Self {
        let declared: HashMap<String, (&'static Behaviour, &'static JobHandler)> =
            declared(registry).map(|(behaviour, handler)| (behaviour.id(), (behaviour, handler))).collect();
        let mut known: Vec<&String> = declared.keys().collect();
        known.sort();
        Board {
            known: known.into_iter().map(|name| Operand::Cell(name.as_str().into())).collect(),
            calendar: cron::calendar(registry),
            declared,
            options: Mutex::default(),
            wake: Notify::new(),
            over: Signal::default(),
            runner: Mutex::default(),
            running: Mutex::default(),
        }
    }

    /// The job with this name, and how it is carried out.
    pub(super) fn find(&self, name: &str) -> Option<(&'static Behaviour, &'static JobHandler)> {
        self.declared.get(name).copied()
    }

    /// The names of all jobs, sorted.
    pub(super) fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.declared.keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    }

    pub(in crate::engine) fn options(&self) -> JobsOptions {
        lock(&self.options).clone()
    }

    pub(super) fn set_options(&self, options: JobsOptions) {
        *lock(&self.options) = options;
    }

    /// What runs in this process.
    pub(super) fn running(&self) -> MutexGuard<'_, HashMap<String, Weak<Run>>> {
        lock(&self.running)
    }
}

/// Nothing that is done under these locks leaves anything half done.
pub(in crate::engine) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The jobs that are declared, with how they are carried out.
pub(in crate::engine) fn declared(
    registry: &Registry,
) -> impl Iterator<Item = (&'static Behaviour, &'static JobHandler)> {
    let is_needed = |one: &&'static Behaviour| one.name != LATE || has_late_hooks(registry);
    let jobs = registry.behaviours().iter().copied().filter(|one| one.kind == BehaviourKind::Job);
    jobs.filter(is_needed)
        .filter_map(|behaviour| Some((behaviour, behaviour.handler.downcast_ref::<JobHandler>()?)))
}
