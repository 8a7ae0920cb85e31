//! What models do, as the registry knows it: a name, a model, a place in the source. How it is done the engine knows.

use std::any::Any;
use std::fmt;
use std::hash::{Hash, Hasher};
#[cfg(feature = "engine")]
use std::sync::OnceLock;

use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::Value as Json;

#[cfg(feature = "engine")]
use crate::model::{Code, Error, PayloadShape, Result};
use crate::model::{Descriptor, Field, Model, Site, rooted};

/// Which attribute a behaviour was declared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum BehaviourKind {
    /// `#[modeller::hook]`: runs around an operation.
    Hook,
    /// `#[modeller::method]`: is called by name, and answers its caller.
    Method,
    /// `#[modeller::query]`: reads, and answers its caller.
    Query,
    /// `#[modeller::event]`: is dispatched to a subscription.
    Event,
    /// `#[modeller::worker]`: runs at an interval.
    Worker,
    /// `#[modeller::job]`: runs once it is enqueued, or by the calendar.
    Job,
    /// `#[modeller::rule]`: runs when an event is emitted.
    Rule,
}

impl BehaviourKind {
    /// The attribute's name.
    pub const fn name(self) -> &'static str {
        match self {
            BehaviourKind::Hook => "hook",
            BehaviourKind::Method => "method",
            BehaviourKind::Query => "query",
            BehaviourKind::Event => "event",
            BehaviourKind::Worker => "worker",
            BehaviourKind::Job => "job",
            BehaviourKind::Rule => "rule",
        }
    }
}

impl fmt::Display for BehaviourKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Makes the JSON Schema of a type.
pub type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// Something that a model does. An attribute macro writes it, `&'static` and tiny.
pub struct Behaviour {
    /// The attribute it was declared with.
    pub kind: BehaviourKind,
    /// The model that it belongs to; workers, jobs and rules may belong to none.
    pub model: Option<fn() -> &'static Descriptor>,
    /// Its name on the wire, and its id in logs: lowerCamelCase. Empty for workers without one.
    pub name: &'static str,
    /// The name of the struct or function in Rust.
    pub rust: &'static str,
    /// The documentation comment.
    pub docs: &'static str,
    /// The schema of what it takes, if it takes something.
    pub payload: Option<SchemaOf>,
    /// The schema of what it answers, if it answers something.
    pub reply: Option<SchemaOf>,
    /// How it is done. The engine knows what this is.
    pub handler: &'static (dyn Any + Send + Sync),
    /// Where it stands in the source.
    pub site: Site,
    /// Those fields of its payload that have another name on the wire than in Rust, or messages of their own.
    pub fields: &'static [Field],
    /// What the payload must look like, worked out when it is first needed.
    #[cfg(feature = "engine")]
    pub(crate) shape: OnceLock<std::result::Result<PayloadShape, String>>,
}

impl Behaviour {
    /// The same, as something that this model does.
    #[must_use]
    pub const fn of<M: Model>(mut self) -> Self {
        self.model = Some(M::descriptor);
        self
    }

    /// The path of its model (`"system/users"`), or nothing.
    pub fn path(&self) -> &'static str {
        self.model.map_or("", |model| model().shape().path.as_str())
    }

    /// `system/users.resetPassword`: what it is called where it stands for itself.
    pub fn id(&self) -> String {
        match self.path() {
            "" => self.name.to_owned(),
            path => format!("{path}.{}", self.name),
        }
    }

    /// The JSON Schema (2020-12) of what it takes as serde reads it, members that it does not know passed over; if it takes something.
    #[cfg(all(feature = "live", feature = "server"))]
    pub(crate) fn read_schema(&self) -> Option<Json> {
        let generator = SchemaSettings::draft2020_12().for_deserialize().into_generator();
        Some(rooted(generator, self.payload?))
    }

    /// The JSON Schema (2020-12) of what it answers, if it answers something.
    pub fn reply_schema(&self) -> Option<Json> {
        let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
        Some(rooted(generator, self.reply?))
    }
}

#[cfg(feature = "engine")]
impl Behaviour {
    /// What its payload must look like; `None` if it takes none.
    ///
    /// # Errors
    /// Why the type can't be a payload, in words.
    pub fn try_payload_shape(&self) -> Option<std::result::Result<&PayloadShape, &String>> {
        let schema = self.payload?;
        Some(self.shape.get_or_init(|| PayloadShape::build(schema, self.fields)).as_ref())
    }

    /// What its payload must look like. The start has checked that there is such a thing.
    ///
    /// # Errors
    /// `INTERNAL_ERROR` if it takes no payload, or the type can't be one.
    pub fn payload_shape(&self) -> Result<&PayloadShape> {
        let fault = match self.try_payload_shape() {
            Some(Ok(shape)) => return Ok(shape),
            Some(Err(fault)) => fault.as_str(),
            None => "it takes no payload",
        };
        Err(Error::new(Code::InternalError, format!("{} `{}`: {fault}", self.kind, self.rust)))
    }
}

impl fmt::Debug for Behaviour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.rust)
    }
}

impl PartialEq for Behaviour {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Eq for Behaviour {}

impl Hash for Behaviour {
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::ptr::hash(self, state);
    }
}
