//! Changes of models as events.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};

use serde_json::Value as Json;

use super::{Inner, Rules, add};
use crate::engine::{Cx, EmitterEvent, Engine, Identity, Wrote, panic_message};
use crate::model::{Code, Error, Result, Shape};

/// A change of a document, on its way to become an event.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ModelChange {
    /// The path of the model.
    pub model: &'static str,
    /// What was done.
    pub event: EmitterEvent,
    /// The document as doors show it, private fields left out: as it is now, and for a deletion as it was.
    pub document: Json,
}

impl ModelChange {
    /// `<scope>.<model>.inserted`, `.updated` or `.deleted`.
    pub fn topic(&self) -> String {
        topic(self.model, self.event)
    }
}

fn topic(model: &str, event: EmitterEvent) -> String {
    let what = match event {
        EmitterEvent::Insert => "inserted",
        EmitterEvent::Update => "updated",
        EmitterEvent::Delete => "deleted",
    };
    format!("{}.{what}", model.replace('/', "."))
}

type Test = Arc<dyn Fn(&ModelChange) -> bool + Send + Sync>;
type Map<T> = Arc<dyn Fn(&ModelChange) -> T + Send + Sync>;

/// Which changes of a model become events, under which topics and with which data. Unless it is said otherwise: all of them, as
/// `<scope>.<model>.inserted` and so on, with the document.
///
/// What panics here, or makes something that can be no event, is logged; the write is done all the same.
#[derive(Clone, Default)]
#[must_use]
pub struct Bridge {
    filter: Option<Test>,
    topic: Option<Map<String>>,
    data: Option<Map<Json>>,
}

impl Bridge {
    /// All changes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only changes of which this is true.
    pub fn filter(mut self, test: impl Fn(&ModelChange) -> bool + Send + Sync + 'static) -> Self {
        self.filter = Some(Arc::new(test));
        self
    }

    /// Under the topic that this answers.
    pub fn map_topic(mut self, topic: impl Fn(&ModelChange) -> String + Send + Sync + 'static) -> Self {
        self.topic = Some(Arc::new(topic));
        self
    }

    /// With the data that this answers.
    pub fn map_data(mut self, data: impl Fn(&ModelChange) -> Json + Send + Sync + 'static) -> Self {
        self.data = Some(Arc::new(data));
        self
    }

    /// The topic and the data of a change, if it becomes an event.
    fn event(&self, change: ModelChange) -> Option<(String, Json)> {
        if self.filter.as_ref().is_some_and(|test| !test(&change)) {
            return None;
        }
        let topic = self.topic.as_ref().map_or_else(|| change.topic(), |topic| topic(&change));
        let data = self.data.as_ref().map(|data| data(&change));
        Some((topic, data.unwrap_or(change.document)))
    }
}

impl fmt::Debug for Bridge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bridge").finish_non_exhaustive()
    }
}

/// A model with its bridge.
#[derive(Clone)]
pub(super) struct Bridged {
    pub(super) shape: fn() -> &'static Shape,
    pub(super) bridge: Bridge,
}

impl Bridged {
    /// The topics that nobody else is to use: those that are the model's own.
    pub(super) fn topics(&self) -> Vec<String> {
        if self.bridge.topic.is_some() {
            return Vec::new();
        }
        let path = (self.shape)().path.as_str();
        let events = [EmitterEvent::Insert, EmitterEvent::Update, EmitterEvent::Delete];
        events.map(|event| topic(path, event)).into()
    }

    /// From now on.
    pub(super) fn begin(&self, rules: &Arc<Inner>, engine: &Arc<Engine>) -> Result<()> {
        let shape = (self.shape)();
        let path = shape.path.as_str();
        if engine.registry().by_id(path).is_none() {
            let message = format!("`{path}` is bridged to rules, and is no model of this application");
            return Err(Error::new(Code::ModelNotFound, message));
        }
        let (bridge, rules, weak) = (self.bridge.clone(), Arc::clone(rules), Arc::downgrade(engine));
        // The engine holds this: it must not hold the engine.
        engine.on_rows(shape, move |wrote| {
            let forward = AssertUnwindSafe(|| forward(&bridge, &rules, &weak, wrote));
            let why = match catch_unwind(forward) {
                Ok(Ok(())) => return,
                Ok(Err(error)) => error.to_string(),
                Err(panic) => format!("it panicked: {}", panic_message(&*panic)),
            };
            add(&rules.counts.failed, 1);
            tracing::error!(model = path, error = why, "a change did not become an event of rules");
        });
        Ok(())
    }
}

fn forward(bridge: &Bridge, rules: &Arc<Inner>, engine: &Weak<Engine>, wrote: &Wrote<'_>) -> Result<()> {
    let Some(engine) = engine.upgrade() else { return Ok(()) };
    let change = ModelChange { model: wrote.model(), event: wrote.event, document: wrote.document() };
    let Some((topic, data)) = bridge.event(change) else { return Ok(()) };
    let cx = Cx::new(engine, Identity::System).at_depth(wrote.depth);
    Rules(Arc::clone(rules)).emit(&cx, &topic, data, None).map(drop)
}
