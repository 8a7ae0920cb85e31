//! Live queries: an answer with a position, and then what each transaction changes in it, in the order of the commits.
//!
//! ```text
//! store ─ Batch ─► Feed ─► matching (one task) ─► Node (one for all who ask the same) ─► Queue (one for each subscriber) ─► LiveStream
//! ```

mod asked;
#[cfg(all(test, feature = "server"))]
pub(crate) mod behind;
mod event;
mod feed;
mod figures;
mod kept;
mod matching;
mod named;
mod node;
mod queue;
mod reactive;
mod resume;
mod settle;
mod standings;
mod stream;
mod subscriber;
mod task;
mod text;
mod token;
mod window;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::Notify;

pub use event::{LiveChange, LiveChangeKind};
pub use named::NamedQuery;
pub use queue::LiveSink;
pub use reactive::ReactiveStream;
pub use stream::{LiveEvent, LiveStream};
pub use text::LiveText;

use self::asked::Asked;
use self::feed::{Feed, Waiting};
use self::kept::Kept;
use self::node::Node;
use self::queue::Queue;
use self::reactive::Reactives;
use self::standings::Standings;
use self::subscriber::Subscriber;
use super::channel::Source;
use crate::engine::{Arguments, Cx, Engine, Operation, Standing};
use crate::model::{Code, Error, Result, Shape};
use crate::query::Filter;
use crate::store::cannot_watch;

/// Rows that a query is told of.
type Filed = (&'static Shape, Filter);

/// What names a query: all who ask the same share it.
type Key = [u8; 32];

/// The live queries of an application.
pub(crate) struct Queries {
    me: Weak<Queries>,
    engine: Weak<Engine>,
    feed: Arc<Feed>,
    state: Mutex<Standings>,
    reactives: Reactives,
    /// Something was matched, or read anew.
    moved: Notify,
}

impl Queries {
    /// Those of the application that runs on this engine: a store tells one watcher of its commits.
    pub(super) fn of(engine: &Arc<Engine>) -> Arc<Self> {
        engine.part(|| Self::new(engine))
    }

    fn new(engine: &Arc<Engine>) -> Arc<Self> {
        let (feed, batches) = Feed::new();
        let state = Mutex::new(Standings::new(batches));
        let (engine, feed, reactives) = (Arc::downgrade(engine), Arc::new(feed), Reactives::default());
        let moved = Notify::new();
        Arc::new_cyclic(|me| Queries { me: me.clone(), engine, feed, state, reactives, moved })
    }

    fn state(&self) -> MutexGuard<'_, Standings> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Subscribes to a query. With a position of an earlier subscription it goes on there, if that is possible.
    pub(super) async fn subscribe(
        self: &Arc<Self>,
        cx: &Cx,
        shape: &'static Shape,
        operation: Operation,
        arguments: Arguments,
        from: Option<&str>,
    ) -> Result<LiveStream> {
        let engine = cx.engine();
        let asked = Arc::new(Asked::new(engine, Standing::parse(cx, shape, operation, arguments).await?));
        self.start(engine)?;
        self.begin(engine).await?;
        let queue = Queue::new(asked.standing.count.is_some());
        if !self.state().enter(&self.feed, &asked, &queue) {
            return Err(Error::new(Code::Overloaded, "there are too many live queries"));
        }
        let subscriber = Subscriber { queries: Arc::clone(self), engine: engine.clone(), asked, queue };
        match from.and_then(|from| subscriber.asked.place(engine, from)) {
            Some(seq) => LiveStream::resumed(subscriber, seq).await,
            None => LiveStream::begun(subscriber, from.is_some()).await,
        }
    }

    /// Listens to the answers of a query by name, or of a reading operation.
    pub(super) fn watch(
        self: &Arc<Self>,
        cx: &Cx,
        shape: &'static Shape,
        operation: Operation,
        payload: Vec<u8>,
    ) -> Result<ReactiveStream> {
        self.start(cx.engine())?;
        Ok(Reactives::get(self, cx, shape, operation, payload).listen())
    }

    /// Listens to what a question answers.
    pub(super) fn ask(self: &Arc<Self>, cx: &Cx, query: &NamedQuery) -> Result<ReactiveStream> {
        self.watch(cx, query.shape, query.operation, query.arguments().as_bytes().to_vec())
    }

    /// Begins to listen to the store, at the first subscription.
    fn start(self: &Arc<Self>, engine: &Arc<Engine>) -> Result<()> {
        let mut state = self.state();
        let Some(batches) = state.batches.take() else { return Ok(()) };
        if !engine.store().watch(Arc::<Feed>::clone(&self.feed)) {
            state.batches = Some(batches);
            return Err(cannot_watch());
        }
        tokio::spawn(task::attend(Arc::downgrade(self), batches));
        self.feed.nudge();
        Ok(())
    }

    /// Learns where the change log is, lest a gap be taken for the beginning. To be done before anything is answered.
    async fn begin(&self, engine: &Engine) -> Result<()> {
        if self.state().position.is_none() {
            let position = engine.store().position().await?;
            self.state().position.get_or_insert(position);
        }
        Ok(())
    }

    fn leave(&self, key: &Key, queue: &Arc<Queue>) {
        self.state().leave(&self.feed, key, queue);
    }

    /// The answer of a query was read at a position. Answers whether it has to be read again.
    ///
    /// Whoever does not subscribe says for which node it was read: there may be another one of this name by now, which knows less.
    fn was_read(
        &self,
        engine: &Engine,
        key: &Key,
        asked: Option<&Arc<Asked>>,
        position: u64,
        kept: Kept,
    ) -> bool {
        let mut state = self.state();
        let matched = state.position;
        let Some(node) = state.nodes.named(key) else { return false };
        if asked.is_some_and(|asked| !node.has_asked(asked)) {
            return false;
        }
        let mut is_stale = node.read(engine, position, kept);
        let Some(reached) = node.shown().and_then(|(kept, _)| kept.reached()) else { return is_stale };
        let filed = node.asked.standing.watched(Some(reached));
        let before = node.filed();
        if before.iter().zip(&filed).all(|(before, after)| before.1 == after.1) {
            return is_stale;
        }
        // What was matched since it was read was matched with what it was filed under before.
        if let Some(matched) = matched
            && matched > position
        {
            is_stale |= node.missed(matched);
        }
        state.file(key, filed);
        is_stale
    }

    /// Does something with a node, if it is there, and with the position up to which all is matched.
    fn with_node<T>(&self, key: &Key, body: impl FnOnce(&mut Node, u64) -> T) -> Option<T> {
        let mut state = self.state();
        let matched = state.position.unwrap_or_default();
        let node = state.nodes.named(key)?;
        node.come_to(matched);
        Some(body(node, matched))
    }

    /// Has an answer read anew by a task of its own, so that nobody else waits for it.
    fn refresh(&self, key: Key) {
        if self.with_node(&key, |node, _| node.is_due()) == Some(true) {
            tokio::spawn(task::read_anew(self.me.clone(), key));
        }
    }

    /// How many queries stand, and how many subscribe to them.
    pub(super) fn counts(&self) -> (usize, usize) {
        let state = self.state();
        let reactives = self.reactives.len();
        let subscribers: usize = state.nodes.all().map(|node| node.queues().len()).sum();
        (reactives + state.nodes.len(), reactives + subscribers)
    }
}

impl Source for Queries {
    fn want(&self, engine: &Arc<Engine>, shape: &'static Shape) -> Result<u64> {
        self.me.upgrade().map_or_else(|| Err(cannot_watch()), |queries| queries.start(engine))?;
        Ok(self.feed.want(shape))
    }

    fn release(&self, shape: &'static Shape) {
        self.feed.release(shape);
    }
}

#[cfg(all(test, feature = "sqlite"))]
mod tests;
