//! The emitter: who in this process wants to hear what was inserted, updated and deleted.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock, Weak};

use serde_json::{Value as Json, json};

use super::Cx;
use super::Engine;
use super::hooked::Draft;
use super::invoke::hint;
use super::write::{Write, Written};
use crate::model::{Code, Error, Result, Row, Shape, View, shown, write_row};

/// What the engine says of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EmitterEvent {
    /// It was inserted.
    Insert,
    /// It was updated.
    Update,
    /// It was deleted.
    Delete,
}

impl EmitterEvent {
    const ALL: [EmitterEvent; 3] = [EmitterEvent::Insert, EmitterEvent::Update, EmitterEvent::Delete];

    /// Its name in a pattern.
    pub const fn name(self) -> &'static str {
        match self {
            EmitterEvent::Insert => "insert",
            EmitterEvent::Update => "update",
            EmitterEvent::Delete => "delete",
        }
    }
}

/// Something that was committed.
#[derive(Clone, Debug, PartialEq)]
pub struct Emitted {
    /// The path of the model.
    pub model: &'static str,
    /// What was done.
    pub event: EmitterEvent,
    /// After an insert the document; after an update `{key, data}`: which documents, and the patch; after a delete the
    /// document that went. Private fields are there: this is code of the application.
    pub data: Json,
}

impl Emitted {
    /// An insert or a delete, of this row.
    pub(super) fn row(shape: &'static Shape, event: EmitterEvent, row: &Row) -> Self {
        let mut json = Vec::with_capacity(256);
        write_row(shape, row, &View::Full, &mut json);
        // What it writes is JSON.
        let data = serde_json::from_slice(&json).unwrap_or_default();
        Emitted { model: &shape.path, event, data }
    }

    /// An update of the documents that `key` says, with this patch.
    pub(super) fn update(shape: &'static Shape, key: Json, data: Json) -> Self {
        let data = json!({ "key": key, "data": data });
        Emitted { model: &shape.path, event: EmitterEvent::Update, data }
    }
}

/// What a write will have to tell, once it is committed.
pub(super) struct Telling {
    event: EmitterEvent,
    patch: Json,
}

impl Telling {
    /// Of a write, if it has something to tell. `clear` has not: it does not look at what it removes.
    pub(super) fn of(shape: &Shape, draft: &Draft) -> Option<Self> {
        let (event, patch) = match draft {
            Draft::Records(_) | Draft::Ready(Write::Insert(_) | Write::Restore { .. }) => {
                (EmitterEvent::Insert, Json::Null)
            }
            Draft::Ready(Write::Update { patch, .. } | Write::Upsert { patch, .. }) => {
                // What it is made of has been read as JSON.
                (EmitterEvent::Update, serde_json::from_slice(&patch.text(shape)).unwrap_or_default())
            }
            Draft::Ready(Write::Delete { .. }) => (EmitterEvent::Delete, Json::Null),
            Draft::Ready(Write::Clear) => return None,
        };
        Some(Telling { event, patch })
    }
}

impl Cx {
    /// Tells whoever listens, after the commit.
    pub(super) fn tell(&self, shape: &'static Shape, telling: Telling, written: &Written) {
        let event = if written.created { EmitterEvent::Insert } else { telling.event };
        self.tell_of_rows(shape, event, &written.rows);
        let emitter = self.engine().emitter();
        if !emitter.wants(shape, event) {
            return;
        }
        let of = |row: &Row| match event {
            EmitterEvent::Update => {
                let key = json!({ "_id": row[Shape::ID].as_text() });
                Emitted::update(shape, key, telling.patch.clone())
            }
            _ => Emitted::row(shape, event, row),
        };
        let all: Vec<Emitted> = written.rows.iter().map(of).collect();
        let Some(open) = self.open() else {
            all.iter().for_each(|emitted| emitter.emit(emitted));
            return;
        };
        let emitter = Arc::clone(emitter);
        open.after_commit(Box::new(move || {
            Box::pin(async move { all.iter().for_each(|emitted| emitter.emit(emitted)) })
        }));
    }
}

type Callback = Arc<dyn Fn(&Emitted) + Send + Sync>;

#[derive(Clone)]
struct Entry {
    id: usize,
    /// `None` is every model.
    model: Option<&'static str>,
    /// `None` is every event.
    event: Option<EmitterEvent>,
    /// Set by the first call of one that is called once.
    once: Option<Arc<AtomicBool>>,
    callback: Callback,
}

/// The listeners of an application.
#[derive(Default)]
pub(super) struct Emitter {
    listeners: RwLock<Vec<Entry>>,
    /// How many there are: what a write looks at when nobody listens.
    count: AtomicUsize,
    last: AtomicUsize,
}

impl Emitter {
    /// Whether anybody listens at all.
    pub(super) fn has_listeners(&self) -> bool {
        self.count.load(Ordering::Relaxed) > 0
    }

    /// Whether anybody listens to this.
    pub(super) fn wants(&self, shape: &'static Shape, event: EmitterEvent) -> bool {
        self.has_listeners() && !self.of(&shape.path, event).is_empty()
    }

    /// Tells all who want to hear of it. To be called after the commit.
    pub(super) fn emit(&self, emitted: &Emitted) {
        if !self.has_listeners() {
            return;
        }
        for entry in self.of(emitted.model, emitted.event) {
            if entry.once.as_ref().is_some_and(|called| called.swap(true, Ordering::AcqRel)) {
                continue;
            }
            if catch_unwind(AssertUnwindSafe(|| (entry.callback)(emitted))).is_err() {
                let event = emitted.event.name();
                tracing::error!(model = emitted.model, event, "a listener of the emitter panicked");
            }
            if entry.once.is_some() {
                self.remove(entry.id);
            }
        }
    }

    fn of(&self, model: &str, event: EmitterEvent) -> Vec<Entry> {
        let wants = |entry: &&Entry| {
            entry.model.is_none_or(|one| one == model) && entry.event.is_none_or(|one| one == event)
        };
        let listeners = self.listeners.read().unwrap_or_else(PoisonError::into_inner);
        listeners.iter().filter(wants).cloned().collect()
    }

    fn add(&self, entry: Entry) {
        self.listeners.write().unwrap_or_else(PoisonError::into_inner).push(entry);
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    fn remove(&self, id: usize) {
        let mut listeners = self.listeners.write().unwrap_or_else(PoisonError::into_inner);
        let Some(at) = listeners.iter().position(|entry| entry.id == id) else { return };
        let removed = listeners.remove(at);
        self.count.fetch_sub(1, Ordering::Relaxed);
        drop(listeners);
        // What it holds may be a listener itself.
        drop(removed);
    }
}

/// A listener of the emitter: it is called until this is dropped.
#[must_use = "dropping it ends the listening; `detach` keeps it for as long as the application runs"]
pub struct EmitterListener {
    emitter: Weak<Emitter>,
    id: usize,
}

impl EmitterListener {
    /// Ends it, as dropping it does.
    pub fn off(self) {}

    /// Keeps it for as long as the application runs.
    pub fn detach(mut self) {
        self.emitter = Weak::new();
    }
}

impl Drop for EmitterListener {
    fn drop(&mut self) {
        if let Some(emitter) = self.emitter.upgrade() {
            emitter.remove(self.id);
        }
    }
}

impl fmt::Debug for EmitterListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EmitterListener({})", self.id)
    }
}

impl Engine {
    /// Calls back for what is committed, in this process and from now on: `system/users.insert`, `*.delete` (of every model),
    /// `system/users.*`, `*`. It is called where the write was made, after its commit, and must not block.
    ///
    /// What must not be missed belongs in a hook or a job: a crash loses what is emitted.
    ///
    /// # Errors
    /// `MODEL_NOT_FOUND`, or `INVALID_REQUEST` if there is no such event.
    pub fn on(
        &self,
        pattern: &str,
        callback: impl Fn(&Emitted) + Send + Sync + 'static,
    ) -> Result<EmitterListener> {
        self.listen(pattern, None, Arc::new(callback))
    }

    /// As [`on`](Engine::on), for one call only.
    ///
    /// # Errors
    /// As [`on`](Engine::on).
    pub fn once(
        &self,
        pattern: &str,
        callback: impl Fn(&Emitted) + Send + Sync + 'static,
    ) -> Result<EmitterListener> {
        self.listen(pattern, Some(Arc::default()), Arc::new(callback))
    }

    fn listen(
        &self,
        pattern: &str,
        once: Option<Arc<AtomicBool>>,
        callback: Callback,
    ) -> Result<EmitterListener> {
        let (model, event) = match pattern.rsplit_once('.') {
            Some((model, event)) => (model, event),
            None => (pattern, "*"),
        };
        let model = match model {
            "*" => None,
            path => Some(self.registry().by_id(path).map(|shape| shape.path.as_str()).ok_or_else(|| {
                let known: Vec<&str> =
                    self.registry().models().iter().map(|shape| shape.path.as_str()).collect();
                let message = format!("there is no model `{}`{}", shown(path, 60), hint(path, &known));
                Error::new(Code::ModelNotFound, message)
            })?),
        };
        let event = match event {
            "*" => None,
            name => {
                Some(EmitterEvent::ALL.into_iter().find(|event| event.name() == name).ok_or_else(|| {
                    let known = EmitterEvent::ALL.map(EmitterEvent::name);
                    let message = format!(
                        "nothing is emitted as `{}`{}: there are insert, update and delete",
                        shown(name, 60),
                        hint(name, &known)
                    );
                    Error::new(Code::InvalidRequest, message)
                })?)
            }
        };
        let emitter = self.emitter();
        let id = emitter.last.fetch_add(1, Ordering::Relaxed);
        emitter.add(Entry { id, model, event, once, callback });
        Ok(EmitterListener { emitter: Arc::downgrade(emitter), id })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    fn emitted(model: &'static str, event: EmitterEvent) -> Emitted {
        Emitted { model, event, data: json!({}) }
    }

    fn entry(
        id: usize,
        model: Option<&'static str>,
        event: Option<EmitterEvent>,
        heard: &Arc<Mutex<Vec<usize>>>,
    ) -> Entry {
        let heard = heard.clone();
        Entry { id, model, event, once: None, callback: Arc::new(move |_| heard.lock().unwrap().push(id)) }
    }

    #[test]
    fn listeners_hear_what_their_pattern_says() {
        // HOO-13
        let (emitter, heard) = (Emitter::default(), Arc::default());
        assert!(!emitter.has_listeners());
        emitter.add(entry(1, Some("a/b"), Some(EmitterEvent::Insert), &heard));
        emitter.add(entry(2, None, Some(EmitterEvent::Delete), &heard));
        emitter.add(entry(3, Some("a/b"), None, &heard));
        emitter.add(entry(4, None, None, &heard));
        let heard_of = |emitted: &Emitted| {
            emitter.emit(emitted);
            std::mem::take(&mut *heard.lock().unwrap())
        };
        assert_eq!(heard_of(&emitted("a/b", EmitterEvent::Insert)), [1, 3, 4]);
        assert_eq!(heard_of(&emitted("a/c", EmitterEvent::Delete)), [2, 4]);
        assert_eq!(heard_of(&emitted("a/c", EmitterEvent::Update)), [4]);
        emitter.remove(4);
        emitter.remove(4);
        assert!(heard_of(&emitted("a/c", EmitterEvent::Update)).is_empty());
    }

    #[test]
    fn a_listener_that_is_called_once_is_called_once() {
        let (emitter, heard) = (Emitter::default(), Arc::default());
        emitter.add(Entry { once: Some(Arc::default()), ..entry(1, None, None, &heard) });
        emitter.emit(&emitted("a/b", EmitterEvent::Insert));
        emitter.emit(&emitted("a/b", EmitterEvent::Insert));
        assert_eq!(*heard.lock().unwrap(), [1]);
        assert!(!emitter.has_listeners());
    }

    #[test]
    fn a_listener_that_panics_keeps_nothing_from_the_others() {
        let (emitter, heard) = (Emitter::default(), Arc::default());
        emitter.add(Entry { callback: Arc::new(|_| panic!("broken")), ..entry(1, None, None, &heard) });
        emitter.add(entry(2, None, None, &heard));
        emitter.emit(&emitted("a/b", EmitterEvent::Insert));
        assert_eq!(*heard.lock().unwrap(), [2]);
    }
}
