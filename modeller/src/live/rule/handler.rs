//! Functions of the application that are called with events, one event after the other.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::event::RuleEvent;
use super::pattern::Pattern;
use super::{Inner, add};
use crate::engine::{Cx, Engine, Identity, caught, in_time};
use crate::model::Result;
use crate::store::BoxFuture;

/// How many events wait for one handler.
const MOST: usize = 4_096;
/// How many bytes of them.
const MOST_BYTES: usize = 16 << 20;

pub(super) type Call = Arc<dyn Fn(Cx, Arc<RuleEvent>) -> BoxFuture<'static, Result<()>> + Send + Sync>;

/// A handler, and the events that wait for it.
pub(super) struct Handler {
    pub(super) pattern: Pattern,
    call: Call,
    waiting: Mutex<Waiting>,
    is_off: AtomicBool,
}

#[derive(Default)]
struct Waiting {
    events: VecDeque<Arc<RuleEvent>>,
    bytes: usize,
    /// A task is taking them.
    is_running: bool,
}

impl Handler {
    pub(super) fn new(pattern: Pattern, call: Call) -> Arc<Self> {
        Arc::new(Handler { pattern, call, waiting: Mutex::default(), is_off: AtomicBool::new(false) })
    }

    pub(super) fn turn_off(&self) {
        self.is_off.store(true, Ordering::Release);
    }

    /// Calls it with an event, once it is done with those before.
    pub(super) fn push(self: &Arc<Self>, event: &Arc<RuleEvent>, rules: &Arc<Inner>, engine: &Arc<Engine>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.events.len() >= MOST || waiting.bytes + event.size > MOST_BYTES {
            drop(waiting);
            add(&rules.counts.missed, 1);
            let (pattern, topic) = (self.pattern.text(), &event.topic);
            tracing::error!(pattern, topic, "a rule handler is too slow, and is not told of an event");
            return;
        }
        waiting.bytes += event.size;
        waiting.events.push_back(Arc::clone(event));
        let is_running = std::mem::replace(&mut waiting.is_running, true);
        drop(waiting);
        if !is_running {
            // Events may come from threads outside of the runtime.
            let _entered = rules.runtime.enter();
            let task = Arc::clone(self).run(Arc::clone(rules), Arc::clone(engine));
            drop(engine.tasks().spawn(task));
        }
    }

    fn next(&self) -> Option<Arc<RuleEvent>> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_off.load(Ordering::Acquire) {
            waiting.events.clear();
        }
        let Some(event) = waiting.events.pop_front() else {
            (waiting.is_running, waiting.bytes) = (false, 0);
            return None;
        };
        waiting.bytes -= event.size;
        Some(event)
    }

    async fn run(self: Arc<Self>, rules: Arc<Inner>, engine: Arc<Engine>) {
        while let Some(event) = self.next() {
            let cx = Cx::new(Arc::clone(&engine), Identity::System).at_depth(event.depth);
            let call = Arc::clone(&self.call);
            let given = Arc::clone(&event);
            // Called inside, since it may panic before there is a future.
            let done = in_time(rules.options.timeout, caught(async move { call(cx, given).await })).await;
            let why = match done {
                Some(Ok(Ok(()))) => {
                    add(&rules.counts.handled, 1);
                    continue;
                }
                Some(Ok(Err(error))) => error.to_string(),
                Some(Err(panic)) => format!("it panicked: {panic}"),
                None => format!("it took longer than {:?}", rules.options.timeout),
            };
            add(&rules.counts.failed, 1);
            let (pattern, topic, id) = (self.pattern.text(), &event.topic, &event.id);
            tracing::error!(pattern, topic, id, error = why, "a rule handler failed");
        }
    }
}

/// A handler is called until this is dropped.
#[must_use = "dropping it ends the handling; `detach` keeps it for as long as the application runs"]
pub struct RuleHandler {
    pub(super) id: u64,
    pub(super) rules: Weak<Inner>,
}

impl RuleHandler {
    /// Ends it, as dropping it does. A call under way goes on.
    pub fn off(self) {}

    /// Keeps it for as long as the application runs.
    pub fn detach(mut self) {
        self.rules = Weak::new();
    }
}

impl Drop for RuleHandler {
    fn drop(&mut self) {
        if let Some(rules) = self.rules.upgrade() {
            rules.remove_handler(self.id);
        }
    }
}

impl fmt::Debug for RuleHandler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RuleHandler({})", self.id)
    }
}
