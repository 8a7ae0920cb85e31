//! Functions of the application that are called with events, one event after the other.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use super::event::{Posted, RuleEvent};
use super::pattern::Pattern;
use super::{Inner, add};
use crate::engine::{Cx, Engine, Feature, Identity, caught, in_time, log_ran};
use crate::model::{Code, Error, Result};
use crate::registry::Behaviour;
use crate::store::BoxFuture;

/// How many events wait for one handler.
const MOST: usize = 4_096;
/// How many bytes of them.
const MOST_BYTES: usize = 16 << 20;

pub(super) type Call = Arc<dyn Fn(Cx, Arc<RuleEvent>) -> BoxFuture<'static, Result<()>> + Send + Sync>;

/// What is done with an event.
pub(super) struct Handled {
    pub(super) call: Call,
    /// What declared it, if something did.
    pub(super) declared: Option<&'static Behaviour>,
    /// How long it may take, unless the rules say so.
    pub(super) timeout: Option<Duration>,
}

impl From<Call> for Handled {
    fn from(call: Call) -> Self {
        Handled { call, declared: None, timeout: None }
    }
}

/// A handler, and the events that wait for it.
pub(super) struct Handler {
    pub(super) pattern: Pattern,
    handled: Handled,
    waiting: Mutex<Waiting>,
    is_off: AtomicBool,
}

#[derive(Default)]
struct Waiting {
    events: VecDeque<Arc<Posted>>,
    bytes: usize,
    /// A task is taking them.
    is_running: bool,
}

impl Handler {
    pub(super) fn new(pattern: Pattern, handled: Handled) -> Arc<Self> {
        Arc::new(Handler { pattern, handled, waiting: Mutex::default(), is_off: AtomicBool::new(false) })
    }

    pub(super) fn turn_off(&self) {
        self.is_off.store(true, Ordering::Release);
    }

    /// Calls it with an event, once it is done with those before.
    pub(super) fn push(self: &Arc<Self>, event: &Arc<Posted>, rules: &Arc<Inner>, engine: &Arc<Engine>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.events.len() >= MOST || waiting.bytes + event.size() > MOST_BYTES {
            drop(waiting);
            add(&rules.counts.missed, 1);
            let rule = self.handled.declared.map(Behaviour::id);
            let (pattern, topic) = (self.pattern.text(), event.topic());
            tracing::error!(rule, pattern, topic, "a rule handler is too slow, and is not told of an event");
            return;
        }
        waiting.bytes += event.size();
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

    fn next(&self) -> Option<Arc<Posted>> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_off.load(Ordering::Acquire) {
            waiting.events.clear();
        }
        let Some(event) = waiting.events.pop_front() else {
            (waiting.is_running, waiting.bytes) = (false, 0);
            return None;
        };
        waiting.bytes -= event.size();
        Some(event)
    }

    async fn run(self: Arc<Self>, rules: Arc<Inner>, engine: Arc<Engine>) {
        while let Some(event) = self.next().map(|posted| posted.open()) {
            let cx = Cx::new(Arc::clone(&engine), Identity::System).at_depth(event.depth);
            let call = Arc::clone(&self.handled.call);
            let limit = self.handled.timeout.unwrap_or(rules.options.timeout);
            let given = Arc::clone(&event);
            // Called inside, since it may panic before there is a future.
            let done = in_time(limit, caught(async move { call(cx, given).await })).await;
            let broken = |why: String| Err(Error::new(Code::InternalError, why));
            let result = match done {
                Some(Ok(result)) => result,
                Some(Err(panic)) => broken(format!("it panicked: {panic}")),
                None => broken(format!("it took longer than {limit:?}")),
            };
            add(if result.is_ok() { &rules.counts.handled } else { &rules.counts.failed }, 1);
            self.tell(&engine, &event, &result);
        }
    }

    /// Tells the log what became of an event.
    fn tell(&self, engine: &Engine, event: &RuleEvent, result: &Result<()>) {
        let (pattern, topic, id) = (self.pattern.text(), &event.topic, &event.id);
        match (self.handled.declared, result) {
            (Some(rule), _) => {
                let shape = rule.model.map(|model| model().shape());
                let what = format_args!("rule `{}` on `{topic}` ({id})", rule.id());
                log_ran(engine, Feature::Rule, shape, Some(rule.site), what, result);
            }
            (None, Err(error)) => {
                tracing::error!(pattern, topic, id, error = %error, "a rule handler failed");
            }
            (None, Ok(())) => {}
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
