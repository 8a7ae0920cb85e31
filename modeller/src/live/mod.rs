//! Who is watching: live queries, channels, presence, and the connections that they reach.
//!
//! Nothing here knows a transport. A door opens a connection, subscribes for it, and writes what it is given.

mod channel;
mod connection;
pub(crate) mod index;
pub(crate) mod lookahead;
mod query;
pub(crate) mod rule;

use std::fmt;
use std::sync::Arc;

use serde_json::Value as Json;

pub use channel::{
    Acknowledged, CHANNEL_OPERATIONS, ChangesEvent, ChangesRequest, Channel, ChannelAction, ChannelEvent,
    ChannelEventKind, ChannelListening, ChannelOptions, ChannelSettings, ChannelSink, ChannelStats, Channels,
    DocumentChange, Heard, Joined, MAX_REPLAY, Position, Replayed, Sent, Since, Ticket, Topic, Tracked,
    acknowledgement, parse_filter,
};
#[cfg(feature = "server")]
pub(crate) use connection::Lineup;
#[cfg(feature = "server")]
pub(crate) use connection::metrics::CONTENT_TYPE as METRICS;
pub use connection::{
    Backpressure, Connection, ConnectionEvent, ConnectionInfo, ConnectionTotals, Connections, Heartbeat,
    Held, LiveOptions, Origin, Outbox, Phase, Place, RateLimit, Stats, StoreStats, Watching,
};

pub use rule::{
    Bridge, Fact, ModelChange, RuleEvent, RuleHandler, RuleReceived, RuleStats, RuleStream, Rules,
    RulesOptions,
};

#[cfg(feature = "server")]
pub(crate) use rule::operation::OPERATIONS as RULE_OPERATIONS;

#[cfg(all(test, feature = "server"))]
pub(crate) use query::behind;
pub use query::{
    LiveChange, LiveChangeKind, LiveEvent, LiveSink, LiveStream, LiveText, NamedQuery, ReactiveStream,
};

use crate::engine::{Arguments, Cx, Engine, Operation};
use crate::model::{Code, Error, Result, Shape};
use crate::registry::BehaviourKind;

/// What an application has for those who watch; doors share it.
pub struct Live {
    engine: Arc<Engine>,
    channels: Arc<Channels>,
    connections: Connections,
    queries: Arc<query::Queries>,
    rules: Option<Rules>,
}

impl Live {
    /// For the application that runs on this engine.
    pub fn new(engine: Arc<Engine>, options: LiveOptions) -> Arc<Self> {
        let connections = Connections::new(&engine, options);
        let queries = query::Queries::of(&engine);
        let channels = Channels::of(&engine);
        let source: Arc<dyn channel::Source> = queries.clone();
        channels.feed_from(Arc::downgrade(&source));
        let rules = Rules::of(&engine);
        connections.set_rules(rules.is_some());
        Arc::new(Live { engine, channels, connections, queries, rules })
    }

    /// The application.
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// Subscribes to what a `list` with these arguments answers: without a `count` to all of it (10,000 documents at most), with one to a
    /// window, whose documents have places. `from` is the position of an earlier subscription to the same query by the same caller.
    ///
    /// With `with`, or with conditions on related documents, it follows these as well: it is read anew when one of them changes, and told
    /// as it is then.
    ///
    /// # Errors
    /// Those of the arguments; `INVALID_QUERY` for what can't be live (`after`, a search with hits, too many documents);
    /// `METHOD_NOT_FOUND` if the store can't tell of changes.
    pub async fn subscribe(
        &self,
        cx: &Cx,
        shape: &'static Shape,
        arguments: Arguments,
        from: Option<&str>,
    ) -> Result<LiveStream> {
        self.queries.subscribe(cx, shape, Operation::List, arguments, from).await
    }

    /// Subscribes to what an operation with these arguments answers: a `list` as [`subscribe`](Live::subscribe) does, or the figures of a
    /// [`count`](Operation::Count) or an [`aggregate`](Operation::Aggregate). Those are kept up to date from the rows that are written, and
    /// each transaction that changes them is told once. Figures of groups are told group by group; with a `count` the groups are a window,
    /// and have places.
    ///
    /// What has expired counts until it is removed.
    ///
    /// # Errors
    /// As [`subscribe`](Live::subscribe); `INVALID_QUERY` also for figures of related documents, for too many groups, and for more
    /// different values than are kept; `METHOD_NOT_FOUND` for other operations.
    pub async fn follow(
        &self,
        cx: &Cx,
        shape: &'static Shape,
        operation: Operation,
        arguments: Arguments,
        from: Option<&str>,
    ) -> Result<LiveStream> {
        self.queries.subscribe(cx, shape, operation, arguments, from).await
    }

    /// Listens to what a query by name (`#[modeller::query]`) answers: it is asked again when something changes that it has read through
    /// its `Cx`, and its answer is told if it is another one.
    ///
    /// # Errors
    /// `METHOD_NOT_FOUND` if the model has no such query, or if the store can't tell of changes. What is wrong with the payload is said as
    /// the first answer.
    pub fn watch(
        &self,
        cx: &Cx,
        shape: &'static Shape,
        name: &str,
        payload: &Json,
    ) -> Result<ReactiveStream> {
        let found = self.engine.registry().callable(shape, name);
        let behaviour =
            found.filter(|behaviour| behaviour.kind == BehaviourKind::Query).ok_or_else(|| {
                let queries = self.engine.registry().behaviours_of(shape, BehaviourKind::Query);
                let known: Vec<&str> = queries.map(|query| query.name).collect();
                let message = format!("the model `{}` has no such query", shape.path);
                Error::new(Code::MethodNotFound, message)
                    .with_details(serde_json::json!({ "queries": known }))
            })?;
        self.queries.watch(cx, shape, Operation::Invoke(behaviour), payload.to_string().into_bytes())
    }

    /// Listens to what a query of any kind answers, by its whole name: as [`watch`](Self::watch), for reading operations of models too.
    ///
    /// # Errors
    /// `METHOD_NOT_FOUND` if the store can't tell of changes. What is wrong with the arguments is said as the first answer.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use modeller::live::{Live, LiveOptions, NamedQuery};
    /// use modeller::prelude::*;
    /// use serde_json::json;
    ///
    /// #[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
    /// #[model(scope = "app", name = "tasks")]
    /// struct Task { done: bool }
    ///
    /// let cx = App::isolated().models::<(Task,)>().cx().await?;
    /// let live = Live::new(cx.engine().clone(), LiveOptions::new());
    /// let open = json!({ "query": { "done": false } });
    /// let open = NamedQuery::parse(cx.engine().registry(), "app/tasks/count", &open)?;
    /// let mut open = live.ask(&cx, &open)?;
    /// assert_eq!(&*open.next().await?, "0");
    /// Task::insert(&cx, Task { done: false }).await?;
    /// assert_eq!(&*open.next().await?, "1");
    /// # Ok(()) }
    /// ```
    pub fn ask(&self, cx: &Cx, query: &NamedQuery) -> Result<ReactiveStream> {
        self.queries.ask(cx, query)
    }

    /// Waits until all who subscribe to queries can be told of what is committed so far: for tests, which need not guess how long that
    /// takes.
    ///
    /// # Errors
    /// If the store can't be read.
    pub async fn settle(&self) -> Result<()> {
        self.queries.settle(&self.engine).await
    }

    /// How many live queries stand, and how many subscriptions they have.
    pub fn queries(&self) -> (usize, usize) {
        self.queries.counts()
    }

    /// Facts and events, if the application has rules.
    pub fn rules(&self) -> Option<&Rules> {
        self.rules.as_ref()
    }

    /// Whoever is connected.
    pub fn connections(&self) -> &Connections {
        &self.connections
    }

    /// Its channels.
    pub fn channels(&self) -> &Arc<Channels> {
        &self.channels
    }
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live").field("engine", &self.engine).finish_non_exhaustive()
    }
}
