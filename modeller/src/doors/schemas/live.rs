//! What live queries take and tell: of documents, and of figures.

use serde_json::{Map, Value as Json, json};

use super::arguments::argument;
use super::{ModelSchemas, Schemas, aggregates, object, search};
use crate::engine::{Argument, Operation};
use crate::live::LiveChangeKind;
use crate::model::Shape;

/// By what groups can be sorted.
const GROUPS_BY: &str = "Names of keys and figures, a `-` before one for largest first.";

/// What the live queries of a model tell: references to two schemas.
pub(crate) struct Telling {
    /// The whole answer.
    pub(crate) whole: Json,
    /// What has changed in it.
    pub(crate) changes: Json,
}

impl Telling {
    pub(super) fn of(names: &ModelSchemas, schemas: &mut Schemas) -> Self {
        let forms: Vec<Json> =
            [names.document(), names.partial()].into_iter().chain(names.loaded()).collect();
        let document = json!({ "anyOf": forms });
        let whole = whole("documents", json!({ "type": "array", "items": document }));
        let changes = changes(("_id", json!({ "type": "string" })), ("document", document));
        let base = names.base();
        Telling {
            whole: schemas.add_schema(&format!("{base}Documents"), whole).0,
            changes: schemas.add_schema(&format!("{base}Changes"), changes).0,
        }
    }

    /// What a live query begins with: all, or what has changed since the position that was given.
    pub(crate) fn first(&self) -> Json {
        json!({ "anyOf": [self.whole, self.changes] })
    }

    /// What it tells from then on.
    pub(crate) fn next(&self) -> Json {
        json!({ "anyOf": [self.changes, self.whole] })
    }
}

/// What is told of figures, which is the same for all models: references to schemas.
pub(crate) struct Figures {
    /// One figure, that of a `count`.
    count: Json,
    /// Several, each under its name.
    figures: Json,
    groups: Json,
    changes: Json,
    /// Nothing has changed since the position that was given.
    unchanged: Json,
}

impl Figures {
    /// The operations whose figures can be live.
    pub(crate) const OPERATIONS: [Operation; 2] = [Operation::Count, Operation::Aggregate];

    pub(super) fn new(schemas: &mut Schemas) -> Self {
        let mut share = |name: &str, schema: Json| schemas.add_schema(name, schema).0;
        let group = aggregates::answer();
        let unchanged = json!({ "type": "array", "maxItems": 0 });
        Figures {
            count: share("LiveCount", whole("data", json!({ "type": "integer", "minimum": 0 }))),
            figures: share("LiveFigures", whole("data", group.clone())),
            groups: share("LiveGroups", whole("groups", json!({ "type": "array", "items": group }))),
            changes: share("LiveGroupChanges", changes(("key", group.clone()), ("group", group))),
            unchanged: share(
                "LiveUnchanged",
                object([("position", position()), ("changes", unchanged)], &["position", "changes"]),
            ),
        }
    }

    /// What is told first, and what from then on: each by the name of its member beside the position, which is what an event is called.
    pub(crate) fn told(&self, operation: Operation) -> Vec<(&'static str, &Json)> {
        match operation {
            Operation::Count => vec![("data", &self.count), ("changes", &self.unchanged)],
            _ => vec![("data", &self.figures), ("groups", &self.groups), ("changes", &self.changes)],
        }
    }

    /// The same as one schema.
    pub(crate) fn any(&self, operation: Operation) -> Json {
        let forms: Vec<&Json> = self.told(operation).into_iter().map(|(_, told)| told).collect();
        json!({ "anyOf": forms })
    }
}

/// A whole answer, under this name.
fn whole(name: &str, answer: Json) -> Json {
    let reset = json!({ "const": true, "description": "What was known before is not true any more." });
    object([("position", position()), ("reset", reset), (name, answer)], &["position", name])
}

/// What has changed: what tells one from others, and what it is now.
fn changes(key: (&str, Json), value: (&str, Json)) -> Json {
    let kinds = LiveChangeKind::ALL.map(LiveChangeKind::name);
    let place = json!({
        "type": "integer",
        "minimum": 0,
        "description": "Its place in a window (with a `count`), once it was taken out of where it was.",
    });
    let needed = ["type", key.0];
    let change = object([("type", json!({ "enum": kinds })), key, ("index", place), value], &needed);
    object(
        [("position", position()), ("changes", json!({ "type": "array", "items": change }))],
        &["position", "changes"],
    )
}

/// What to say of a subscription to figures.
pub(crate) fn summary(operation: Operation) -> &'static str {
    match operation {
        Operation::Count => "Count, and hear of each other count",
        _ => "Ask for figures, and hear of each change of them",
    }
}

/// How far a client has come.
pub(crate) fn position() -> Json {
    json!({ "type": "string", "description": "How far this goes. Signed: good for this query by this caller." })
}

/// What a live query takes of what its operation takes, under the names that it has there.
pub(crate) fn arguments(operation: Operation, shape: &Shape, names: &ModelSchemas) -> Map<String, Json> {
    let of = |argument_: Argument| {
        let schema = match argument_ {
            // They can't be kept up to date.
            Argument::After | Argument::Snippet => return None,
            Argument::Search => argument_.is_of(shape).then(search::words)?,
            Argument::GroupBy => aggregates::group_by(shape),
            Argument::Aggregates => names.aggregates(),
            Argument::Sort if operation == Operation::Aggregate => json!({ "description": GROUPS_BY }),
            other => argument(other, operation, shape, names)?,
        };
        Some((argument_.name().to_owned(), schema))
    };
    operation.arguments_of(shape).filter_map(of).collect()
}
