//! Live queries: an answer with a position, and then what each transaction changes in it, in the order of the commits.
//!
//! ```text
//! store ─ Batch ─► Feed ─► matching (one task) ─► Node (one for all who ask the same) ─► Queue (one for each subscriber) ─► LiveStream
//! ```

mod event;
mod feed;
mod named;
mod node;
mod queue;
mod reactive;
mod resume;
mod settle;
mod stream;
mod text;
mod token;
mod window;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedReceiver;

pub use event::{LiveChange, LiveChangeKind};
pub use named::NamedQuery;
pub use queue::LiveSink;
pub use reactive::ReactiveStream;
pub use stream::{LiveEvent, LiveStream};
pub use text::LiveText;

use self::feed::Feed;
use self::node::Node;
use self::queue::Queue;
use self::reactive::Reactives;
use self::window::Window;
use super::channel::Source;
use super::index::Index;
use crate::engine::{Arguments, Cx, Engine, Operation, Standing};
use crate::model::{Code, Error, Result, Shape};
use crate::store::{Batch, RowChange, cannot_watch};

/// How long after a failure a window is read again.
const PAUSE: Duration = Duration::from_millis(200);

/// How often the store is asked whether somebody else has written.
const LOOK: Duration = Duration::from_secs(1);

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
    /// Windows that have to be read anew.
    stale: Vec<(&'static Shape, Key)>,
}

/// The standing queries of one model.
struct OfModel {
    nodes: HashMap<Key, Node>,
    /// Which of them a row may belong to.
    index: Index<Key>,
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
        arguments: Arguments,
        from: Option<&str>,
    ) -> Result<LiveStream> {
        let engine = cx.engine();
        let standing = Arc::new(Standing::parse(cx, shape, arguments)?);
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
        tokio::spawn(attend(Arc::downgrade(self), batches));
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
        let of_model = state
            .models
            .entry(&standing.shape.path)
            .or_insert_with(|| OfModel { nodes: HashMap::new(), index: Index::new(standing.shape) });
        let node = of_model.nodes.entry(key).or_insert_with(|| {
            of_model.index.insert(key, &standing.filter);
            Node::new(Arc::clone(standing), self.feed.want(standing.shape))
        });
        node.subscribers.push(Arc::downgrade(queue));
        let generation = node.generation;
        state.generation = state.generation.max(generation);
    }

    fn leave(&self, key: &Key, shape: &'static Shape, queue: &Arc<Queue>) {
        let mut state = self.state();
        let Some(of_model) = state.models.get_mut(&*shape.path) else { return };
        let Some(node) = of_model.nodes.get_mut(key) else { return };
        node.subscribers.retain(|other| other.strong_count() > 0 && !std::ptr::eq(other.as_ptr(), &**queue));
        if node.subscribers.is_empty() {
            of_model.index.remove(*key, &node.standing.filter);
            of_model.nodes.remove(key);
            self.feed.release(shape);
        }
        if of_model.nodes.is_empty() {
            state.models.remove(&*shape.path);
        }
    }

    /// Does something with a node, if it is there.
    fn with_node<T>(&self, shape: &'static Shape, key: &Key, body: impl FnOnce(&mut Node) -> T) -> Option<T> {
        let mut state = self.state();
        state.models.get_mut(&*shape.path)?.nodes.get_mut(key).map(body)
    }

    /// Takes in a batch, and tells the bindings of channels.
    fn take_in(&self, engine: &Engine, batch: &Batch) {
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
        let mut state = self.state();
        let Standings { models, position, generation, stale, .. } = &mut *state;
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
                        let changes = touched.entry((&change.shape.path, key)).or_default();
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
        has_gap
    }

    /// Notices what other processes have written, of which nobody is told.
    async fn look_round(&self, engine: &Engine, batches: &mut UnboundedReceiver<Batch>) {
        let known = self.state().position;
        let Ok(position) = engine.store().position().await else { return };
        if known.is_none_or(|known| position <= known) {
            return;
        }
        // What this process has just committed is about to be told.
        match tokio::time::timeout(PAUSE, batches.recv()).await {
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

    /// Reads the windows anew that have to be, as long as that succeeds.
    async fn read_stale(&self, engine: &Engine) -> Result<()> {
        loop {
            let next = self.state().stale.pop();
            let Some((shape, key)) = next else { return Ok(()) };
            let stale = |node: &mut Node| node.is_stale().then(|| Arc::clone(&node.standing));
            let Some(standing) = self.with_node(shape, &key, stale).flatten() else { continue };
            let limit = window::limit(standing.prefix().unwrap_or_default());
            match standing.read(engine, Some(limit)).await {
                Ok((position, rows)) => {
                    let window = Window::new(rows, limit);
                    if self.with_node(shape, &key, |node| node.read(engine, position, window)) == Some(true) {
                        self.state().stale.push((shape, key));
                    }
                }
                Err(error) => {
                    self.state().stale.push((shape, key));
                    return Err(error);
                }
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

/// Matches what the store tells of, for as long as there is somebody to tell.
async fn attend(queries: Weak<Queries>, mut batches: UnboundedReceiver<Batch>) {
    let mut pause = LOOK;
    loop {
        if let Some(queries) = queries.upgrade()
            && let Some(engine) = queries.engine.upgrade()
            && let Err(error) = queries.begin(&engine).await
        {
            tracing::warn!(%error, "it is not known yet how far the change log goes; trying again");
        }
        let told = tokio::time::timeout(pause, batches.recv()).await;
        let Some((queries, engine)) = queries.upgrade().and_then(|queries| {
            let engine = queries.engine.upgrade()?;
            Some((queries, engine))
        }) else {
            return;
        };
        pause = LOOK;
        match told {
            Ok(Some(batch)) => {
                queries.take_in(&engine, &batch);
                queries.feed.done(&batch);
            }
            Ok(None) => return,
            Err(_) => queries.look_round(&engine, &mut batches).await,
        }
        if let Err(error) = queries.read_stale(&engine).await {
            tracing::warn!(%error, "a live query can't be read; trying again");
            pause = PAUSE;
        }
        queries.moved.notify_waiters();
    }
}

/// One subscriber's part in a query; it leaves when it is dropped.
struct Subscriber {
    queries: Arc<Queries>,
    engine: Arc<Engine>,
    key: Key,
    standing: Arc<Standing>,
    queue: Arc<Queue>,
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.queries.leave(&self.key, self.standing.shape, &self.queue);
    }
}

impl Subscriber {
    /// The whole answer, and its position; from now on the queue has what comes after it.
    async fn answer(&self) -> Result<(u64, Vec<Arc<str>>)> {
        self.queue.prepare();
        let Subscriber { standing, engine, .. } = self;
        let Some(prefix) = standing.prefix() else {
            let (position, rows) = standing.read(engine, None).await?;
            self.queue.start(position);
            return Ok((position, rows.iter().map(|row| window::json_of(standing, row)).collect()));
        };
        if let Some(shown) = self.shown() {
            return Ok(shown);
        }
        let limit = window::limit(prefix);
        let (position, rows) = standing.read(engine, Some(limit)).await?;
        let window = Window::new(rows, limit);
        let read = |node: &mut Node| node.read(engine, position, window);
        if self.queries.with_node(standing.shape, &self.key, read) == Some(true) {
            self.queries.state().stale.push((standing.shape, self.key));
            self.queries.feed.nudge();
        }
        // Somebody else may have read more of it meanwhile.
        self.shown().ok_or_else(|| Error::new(Code::InternalError, "a live query is not there"))
    }

    /// What others have read already.
    fn shown(&self) -> Option<(u64, Vec<Arc<str>>)> {
        let shown = |node: &mut Node| {
            let (window, position) = node.shown()?;
            self.queue.start(position);
            Some((position, window.documents(&self.standing)))
        };
        self.queries.with_node(self.standing.shape, &self.key, shown)?
    }
}
