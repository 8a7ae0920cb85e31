//! Rules: facts, events that are emitted under topics, and those who want to hear of them.
//!
//! Nothing here knows a transport. Rules belong to an engine, so that whoever has a `Cx` reaches them.

mod bridge;
pub(crate) mod declared;
mod event;
mod fact;
mod handler;
pub(crate) mod operation;
mod options;
mod pattern;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use serde::Serialize;
use serde_json::Value as Json;
use tokio::runtime::Handle;

pub use bridge::{Bridge, ModelChange};
pub use event::{RuleEvent, RuleReceived, RuleStream};
pub use fact::Fact;
pub use handler::RuleHandler;
pub use options::RulesOptions;

use self::bridge::Bridged;
use self::event::{Mailbox, Posted};
use self::handler::{Handled, Handler};
use self::pattern::{Names, Pattern};
use crate::engine::{Cx, Engine, Identity};
use crate::model::{self, Code, Error, Result};

/// No data of an event is longer as JSON.
const MAX_DATA: usize = 1 << 20;
/// No correlation id is longer, in bytes.
const MAX_CORRELATION: usize = 256;

/// The rules of an application that has some: [`Live::rules`](super::Live::rules), [`Cx::rules`].
///
/// It is a handle, cheap to clone.
#[derive(Clone)]
pub struct Rules(Arc<Inner>);

struct Inner {
    options: RulesOptions,
    /// Topics that clients emit nothing under.
    reserved: Vec<Pattern>,
    /// Where handlers run, whoever emits.
    runtime: Handle,
    subscribers: RwLock<BTreeMap<u64, Arc<Mailbox>>>,
    handlers: RwLock<BTreeMap<u64, Arc<Handler>>>,
    last: AtomicU64,
    counts: Counts,
}

#[derive(Default)]
struct Counts {
    emitted: AtomicU64,
    handled: AtomicU64,
    failed: AtomicU64,
    missed: AtomicU64,
}

/// How rules fare, since the start of the application.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RuleStats {
    /// How many facts there are.
    pub facts: u64,
    /// How many subscriptions.
    pub subscriptions: u64,
    /// How many handlers.
    pub handlers: u64,
    /// How many events were emitted.
    pub emitted: u64,
    /// How often a handler has done its work.
    pub handled: u64,
    /// How often a handler has failed, or a change of a bridged model did not become an event.
    pub failed: u64,
    /// How many events were lost for subscribers and handlers that were too slow.
    pub missed: u64,
}

impl Rules {
    /// Gives an engine rules: those that are declared, and those of the options. It is to be called in a runtime, and once.
    ///
    /// # Errors
    /// `INVALID_REQUEST` for patterns of handlers, and of topics that are reserved, that are none; `MODEL_NOT_FOUND` if a bridged model is not part of the
    /// application; `CONFLICT` if the engine has rules.
    pub fn start(engine: &Arc<Engine>, options: RulesOptions) -> Result<Self> {
        let runtime = Handle::try_current()
            .map_err(|_| Error::new(Code::InternalError, "rules are to be started in a runtime"))?;
        let (handlers, bridges) = (options.handlers.clone(), options.bridges.clone());
        let bridged = bridges.iter().flat_map(Bridged::topics);
        let reserved = bridged.chain(options.reserved.iter().cloned());
        let reserved = reserved.map(|text| Pattern::parse(&text, Names::Topics)).collect::<Result<_>>()?;
        let rules = Rules(Arc::new(Inner {
            options,
            reserved,
            runtime,
            subscribers: RwLock::default(),
            handlers: RwLock::default(),
            last: AtomicU64::default(),
            counts: Counts::default(),
        }));
        for (behaviour, function) in declared::all(engine.registry()) {
            rules.handle(function.pattern, function.handled(behaviour))?.detach();
        }
        for (pattern, call) in handlers {
            rules.handle(&pattern, call.into())?.detach();
        }
        if slot(engine).set(rules.clone()).is_err() {
            return Err(Error::new(Code::Conflict, "the application has rules already"));
        }
        for bridged in &bridges {
            bridged.begin(&rules.0, engine)?;
        }
        Ok(rules)
    }

    /// The rules of an engine, if it has some.
    pub(super) fn of(engine: &Engine) -> Option<Self> {
        slot(engine).get().cloned()
    }

    /// Says that something has happened. Whoever has [subscribed](Rules::subscribe) to a pattern that selects the topic hears of it,
    /// and [handlers](Rules::on) are called: in a transaction once that is committed, and never if it is rolled back; else at once.
    ///
    /// # Errors
    /// `INVALID_REQUEST` if this can be no topic, or for a correlation id of more than 256 bytes; `PAYLOAD_TOO_LARGE` for data of
    /// more than 1 MiB; `INTERNAL_ERROR` if handlers set off each other without end.
    pub fn emit(
        &self,
        cx: &Cx,
        topic: &str,
        data: impl Into<Json>,
        correlation_id: Option<&str>,
    ) -> Result<Arc<RuleEvent>> {
        Names::Topics.check(topic)?;
        let data = data.into();
        let text = text(&data, "data", MAX_DATA)?;
        if correlation_id.is_some_and(|id| id.len() > MAX_CORRELATION) {
            let message = format!("a correlation id has {MAX_CORRELATION} bytes at most");
            return Err(Error::new(Code::InvalidRequest, message).with_field("correlationId"));
        }
        let head = RuleEvent {
            id: model::new_id(),
            topic: topic.to_owned(),
            data: Json::Null,
            correlation_id: correlation_id.map(str::to_owned),
            timestamp: cx.engine().clock().now(),
            depth: cx.deeper()?.depth(),
        };
        let event = Arc::new(RuleEvent { data, ..head.clone() });
        let posted = Arc::new(Posted::new(head, text));
        let (rules, engine) = (Arc::clone(&self.0), Arc::clone(cx.engine()));
        if cx.in_transaction() {
            cx.after_commit(async move { rules.deliver(&posted, &engine) });
        } else {
            rules.deliver(&posted, &engine);
        }
        Ok(event)
    }

    /// Receives the events that are emitted from now on under topics that the pattern selects.
    ///
    /// # Errors
    /// `INVALID_REQUEST` if this can be no pattern; `OVERLOADED` if there are too many subscriptions.
    pub fn subscribe(&self, pattern: &str) -> Result<RuleStream> {
        let pattern = Pattern::parse(pattern, Names::Topics)?;
        let mailbox = Arc::new(Mailbox::new(pattern, self.0.options.queue));
        let id = self.0.last.fetch_add(1, Ordering::Relaxed) + 1;
        let mut subscribers = self.0.subscribers.write().unwrap_or_else(PoisonError::into_inner);
        if subscribers.len() >= self.0.options.max_subscriptions {
            return Err(Error::new(Code::Overloaded, "there are too many subscriptions to events of rules"));
        }
        subscribers.insert(id, Arc::clone(&mailbox));
        drop(subscribers);
        Ok(RuleStream { mailbox, id, rules: Arc::downgrade(&self.0) })
    }

    /// Calls this with the events that are emitted from now on under topics that the pattern selects: one after the other, in a
    /// context of the application's own, in no transaction.
    ///
    /// An error, a panic, and what takes longer than [`timeout`](RulesOptions::timeout) is logged, and harms nobody. A handler may
    /// emit further events and write; those that set off each other, directly or by writing to bridged models, end after 8 steps.
    ///
    /// # Errors
    /// `INVALID_REQUEST` if this can be no pattern.
    pub fn on<F>(
        &self,
        pattern: &str,
        handler: impl Fn(Cx, Arc<RuleEvent>) -> F + Send + Sync + 'static,
    ) -> Result<RuleHandler>
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        self.handle(pattern, options::boxed(handler).into())
    }

    fn handle(&self, pattern: &str, handled: Handled) -> Result<RuleHandler> {
        let handler = Handler::new(Pattern::parse(pattern, Names::Topics)?, handled);
        let id = self.0.last.fetch_add(1, Ordering::Relaxed) + 1;
        self.0.handlers.write().unwrap_or_else(PoisonError::into_inner).insert(id, handler);
        Ok(RuleHandler { id, rules: Arc::downgrade(&self.0) })
    }

    /// How rules fare.
    ///
    /// # Errors
    /// If the store can't be read.
    pub async fn stats(&self, cx: &Cx) -> Result<RuleStats> {
        Ok(self.fare(self.count_facts(cx).await?))
    }

    /// How rules fare, as JSON; but for the facts, which nobody has counted but the store.
    pub(super) fn counted(&self) -> Json {
        let RuleStats { facts: _, subscriptions, handlers, emitted, handled, failed, missed } = self.fare(0);
        serde_json::json!({
            "subscriptions": subscriptions, "handlers": handlers, "emitted": emitted, "handled": handled,
            "failed": failed, "missed": missed,
        })
    }

    /// How rules fare that have so many facts.
    fn fare(&self, facts: u64) -> RuleStats {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let (counts, inner) = (&self.0.counts, &self.0);
        RuleStats {
            facts,
            subscriptions: inner.subscribers.read().unwrap_or_else(PoisonError::into_inner).len() as u64,
            handlers: inner.handlers.read().unwrap_or_else(PoisonError::into_inner).len() as u64,
            emitted: read(&counts.emitted),
            handled: read(&counts.handled),
            failed: read(&counts.failed),
            missed: read(&counts.missed),
        }
    }
}

/// Where an engine keeps its rules.
fn slot(engine: &Engine) -> Arc<OnceLock<Rules>> {
    engine.part(|| Arc::new(OnceLock::new()))
}

impl Inner {
    /// Fails if a client may not emit under this topic.
    fn permit(&self, cx: &Cx, topic: &str) -> Result<()> {
        let is_reserved = || self.reserved.iter().any(|pattern| pattern.matches(topic));
        if *cx.identity() != Identity::System && is_reserved() {
            let message = "only the application itself emits events under this topic";
            return Err(Error::new(Code::Forbidden, message).with_field("topic"));
        }
        Ok(())
    }

    fn deliver(self: &Arc<Self>, event: &Arc<Posted>, engine: &Arc<Engine>) {
        add(&self.counts.emitted, 1);
        let subscribers = self.subscribers.read().unwrap_or_else(PoisonError::into_inner);
        for mailbox in subscribers.values().filter(|mailbox| mailbox.pattern.matches(event.topic())) {
            add(&self.counts.missed, mailbox.push(event));
        }
        drop(subscribers);
        let handlers = self.handlers.read().unwrap_or_else(PoisonError::into_inner);
        for handler in handlers.values().filter(|handler| handler.pattern.matches(event.topic())) {
            handler.push(event, self, engine);
        }
    }

    fn remove_subscriber(&self, id: u64) {
        let removed = self.subscribers.write().unwrap_or_else(PoisonError::into_inner).remove(&id);
        drop(removed);
    }

    fn remove_handler(&self, id: u64) {
        let removed = self.handlers.write().unwrap_or_else(PoisonError::into_inner).remove(&id);
        // What it holds may be a handler itself: the lock is free again.
        if let Some(handler) = removed {
            handler.turn_off();
        }
    }
}

impl Cx {
    /// The rules of the application.
    ///
    /// # Errors
    /// `RULES_NOT_AVAILABLE` if it has none: [`App::rules`](crate::App::rules) switches them on.
    pub fn rules(&self) -> Result<Rules> {
        Rules::of(self.engine()).ok_or_else(not_available)
    }
}

fn not_available() -> Error {
    Error::custom("RULES_NOT_AVAILABLE", 404, "this application has no rules")
}

fn add(count: &AtomicU64, more: u64) {
    count.fetch_add(more, Ordering::Relaxed);
}

/// A value as JSON.
fn text(value: &Json, field: &'static str, most: usize) -> Result<String> {
    if !is_flat(value, model::MAX_DEPTH) {
        let message = format!("{field} is nested too deep");
        return Err(Error::new(Code::InvalidRequest, message).with_field(field));
    }
    let text = value.to_string();
    if text.len() > most {
        let message = format!("{field} has {} bytes as JSON, and may have {most}", text.len());
        return Err(Error::new(Code::PayloadTooLarge, message).with_field(field));
    }
    Ok(text)
}

/// Whether a value is nested so deep at most.
fn is_flat(value: &Json, most: usize) -> bool {
    match value {
        Json::Array(items) => most > 0 && items.iter().all(|item| is_flat(item, most - 1)),
        Json::Object(entries) => most > 0 && entries.values().all(|item| is_flat(item, most - 1)),
        _ => true,
    }
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rules").field("options", &self.0.options).finish_non_exhaustive()
    }
}
