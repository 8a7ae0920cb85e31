//! An event, and those who wait for such.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use serde::Serialize;
use serde_json::Value as Json;
use tokio::sync::Notify;

use super::Inner;
use super::pattern::Pattern;

/// So many bytes of events wait for one subscriber; behind that the oldest go.
const MOST_BYTES: usize = 2 << 20;

/// Something that was said to have happened, by [`Rules::emit`](super::Rules::emit) or by a bridged model.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RuleEvent {
    /// No other event has it.
    pub id: String,
    /// What happened: `orders.created`.
    pub topic: String,
    /// What there is to say of it.
    pub data: Json,
    /// What it belongs to, in the words of whoever emitted it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// When it was emitted, in Unix milliseconds.
    pub timestamp: i64,
    /// How many handlers and hooks have led here, one setting off the other.
    #[serde(skip)]
    pub(super) depth: u8,
}

/// An event on its way to those who want to hear of it. Its data waits as JSON: as a value it may take more than 36 times as much memory,
/// and nobody but who takes it needs it as one.
pub(super) struct Posted {
    /// All but the data.
    head: RuleEvent,
    data: Box<str>,
}

impl Posted {
    /// An event without its data, and that as JSON.
    pub(super) fn new(head: RuleEvent, data: String) -> Self {
        Posted { head, data: data.into() }
    }

    pub(super) fn topic(&self) -> &str {
        &self.head.topic
    }

    /// How much memory it takes. Short ones take their place, too.
    pub(super) fn size(&self) -> usize {
        self.data.len() + size_of::<Posted>()
    }

    /// The event.
    pub(super) fn open(&self) -> Arc<RuleEvent> {
        // What was written from a value can be read as one.
        let data = serde_json::from_str(&self.data).unwrap_or_default();
        Arc::new(RuleEvent { data, ..self.head.clone() })
    }
}

/// What a [`RuleStream`] receives.
#[derive(Clone, Debug, PartialEq)]
pub enum RuleReceived {
    /// An event.
    Event(Arc<RuleEvent>),
    /// So many events came faster than they were taken, and are lost for this receiver.
    Missed(u64),
}

/// Events wait here for one subscriber.
pub(super) struct Mailbox {
    pub(super) pattern: Pattern,
    most: usize,
    waiting: Mutex<Waiting>,
    ready: Notify,
}

#[derive(Default)]
struct Waiting {
    events: VecDeque<Arc<Posted>>,
    bytes: usize,
    missed: u64,
}

impl Mailbox {
    pub(super) fn new(pattern: Pattern, most: usize) -> Self {
        Mailbox { pattern, most, waiting: Mutex::default(), ready: Notify::new() }
    }

    /// Puts an event in, and answers how many had to go for it.
    pub(super) fn push(&self, event: &Arc<Posted>) -> u64 {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let before = waiting.missed;
        while waiting.events.len() >= self.most
            || (waiting.bytes + event.size() > MOST_BYTES && !waiting.events.is_empty())
        {
            let Some(oldest) = waiting.events.pop_front() else { break };
            waiting.bytes -= oldest.size();
            waiting.missed += 1;
        }
        waiting.bytes += event.size();
        waiting.events.push_back(Arc::clone(event));
        let gone = waiting.missed - before;
        drop(waiting);
        self.ready.notify_one();
        gone
    }

    fn take(&self) -> Option<RuleReceived> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        // What is lost is older than what waits.
        if waiting.missed > 0 {
            return Some(RuleReceived::Missed(std::mem::take(&mut waiting.missed)));
        }
        let event = waiting.events.pop_front()?;
        waiting.bytes -= event.size();
        drop(waiting);
        Some(RuleReceived::Event(event.open()))
    }
}

/// Receives the events that a pattern selects, until it is dropped.
#[must_use = "dropping it ends the subscription"]
pub struct RuleStream {
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) id: u64,
    pub(super) rules: Weak<Inner>,
}

impl RuleStream {
    /// Waits for the next event. Whoever gives up waiting loses nothing.
    pub async fn receive(&mut self) -> RuleReceived {
        loop {
            if let Some(received) = self.mailbox.take() {
                return received;
            }
            self.mailbox.ready.notified().await;
        }
    }

    /// What waits already, if anything does.
    pub fn try_receive(&mut self) -> Option<RuleReceived> {
        self.mailbox.take()
    }

    /// The number of the subscription: no other one of this process has it.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The pattern.
    pub fn pattern(&self) -> &str {
        self.mailbox.pattern.text()
    }
}

impl Drop for RuleStream {
    fn drop(&mut self) {
        if let Some(rules) = self.rules.upgrade() {
            rules.remove_subscriber(self.id);
        }
    }
}

impl fmt::Debug for RuleStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RuleStream").field("id", &self.id).field("pattern", &self.pattern()).finish()
    }
}
