//! Live queries: an answer with a position, and then what each transaction changes in it, in the order of the commits.
//!
//! ```text
//! store ─ Batch ─► Feed ─► matching (one task) ─► Node (one for all who ask the same) ─► Queue (one for each subscriber) ─► LiveStream
//! ```

mod event;
mod feed;
mod figures;
mod kept;
mod named;
mod node;
mod queue;
mod reactive;
mod resume;
mod settle;
mod stream;
mod subscriber;
mod task;
mod text;
mod token;
mod window;

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedReceiver;

pub use event::{LiveChange, LiveChangeKind};
pub use named::NamedQuery;
pub use queue::LiveSink;
pub use reactive::ReactiveStream;
pub use stream::{LiveEvent, LiveStream};
pub use text::LiveText;

use self::feed::Feed;
use self::kept::Kept;
use self::node::Node;
use self::queue::Queue;
use self::reactive::Reactives;
use self::subscriber::Subscriber;
use super::channel::Source;
use super::index::Index;
use crate::engine::{Arguments, Cx, Engine, Operation, Standing, panic_message};
use crate::model::{Result, Shape};
use crate::query::Filter;
use crate::store::{Batch, RowChange, cannot_watch};

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

/// All standing queries.
#[derive(Default)]
struct Standings {
    /// The other end of the feed, until somebody subscribes.
    batches: Option<UnboundedReceiver<Batch>>,
    models: HashMap<&'static str, OfModel>,
    /// How far the changes are matched. Whoever is given an answer is given it afterwards: what somebody else writes behind it is
    /// noticed as a gap.
    position: Option<u64>,
    /// The newest query's generation: a batch of that one or a later one knows of all queries.
    generation: u64,
}

/// The standing queries of one model.
struct OfModel {
    nodes: HashMap<Key, Node>,
    /// Which of them a row may belong to, and which of other models it may be told with.
    index: Index<Key>,
    /// The models of those.
    guests: HashMap<Key, &'static str>,
}

impl OfModel {
    fn new(shape: &'static Shape) -> Self {
        OfModel { nodes: HashMap::new(), index: Index::new(shape), guests: HashMap::new() }
    }

    fn is_empty(&self) -> bool {
        self.nodes.is_empty() && self.guests.is_empty()
    }
}

impl Queries {
    /// Those of the application that runs on this engine: a store tells one watcher of its commits.
    pub(super) fn of(engine: &Arc<Engine>) -> Arc<Self> {
        engine.part(|| Self::new(engine))
    }

    fn new(engine: &Arc<Engine>) -> Arc<Self> {
        let (feed, batches) = Feed::new();
        let state = Mutex::new(Standings { batches: Some(batches), ..Standings::default() });
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
        let standing = Arc::new(Standing::parse(cx, shape, operation, arguments)?);
        self.start(engine)?;
        self.begin(engine).await?;
        let key = standing.sign(engine, b"key");
        let queue = Queue::new(standing.count.is_some());
        self.enter(key, &standing, &queue);
        let subscriber =
            Subscriber { queries: Arc::clone(self), engine: engine.clone(), key, standing, queue };
        match from.and_then(|from| token::decode(&subscriber.standing, engine, from)) {
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

    fn enter(&self, key: Key, standing: &Arc<Standing>, queue: &Arc<Queue>) {
        let mut state = self.state();
        let Standings { models, generation, .. } = &mut *state;
        let home: &'static str = &standing.shape.path;
        let is_new = !models.get(home).is_some_and(|of_model| of_model.nodes.contains_key(&key));
        if is_new {
            let (mut newest, filed) = (0, standing.watched(None));
            for (shape, filter) in &filed {
                let of_model = models.entry(&shape.path).or_insert_with(|| OfModel::new(shape));
                of_model.index.insert(key, filter);
                if shape.path != home {
                    of_model.guests.insert(key, home);
                }
                newest = self.feed.want(shape);
            }
            *generation = newest.max(*generation);
            // Proof: a query watches its own model.
            if let Some(of_model) = models.get_mut(home) {
                of_model.nodes.insert(key, Node::new(Arc::clone(standing), newest, filed));
            }
        }
        if let Some(node) = models.get_mut(home).and_then(|of_model| of_model.nodes.get_mut(&key)) {
            node.subscribers.push(Arc::downgrade(queue));
        }
    }

    fn leave(&self, key: &Key, shape: &'static Shape, queue: &Arc<Queue>) {
        let mut state = self.state();
        let Some(of_model) = state.models.get_mut(&*shape.path) else { return };
        let Some(node) = of_model.nodes.get_mut(key) else { return };
        node.subscribers.retain(|other| other.strong_count() > 0 && !std::ptr::eq(other.as_ptr(), &**queue));
        if !node.subscribers.is_empty() {
            return;
        }
        let Some(node) = of_model.nodes.remove(key) else { return };
        for (shape, filter) in node.filed {
            self.feed.release(shape);
            let Some(of_model) = state.models.get_mut(&*shape.path) else { continue };
            of_model.index.remove(*key, &filter);
            of_model.guests.remove(key);
            if of_model.is_empty() {
                state.models.remove(&*shape.path);
            }
        }
    }

    /// The answer of a query was read at a position. Answers whether it has to be read again.
    fn was_read(&self, engine: &Engine, shape: &'static Shape, key: &Key, position: u64, kept: Kept) -> bool {
        let mut state = self.state();
        let Standings { models, position: matched, .. } = &mut *state;
        let Some(of_model) = models.get_mut(&*shape.path) else { return false };
        let Some(node) = of_model.nodes.get_mut(key) else { return false };
        let mut is_stale = node.read(engine, position, kept);
        let Some(reached) = node.shown().and_then(|(kept, _)| kept.reached()) else { return is_stale };
        let filed = node.standing.watched(Some(reached));
        let is_same = |(before, after): &(&Filed, &Filed)| before.1 == after.1;
        if node.filed.iter().zip(&filed).all(|pair| is_same(&pair)) {
            return is_stale;
        }
        // What was matched since it was read was matched with what it was filed under before.
        if let Some(matched) = *matched
            && matched > position
        {
            is_stale |= node.missed(matched);
        }
        let before = std::mem::replace(&mut node.filed, filed.clone());
        for ((shape, before), (_, after)) in before.iter().zip(&filed).filter(|pair| !is_same(pair)) {
            if let Some(of_model) = models.get_mut(&*shape.path) {
                of_model.index.remove(*key, before);
                of_model.index.insert(*key, after);
            }
        }
        is_stale
    }

    /// Does something with a node, if it is there.
    fn with_node<T>(&self, shape: &'static Shape, key: &Key, body: impl FnOnce(&mut Node) -> T) -> Option<T> {
        let mut state = self.state();
        let matched = state.position.unwrap_or_default();
        let node = state.models.get_mut(&*shape.path)?.nodes.get_mut(key)?;
        node.come_to(matched);
        Some(body(node))
    }

    /// Takes in a batch. If that breaks, nothing that is known of the answers is sure any more: all begin anew.
    fn take_in(&self, engine: &Engine, batch: &Batch) {
        let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.match_all(engine, batch))) else { return };
        tracing::error!(panic = panic_message(&*panic), "matching live queries panicked; they begin anew");
        let mut state = self.state();
        for node in state.models.values_mut().flat_map(|of_model| of_model.nodes.values_mut()) {
            node.forget(batch.until);
        }
        drop(state);
        self.reactives.missed(0, batch.until);
        engine.channels().missed(0, engine.clock().now());
    }

    /// Matches a batch, and tells the bindings of channels.
    fn match_all(&self, engine: &Engine, batch: &Batch) {
        let has_gap = self.match_batch(engine, batch);
        let (channels, now) = (engine.channels(), engine.clock().now());
        // A mere nudge tells of nothing.
        if has_gap || batch.until > batch.after {
            channels.missed(if has_gap { 0 } else { batch.generation }, now);
        }
        let changes = batch.commits.iter().flat_map(|commit| &commit.changes);
        changes.for_each(|change| channels.changed(change, now));
    }

    /// Matches a batch with the queries. Answers whether there was something before it that nobody has told of.
    fn match_batch(&self, engine: &Engine, batch: &Batch) -> bool {
        let mut stale = Vec::new();
        let mut state = self.state();
        let Standings { models, position, generation, .. } = &mut *state;
        // Another process has written meanwhile, and told nobody.
        let has_gap = position.is_some_and(|position| batch.after > position);
        // A mere nudge is of no position.
        if batch.until > 0 {
            *position = (*position).max(Some(batch.until));
        }
        if has_gap {
            self.reactives.missed(0, batch.until);
        }
        self.reactives.take_in(batch);
        if has_gap || batch.generation < *generation {
            for of_model in models.values_mut() {
                for (key, node) in &mut of_model.nodes {
                    if (has_gap || batch.generation < node.generation) && node.missed(batch.until) {
                        stale.push((node.standing.shape, *key));
                    }
                }
            }
        }
        for commit in &batch.commits {
            let mut touched: HashMap<(&'static str, Key), Vec<&RowChange>> = HashMap::new();
            for change in &commit.changes {
                let Some(of_model) = models.get(&*change.shape.path) else { continue };
                for row in [&change.old, &change.new].into_iter().flatten() {
                    of_model.index.candidates(row, |key| {
                        let home = match of_model.guests.is_empty() {
                            true => &change.shape.path,
                            false => of_model.guests.get(&key).copied().unwrap_or(&change.shape.path),
                        };
                        let changes = touched.entry((home, key)).or_default();
                        // A key may come twice, for one row and for both.
                        if changes.last().is_none_or(|last| !std::ptr::eq(*last, change)) {
                            changes.push(change);
                        }
                    });
                }
            }
            for ((model, key), changes) in touched {
                let node = models.get_mut(model).and_then(|of_model| of_model.nodes.get_mut(&key));
                let Some(node) = node else { continue };
                if node.apply(engine, commit.seq, &changes) {
                    stale.push((node.standing.shape, key));
                }
            }
        }
        drop(state);
        stale.into_iter().for_each(|(shape, key)| self.refresh(shape, key));
        has_gap
    }

    /// Has an answer read anew by a task of its own, so that nobody else waits for it.
    fn refresh(&self, shape: &'static Shape, key: Key) {
        let is_due = |node: &mut Node| node.is_stale() && !std::mem::replace(&mut node.is_read, true);
        if self.with_node(shape, &key, is_due) == Some(true) {
            tokio::spawn(task::read_anew(self.me.clone(), shape, key));
        }
    }

    /// Notices what other processes have written, of which nobody is told.
    async fn look_round(&self, engine: &Engine, batches: &mut UnboundedReceiver<Batch>) {
        let known = self.state().position;
        let Ok(position) = engine.store().position().await else { return };
        if known.is_none_or(|known| position <= known) {
            return;
        }
        // What this process has just committed is about to be told.
        match tokio::time::timeout(task::PAUSE, batches.recv()).await {
            Ok(Some(batch)) => {
                self.take_in(engine, &batch);
                self.feed.done(&batch);
            }
            Ok(None) => {}
            Err(_) => {
                let until = position;
                self.take_in(
                    engine,
                    &Batch { after: until, until, generation: u64::MAX, commits: Vec::new() },
                );
            }
        }
    }

    /// How many queries stand, and how many subscribe to them.
    pub(super) fn counts(&self) -> (usize, usize) {
        let state = self.state();
        let nodes = state.models.values().flat_map(|of_model| of_model.nodes.values());
        let reactives = self.reactives.len();
        nodes.fold((reactives, reactives), |(nodes, all), node| (nodes + 1, all + node.subscribers.len()))
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
