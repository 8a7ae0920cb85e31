//! What an application says of its rules: limits, handlers, models whose changes are events.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::bridge::{Bridge, Bridged};
use super::event::RuleEvent;
use super::handler::Call;
use crate::engine::Cx;
use crate::model::{Model, Result};

/// Switches rules on, and says how they behave: [`App::rules`](crate::App::rules).
#[derive(Clone)]
pub struct RulesOptions {
    pub(super) queue: usize,
    pub(super) max_subscriptions: usize,
    pub(super) timeout: Duration,
    pub(super) reserved: Vec<String>,
    pub(super) handlers: Vec<(String, Call)>,
    pub(super) bridges: Vec<Bridged>,
}

impl Default for RulesOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl RulesOptions {
    /// Rules without handlers, of which no model is an event.
    pub fn new() -> Self {
        RulesOptions {
            queue: 256,
            max_subscriptions: 10_000,
            timeout: Duration::from_secs(30),
            reserved: Vec::new(),
            handlers: Vec::new(),
            bridges: Vec::new(),
        }
    }

    /// How many events wait for a subscriber; one that falls further behind is told how many it missed. 256 by default, 1 at least.
    #[must_use]
    pub fn queue(mut self, events: usize) -> Self {
        self.queue = events.max(1);
        self
    }

    /// How many subscriptions there may be. 10,000 by default.
    #[must_use]
    pub fn max_subscriptions(mut self, most: usize) -> Self {
        self.max_subscriptions = most;
        self
    }

    /// How long a handler may take for an event. 30 seconds by default.
    #[must_use]
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = limit;
        self
    }

    /// Events whose topics the pattern selects are emitted by the application alone: what clients emit under them is `FORBIDDEN`. Functions
    /// and handlers act with the application's rights, whoever has emitted what they are called with. The topics that
    /// [bridged](RulesOptions::bridge) models have by themselves are the application's anyway.
    #[must_use]
    pub fn reserve(mut self, pattern: impl Into<String>) -> Self {
        self.reserved.push(pattern.into());
        self
    }

    /// Calls this with the events whose topics the pattern selects, from the start of the application. See
    /// [`Rules::on`](super::Rules::on).
    #[must_use]
    pub fn on<F>(
        mut self,
        pattern: impl Into<String>,
        handler: impl Fn(Cx, Arc<RuleEvent>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        self.handlers.push((pattern.into(), boxed(handler)));
        self
    }

    /// What is inserted, updated and deleted in this model is an event: `<scope>.<model>.inserted`, `.updated`, `.deleted`. See
    /// [`Bridge`].
    #[must_use]
    pub fn bridge<M: Model>(self) -> Self {
        self.bridge_with::<M>(Bridge::new())
    }

    /// As [`bridge`](RulesOptions::bridge), for some changes only, or under other topics, or with other data.
    #[must_use]
    pub fn bridge_with<M: Model>(mut self, bridge: Bridge) -> Self {
        self.bridges.push(Bridged { shape: || M::descriptor().shape(), bridge });
        self
    }
}

pub(super) fn boxed<F>(handler: impl Fn(Cx, Arc<RuleEvent>) -> F + Send + Sync + 'static) -> Call
where
    F: Future<Output = Result<()>> + Send + 'static,
{
    Arc::new(move |cx, event| Box::pin(handler(cx, event)))
}

impl fmt::Debug for RulesOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RulesOptions").field("queue", &self.queue).finish_non_exhaustive()
    }
}
