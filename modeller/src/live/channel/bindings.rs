//! Bindings: who hears of which changes of models, through which channel.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak};

use serde_json::Value as Json;

use super::changes::{columns, encode, encode_missed};
use super::filter::parse_filter;
use super::room::hand;
use super::{ChannelAction, ChannelEvent, ChannelSink, Channels, Topic, not_joined};
use crate::engine::{Cx, Engine};
use crate::live::LiveText;
use crate::live::index::Index;
use crate::model::{self, Code, Error, Result, Shape};
use crate::query::Filter;
use crate::registry::Registry;
use crate::store::{ChangeOp, RowChange, cannot_watch};

/// Which changes somebody wants to hear of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChangesEvent {
    /// New documents.
    Insert,
    /// Documents with other values.
    Update,
    /// Documents that are gone.
    Delete,
    /// All of them.
    #[default]
    All,
}

impl ChangesEvent {
    /// From `INSERT`, `UPDATE`, `DELETE` or `*`.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "INSERT" => Some(ChangesEvent::Insert),
            "UPDATE" => Some(ChangesEvent::Update),
            "DELETE" => Some(ChangesEvent::Delete),
            "*" => Some(ChangesEvent::All),
            _ => None,
        }
    }

    const fn includes(self, op: ChangeOp) -> bool {
        matches!(
            (self, op),
            (ChangesEvent::All, _)
                | (ChangesEvent::Insert, ChangeOp::Insert)
                | (ChangesEvent::Update, ChangeOp::Update)
                | (ChangesEvent::Delete, ChangeOp::Delete)
        )
    }
}

/// What a binding is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangesRequest {
    /// Which changes.
    pub event: ChangesEvent,
    /// The scope of the model. Without it the table is the model's path, or a name that only one model has.
    pub schema: Option<String>,
    /// The name of the model.
    pub table: String,
    /// Which documents: see [`parse_filter`](super::parse_filter). All of them without it.
    pub filter: Option<String>,
}

impl ChangesRequest {
    /// What clients send: `{"event": "UPDATE", "schema": "shop", "table": "orders", "filter": "status=eq.open"}`.
    ///
    /// # Errors
    /// `INVALID_REQUEST` if a member has another type or is not known.
    pub fn parse(json: &Json) -> Result<Self> {
        let invalid = |message: &'static str| Error::new(Code::InvalidRequest, message);
        let members = json.as_object().ok_or_else(|| invalid("a binding to changes is an object"))?;
        let mut request = ChangesRequest::default();
        for (name, value) in members {
            let text = value.as_str();
            match name.as_str() {
                "event" => {
                    let event = text.and_then(ChangesEvent::from_name);
                    request.event = event.ok_or_else(|| invalid("event is INSERT, UPDATE, DELETE or *"))?;
                }
                "table" => request.table = text.ok_or_else(|| invalid("table is a string"))?.to_owned(),
                "schema" | "filter" if value.is_null() => {}
                "schema" => {
                    request.schema = Some(text.ok_or_else(|| invalid("schema is a string"))?.to_owned())
                }
                "filter" => {
                    request.filter = Some(text.ok_or_else(|| invalid("filter is a string"))?.to_owned())
                }
                _ => {
                    return Err(invalid(
                        "a binding to changes has event, schema, table and filter, and nothing else",
                    ));
                }
            }
        }
        Ok(request)
    }

    /// The model: one of the application's, since the framework's own are nobody's business.
    fn model(&self, registry: &Registry) -> Result<&'static Shape> {
        let mut found = registry.models().iter().copied().filter(|shape| match &self.schema {
            Some(scope) => shape.descriptor.scope == scope && shape.descriptor.name == self.table,
            None => shape.path == self.table || shape.descriptor.name == self.table,
        });
        match (found.next(), found.next()) {
            (Some(shape), None) => Ok(shape),
            (Some(_), Some(_)) => Err(Error::new(
                Code::InvalidQuery,
                "several models have this name: the schema says which is meant",
            )),
            (None, _) => Err(Error::new(Code::ModelNotFound, "there is no such model")),
        }
    }
}

/// Where the changes come from.
pub(in crate::live) trait Source: Send + Sync {
    /// From now on changes of this model are wanted. Transactions that begin from now on have the generation that is answered, or a
    /// later one.
    ///
    /// # Errors
    /// If the store can't tell of changes.
    fn want(&self, engine: &Arc<Engine>, shape: &'static Shape) -> Result<u64>;

    /// They are wanted no more.
    fn release(&self, shape: &'static Shape);
}

/// All bindings, by model and filter.
#[derive(Default)]
pub(super) struct Bindings {
    /// So that who has none pays nothing.
    count: AtomicUsize,
    next: AtomicU64,
    source: RwLock<Option<Weak<dyn Source>>>,
    books: RwLock<Books>,
}

#[derive(Default)]
struct Books {
    models: HashMap<&'static str, Watched>,
    /// The bindings of each connection: model, filter and id.
    connections: HashMap<Arc<str>, Vec<Bound>>,
}

struct Watched {
    shape: &'static Shape,
    columns: String,
    /// Transactions of this generation, and of later ones, tell of its changes.
    generation: u64,
    /// By the text of the filter, so that each is looked at once.
    numbers: HashMap<Arc<str>, u64>,
    groups: HashMap<u64, Group>,
    /// Which groups a row may be for.
    index: Index<u64>,
}

/// Bindings with the same filter.
struct Group {
    filter: Filter,
    bindings: Vec<Binding>,
}

struct Binding {
    id: Arc<str>,
    topic: Topic,
    event: ChangesEvent,
    sink: Arc<dyn ChannelSink>,
}

struct Bound {
    model: &'static str,
    filter: Arc<str>,
    id: Arc<str>,
    /// As whom the connection is in the channel.
    member: u64,
}

impl Watched {
    fn add(&mut self, text: Arc<str>, filter: Filter, binding: Binding, number: u64) {
        let number = *self.numbers.entry(text).or_insert(number);
        let group = self.groups.entry(number).or_insert_with(|| {
            self.index.insert(number, &filter);
            Group { filter, bindings: Vec::new() }
        });
        group.bindings.push(binding);
    }

    fn remove(&mut self, text: &str, id: &str) -> Option<Binding> {
        let number = *self.numbers.get(text)?;
        let group = self.groups.get_mut(&number)?;
        let at = group.bindings.iter().position(|binding| *binding.id == *id)?;
        let binding = group.bindings.swap_remove(at);
        if group.bindings.is_empty() {
            self.index.remove(number, &group.filter);
            self.groups.remove(&number);
            self.numbers.remove(text);
        }
        Some(binding)
    }
}

impl Bindings {
    /// Changes come from here.
    pub(super) fn feed_from(&self, source: Weak<dyn Source>) {
        *self.source.write().unwrap_or_else(PoisonError::into_inner) = Some(source);
    }

    fn source(&self) -> Option<Arc<dyn Source>> {
        self.source.read().unwrap_or_else(PoisonError::into_inner).as_ref()?.upgrade()
    }

    pub(super) fn len(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    fn read(&self) -> RwLockReadGuard<'_, Books> {
        self.books.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Books> {
        self.books.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes out the bindings of a connection that fit.
    fn remove(&self, connection: &str, fits: impl Fn(&Bound) -> bool) -> usize {
        let mut books = self.write();
        let Some(bound) = books.connections.get_mut(connection) else { return 0 };
        let gone: Vec<Bound> = bound.extract_if(.., |bound| fits(bound)).collect();
        if bound.is_empty() {
            books.connections.remove(connection);
        }
        let mut sinks = Vec::new();
        for Bound { model, filter, id, .. } in &gone {
            let Some(watched) = books.models.get_mut(model) else { continue };
            sinks.extend(watched.remove(filter, id));
            if watched.groups.is_empty() {
                let shape = watched.shape;
                books.models.remove(model);
                if let Some(source) = self.source() {
                    source.release(shape);
                }
            }
        }
        self.count.fetch_sub(gone.len(), Ordering::AcqRel);
        drop(books);
        // What they hold is let go without the lock.
        drop(sinks);
        gone.len()
    }

    /// Whether a connection has any through a channel.
    pub(super) fn has(&self, connection: &str, member: u64) -> bool {
        let books = self.read();
        let bound = books.connections.get(connection);
        bound.is_some_and(|bound| bound.iter().any(|bound| bound.member == member))
    }

    /// Takes out those of one who leaves a channel.
    pub(super) fn remove_of(&self, connection: &str, member: u64) {
        if self.len() > 0 {
            self.remove(connection, |bound| bound.member == member);
        }
    }
}

impl Channels {
    /// Lets a connection hear of changes of a model through a channel that it has joined; answers the binding's id.
    ///
    /// An update is told if the filter fits the document before it or after it, so that nobody keeps one that has left.
    ///
    /// # Errors
    /// `NOT_FOUND` if it has not joined; `FORBIDDEN` if it may not; `MODEL_NOT_FOUND` and `INVALID_QUERY` if there is no such model,
    /// or the filter does not fit it; `RATE_LIMITED` if it has too many.
    pub async fn bind(
        &self,
        cx: &Cx,
        connection: &str,
        topic: &str,
        request: &ChangesRequest,
    ) -> Result<Arc<str>> {
        let place = self.place(connection, topic)?;
        let topic = &place.room.topic;
        self.permit(cx, topic, ChannelAction::Changes).await?;
        let shape = request.model(cx.engine().registry())?;
        let text = request.filter.as_deref().map(str::trim).unwrap_or_default();
        let filter = if text.is_empty() { Filter::True } else { parse_filter(shape, text)? };
        let sink = place.room.sink(place.member).ok_or_else(not_joined)?;
        let most = self.settings().max_bindings;
        let id: Arc<str> = model::new_id().into();
        let text: Arc<str> = text.into();
        let model = shape.path.as_str();
        let mut books = self.bindings.write();
        if books.connections.get(connection).map_or(0, Vec::len) >= most {
            let message = format!("a connection has {most} bindings to changes at most");
            return Err(Error::new(Code::RateLimited, message));
        }
        let Books { models, connections } = &mut *books;
        let watched = match models.entry(model) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let source = self.bindings.source().ok_or_else(cannot_watch)?;
                let generation = source.want(cx.engine(), shape)?;
                let (numbers, groups) = Default::default();
                let index = Index::new(shape);
                entry.insert(Watched { shape, columns: columns(shape), generation, numbers, groups, index })
            }
        };
        let bound = Bound { model, filter: text.clone(), id: id.clone(), member: place.member };
        connections.entry(connection.into()).or_default().push(bound);
        let number = self.bindings.next.fetch_add(1, Ordering::Relaxed);
        let binding = Binding { id: id.clone(), topic: topic.clone(), event: request.event, sink };
        watched.add(text, filter, binding, number);
        self.bindings.count.fetch_add(1, Ordering::AcqRel);
        drop(books);
        // It may have left meanwhile, and then nobody else takes the binding out.
        if !place.room.has(place.member) {
            self.bindings.remove_of(connection, place.member);
            return Err(not_joined());
        }
        Ok(id)
    }

    /// Ends a binding.
    ///
    /// # Errors
    /// `NOT_FOUND` if the connection has no such binding.
    pub fn unbind(&self, connection: &str, id: &str) -> Result<()> {
        match self.bindings.remove(connection, |bound| *bound.id == *id) {
            0 => Err(Error::new(Code::NotFound, "this connection has no such binding")),
            _ => Ok(()),
        }
    }

    /// A document changed, at this time in Unix milliseconds: tells all who want to hear of it. Changes come in the order of their
    /// commits.
    pub fn changed(&self, change: &RowChange, at: i64) {
        if self.bindings.len() == 0 {
            return;
        }
        let books = self.bindings.read();
        let Some(watched) = books.models.get(change.shape.path.as_str()) else { return };
        let rows = || [&change.old, &change.new].into_iter().flatten();
        let mut candidates = Vec::new();
        watched.index.candidates(rows().map(|row| ((), row)), |(), number| candidates.push(number));
        // In the order in which they were bound; one may have come several times.
        candidates.sort_unstable();
        candidates.dedup();
        let mut body = None;
        let mut told = 0;
        for Group { filter, bindings } in candidates.iter().filter_map(|number| watched.groups.get(number)) {
            if !rows().any(|row| filter.matches(change.shape, row)) {
                continue;
            }
            for binding in bindings.iter().filter(|binding| binding.event.includes(change.op)) {
                let body = body.get_or_insert_with(|| LiveText::from(encode(change, at, &watched.columns)));
                binding.tell(body);
                told += 1;
            }
        }
        self.counters.changes.fetch_add(told, Ordering::Relaxed);
    }

    /// Changes may have got lost that were made under an older generation than this: who wants to hear of them is told so, with
    /// `errors`, and may read anew.
    pub(in crate::live) fn missed(&self, generation: u64, at: i64) {
        if self.bindings.len() == 0 {
            return;
        }
        for watched in self.bindings.read().models.values().filter(|watched| generation < watched.generation)
        {
            let body = LiveText::from(encode_missed(watched.shape, at, &watched.columns));
            watched.groups.values().flat_map(|group| &group.bindings).for_each(|binding| binding.tell(&body));
        }
    }

    /// Changes come from here.
    pub(in crate::live) fn feed_from(&self, source: Weak<dyn Source>) {
        self.bindings.feed_from(source);
    }
}

impl Binding {
    fn tell(&self, body: &LiveText) {
        hand(&*self.sink, &ChannelEvent::change(&self.topic, &self.id, body));
    }
}
