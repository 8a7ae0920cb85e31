//! Methods, queries and events: what they take and answer, their schemas among the components.

use serde_json::{Value as Json, json};

use super::names::pascal;
use super::{ModelSchemas, Schemas};
use crate::model::Shape;
use crate::registry::{Behaviour, BehaviourKind, Registry};

/// Something of a model that is called by name.
pub(crate) struct Called {
    pub(crate) behaviour: &'static Behaviour,
    /// A reference to the payload's schema, and the schema itself.
    pub(crate) payload: (Json, Json),
    pub(crate) may_be_empty: bool,
    /// A reference to the schema of what it answers.
    pub(crate) reply: Json,
}

impl Called {
    /// Those of a model, of these kinds.
    pub(crate) fn of(
        shape: &'static Shape,
        names: &ModelSchemas,
        registry: &Registry,
        schemas: &mut Schemas,
        kinds: &[BehaviourKind],
    ) -> Vec<Called> {
        let behaviours = kinds.iter().flat_map(|&kind| registry.behaviours_of(shape, kind));
        behaviours.map(|behaviour| Self::one(behaviour, names, schemas)).collect()
    }

    fn one(behaviour: &'static Behaviour, names: &ModelSchemas, schemas: &mut Schemas) -> Called {
        let base = format!("{}{}", names.base(), pascal(behaviour.name));
        let payload = behaviour.try_payload_shape().and_then(Result::ok);
        // What takes nothing is given an empty object, or nothing.
        let schema = payload.map_or_else(
            || json!({ "type": "object", "maxProperties": 0 }),
            |payload| payload.schema.clone(),
        );
        let reply = behaviour.reply_schema().unwrap_or(Json::Bool(true));
        Called {
            behaviour,
            payload: schemas.add_payload(&format!("{base}Payload"), schema),
            may_be_empty: payload.is_none_or(|payload| payload.may_be_empty()),
            reply: schemas.add_schema(&format!("{base}Reply"), reply).0,
        }
    }

    /// The first sentences of its documentation; its name, if there are none.
    pub(crate) fn summary(&self) -> &'static str {
        let docs = self.behaviour.docs.trim();
        let summary = docs.split_once("\n\n").map_or(docs, |(summary, _)| summary);
        if summary.is_empty() { self.behaviour.name } else { summary }
    }

    /// What its documentation says besides.
    pub(crate) fn description(&self) -> &'static str {
        self.behaviour.docs.trim().split_once("\n\n").map_or("", |(_, description)| description)
    }
}
