//! Workers: functions that run at an interval for as long as the application does.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use tokio::task::JoinHandle;

use super::behaviour::WorkerHandler;
use super::caught::caught;
use super::job::lock;
use super::signal::Signal;
use super::{Clock, Cx, Engine, Feature, log};
use crate::model::{Code, Error, Result, nearest};
use crate::registry::{Behaviour, BehaviourKind, Fault, Faults, Registry};

/// The workers of an application: [`Engine::workers`].
///
/// A worker is known by its id: its name, or `model.name` where several models have one of that name. Workers without a name are
/// started and stopped with all others only.
#[derive(Clone, Debug)]
pub struct Workers {
    engine: Arc<Engine>,
}

/// What an engine knows of its workers.
pub(super) struct Board(Vec<Slot>);

struct Slot {
    behaviour: &'static Behaviour,
    handler: &'static WorkerHandler,
    /// One run at a time, even of a worker that was stopped and started while it ran.
    turn: Arc<tokio::sync::Mutex<()>>,
    /// When it runs next, in Unix milliseconds.
    next: Arc<AtomicI64>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Ends the interval that runs.
    stop: Option<Arc<Signal>>,
    /// The intervals that run, or come to their end.
    tasks: Vec<JoinHandle<()>>,
}

impl Board {
    pub(super) fn new(registry: &Registry) -> Self {
        let slot = |(behaviour, handler)| Slot {
            behaviour,
            handler,
            turn: Arc::default(),
            next: Arc::default(),
            state: Mutex::default(),
        };
        Board(declared(registry).map(slot).collect())
    }
}

/// The workers that are declared, with how they run.
pub(super) fn declared(
    registry: &Registry,
) -> impl Iterator<Item = (&'static Behaviour, &'static WorkerHandler)> {
    let workers = registry.behaviours().iter().copied().filter(|one| one.kind == BehaviourKind::Worker);
    workers.filter_map(|behaviour| Some((behaviour, behaviour.handler.downcast_ref::<WorkerHandler>()?)))
}

/// Checks the workers of an application.
pub(super) fn check(registry: &Registry, faults: &mut Faults) {
    for (behaviour, handler) in declared(registry) {
        if handler.options.every == 0 {
            let message =
                format!("worker `{}` has an interval of no time: it would never rest", behaviour.rust);
            faults.push(Fault::new(message).at(behaviour.site));
        }
    }
}

impl Engine {
    /// The workers: to start and stop them.
    pub fn workers(self: &Arc<Self>) -> Workers {
        Workers { engine: self.clone() }
    }
}

impl Workers {
    /// Starts all workers that do not run.
    pub fn start_all(&self) {
        self.slots().iter().for_each(|slot| slot.start(&self.engine));
    }

    /// Starts this worker, if it does not run.
    ///
    /// # Errors
    /// `NOT_FOUND` if there is no worker with this id.
    pub fn start(&self, id: &str) -> Result<()> {
        self.find(id).map(|slot| slot.start(&self.engine))
    }

    /// Stops all workers. A run that has begun goes on to its end.
    pub fn stop_all(&self) {
        self.slots().iter().for_each(Slot::stop);
    }

    /// Stops this worker. A run that has begun goes on to its end; so a worker may stop itself.
    ///
    /// # Errors
    /// `NOT_FOUND` if there is no worker with this id.
    pub fn stop(&self, id: &str) -> Result<()> {
        self.find(id).map(Slot::stop)
    }

    /// Whether this worker was started, and not stopped.
    ///
    /// # Errors
    /// `NOT_FOUND` if there is no worker with this id.
    pub fn is_running(&self, id: &str) -> Result<bool> {
        self.find(id).map(|slot| lock(&slot.state).stop.is_some())
    }

    /// Stops all workers, and waits for those in the middle of a run for as long as jobs may
    /// [take](super::JobsOptions::grace). What goes on after that is dropped where it next waits for something.
    pub async fn rest(&self) {
        self.stop_all();
        let tasks: Vec<JoinHandle<()>> =
            self.slots().iter().flat_map(|slot| std::mem::take(&mut lock(&slot.state).tasks)).collect();
        let end = tokio::time::Instant::now() + self.engine.board().grace();
        for mut task in tasks {
            if tokio::time::timeout_at(end, &mut task).await.is_err() {
                tracing::warn!("a worker was cut off");
                task.abort();
            }
        }
    }

    /// Waits until no worker that was started is due or under way: for tests, with a clock that is moved by hand.
    #[cfg(feature = "server")]
    pub(crate) async fn settled(&self) {
        for slot in self.slots() {
            loop {
                let is_started = lock(&slot.state).stop.is_some();
                let is_due = slot.next.load(Ordering::Acquire) <= self.engine.clock().now();
                // Whoever has the turn has set the time of the next run.
                if !is_started || (!is_due && slot.turn.try_lock().is_ok()) {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    }

    fn slots(&self) -> &[Slot] {
        &self.engine.workers.0
    }

    fn find(&self, id: &str) -> Result<&Slot> {
        let is_named = |slot: &&Slot| !slot.behaviour.name.is_empty();
        let mut named = self.slots().iter().filter(is_named);
        if let Some(slot) = named.clone().find(|slot| slot.behaviour.id() == id) {
            return Ok(slot);
        }
        let mut same = named.clone().filter(|slot| slot.behaviour.name == id);
        match (same.next(), same.next()) {
            (Some(slot), None) => Ok(slot),
            (Some(one), Some(other)) => {
                let message = format!(
                    "several workers are called `{id}`: say `{}` or `{}`",
                    one.behaviour.id(),
                    other.behaviour.id()
                );
                Err(Error::new(Code::NotFound, message))
            }
            (None, _) => {
                let names = named.by_ref().map(|slot| slot.behaviour.name);
                let hint =
                    nearest(id, names).map_or_else(String::new, |name| format!("; did you mean `{name}`?"));
                Err(Error::new(Code::NotFound, format!("there is no worker `{id}`{hint}")))
            }
        }
    }
}

impl Slot {
    fn start(&self, engine: &Arc<Engine>) {
        let mut state = lock(&self.state);
        if state.stop.is_some() {
            return;
        }
        let stop = Arc::new(Signal::default());
        state.tasks.retain(|task| !task.is_finished());
        let now = engine.clock().now();
        let first =
            if self.handler.options.immediate { now } else { now.saturating_add(every(self.handler)) };
        self.next.store(first, Ordering::Release);
        let interval = Interval {
            behaviour: self.behaviour,
            handler: self.handler,
            turn: self.turn.clone(),
            next: self.next.clone(),
            engine: Arc::downgrade(engine),
            over: engine.board().clone(),
            clock: engine.clock().clone(),
        };
        state.tasks.push(tokio::spawn(interval.run(stop.clone())));
        state.stop = Some(stop);
    }

    fn stop(&self) {
        if let Some(stop) = lock(&self.state).stop.take() {
            stop.turn_on();
        }
    }
}

fn every(handler: &WorkerHandler) -> i64 {
    i64::try_from(handler.options.every).unwrap_or(i64::MAX)
}

/// The runs of a worker from a start to a stop.
struct Interval {
    behaviour: &'static Behaviour,
    handler: &'static WorkerHandler,
    turn: Arc<tokio::sync::Mutex<()>>,
    next: Arc<AtomicI64>,
    /// An application that nobody holds any more is over.
    engine: Weak<Engine>,
    over: Arc<super::job::Board>,
    clock: Clock,
}

impl Interval {
    async fn run(self, stop: Arc<Signal>) {
        let mut next = self.next.load(Ordering::Acquire);
        loop {
            tokio::select! {
                biased;
                () = stop.wait() => return,
                () = self.over.over.wait() => return,
                () = self.clock.sleep_until(next) => {}
            }
            let turn = self.turn.lock().await;
            if stop.is_on() {
                return;
            }
            let Some(engine) = self.engine.upgrade() else { return };
            // Ticks that were missed are not made up for.
            next = self.clock.now().saturating_add(every(self.handler));
            self.next.store(next, Ordering::Release);
            self.tick(&engine.cx()).await;
            drop(turn);
        }
    }

    /// One run. What it fails in is logged, and ends nothing.
    async fn tick(&self, cx: &Cx) {
        let name = match self.behaviour.name {
            "" => self.behaviour.rust.to_owned(),
            _ => self.behaviour.id(),
        };
        let result = caught((self.handler.run)(cx)).await.unwrap_or_else(|panic| {
            Err(Error::new(Code::InternalError, format!("the worker panicked: {panic}")))
        });
        let (shape, site) = (self.behaviour.model.map(|model| model().shape()), self.behaviour.site);
        log::ran(cx.engine(), Feature::Worker, shape, Some(site), format_args!("worker `{name}`"), &result);
    }
}

impl super::job::Board {
    /// How long what runs may take to come to its end.
    fn grace(&self) -> Duration {
        self.options().grace
    }
}
