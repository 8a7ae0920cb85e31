//! What models do, as the registry knows it: a name, a model, a place in the source. How it is done the engine knows.

use std::any::Any;
use std::fmt;

use schemars::{Schema, SchemaGenerator};

use crate::model::{Descriptor, Model, Site};

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
    /// The model that it belongs to; workers and jobs may belong to none.
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
}

impl Behaviour {
    /// The same, as something that this model does.
    #[must_use]
    pub const fn of<M: Model>(self) -> Self {
        Behaviour { model: Some(M::descriptor), ..self }
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
