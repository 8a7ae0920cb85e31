//! `GET /@metadata`: every model with its operations and fields, so that a client can build typed proxies at run time.

use serde_json::{Map, Value as Json, json};

use crate::engine::{BodyKind, MAX_OPERATIONS, Operation, Procedures, Transact};
use crate::model::{ColumnInfo, Generated, Kind, OnDelete, Relation, Relations as _, Shape};
use crate::registry::{Behaviour, BehaviourKind, Registry};

/// The version of this document's form. It grows by additions; the first number changes when something is taken away.
pub const PROTOCOL: &str = "1.0.0";

/// The metadata of an application's models, and of what else it has (jobs, workers, rules), an array each.
///
/// ```
/// use modeller::doors::metadata;
/// use modeller::registry::Registry;
///
/// let metadata = metadata::document(&Registry::default(), &Default::default());
/// assert_eq!(metadata["protocol"], "1.0.0");
/// ```
pub fn document(registry: &Registry, others: &Map<String, Json>) -> Json {
    let models: Vec<Json> = registry.models().iter().map(|&shape| model(shape, registry)).collect();
    let mut document = json!({ "protocol": PROTOCOL, "models": models, "transaction": transaction(), "procedures": procedures() });
    for (name, list) in others {
        // Applications that have none of them need not know that there could be.
        if list.as_array().is_some_and(|list| !list.is_empty()) {
            document[name.as_str()] = list.clone();
        }
    }
    document
}

/// Several operations on any models at once.
fn transaction() -> Json {
    json!({
        "method": "POST",
        "path": Transact::PATH,
        "operations": Transact::operations().collect::<Vec<_>>(),
        "maxOperations": MAX_OPERATIONS,
    })
}

/// Stored procedures. Which there are is not said here: they come and go while the application runs.
fn procedures() -> Json {
    json!({
        "method": "POST",
        "path": format!("{}{{name}}", Procedures::PATH),
        "maxSteps": Procedures::MAX_STEPS,
        "maxConditionDepth": Procedures::MAX_CONDITION_DEPTH,
        "defaultTimeoutMs": u64::try_from(Procedures::DEFAULT_TIMEOUT.as_millis()).unwrap_or(u64::MAX),
    })
}

fn model(shape: &'static Shape, registry: &Registry) -> Json {
    let relations = registry.relations(shape);
    let descriptor = shape.descriptor;
    let offered = Operation::ALL.iter().filter(|operation| operation.is_offered(shape));
    let operations: Vec<Json> = offered.map(|&operation| described(operation, shape)).collect();
    let public = shape.columns.iter().enumerate().filter(|(_, column)| !column.private);
    let fields: Vec<Json> = public.map(|(index, column)| field(index, column, shape)).collect();
    let mut model = Map::from_iter([
        ("path".to_owned(), shape.path.as_str().into()),
        ("scope".to_owned(), descriptor.scope.into()),
        ("name".to_owned(), descriptor.name.into()),
    ]);
    if let Some(description) = shape.schema.get("description") {
        model.insert("description".into(), description.clone());
    }
    model.insert("operations".into(), operations.into());
    let kinds = [
        ("methods", BehaviourKind::Method),
        ("queries", BehaviourKind::Query),
        ("events", BehaviourKind::Event),
    ];
    for (name, kind) in kinds {
        let these = registry.behaviours_of(shape, kind);
        model.insert(name.into(), these.map(|behaviour| called(behaviour, shape)).collect());
    }
    let extension = |extension: &&'static Shape| {
        let name = extension.descriptor.name;
        json!({ "name": name, "model": extension.path, "path": format!("/{}/{name}", shape.path) })
    };
    model.insert("extensions".into(), registry.extensions(shape).iter().map(extension).collect());
    model.insert("fields".into(), fields.into());
    model.insert("unique".into(), unique(shape).into());
    if !shape.geo.is_empty() {
        let name = |index: usize| shape.columns[index].name.as_str();
        let pair = |&(latitude, longitude): &(usize, usize)| json!({ "latitude": name(latitude), "longitude": name(longitude) });
        model.insert("geo".into(), shape.geo.iter().map(pair).collect());
    }
    let known = relations.iter().filter(|relation| !relation.is_private());
    model.insert("relations".into(), known.map(relation).collect());
    let milliseconds = |time: std::time::Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let options = [
        ("ttl", descriptor.ttl.map(milliseconds)),
        ("trash", descriptor.trash.map(milliseconds)),
        ("maxSize", descriptor.max_size),
    ];
    for (name, value) in options {
        if let Some(value) = value {
            model.insert(name.into(), value.into());
        }
    }
    model.insert("schema".into(), shape.schema.clone());
    model.into()
}

fn described(operation: Operation, shape: &Shape) -> Json {
    let arguments: Vec<&str> = operation.arguments_of(shape).map(|argument| argument.name()).collect();
    let body = match operation.body() {
        BodyKind::None => None,
        BodyKind::Document => Some("document"),
        BodyKind::Patch => Some("patch"),
        BodyKind::Query => Some("query"),
        BodyKind::Batch => Some("batch"),
        BodyKind::Payload => Some("payload"),
    };
    json!({
        "name": operation.name(),
        "method": operation.method(),
        "path": format!("/{}/{}", shape.path, operation.name()),
        "write": operation.is_write(),
        "arguments": arguments,
        "body": body,
        "answer": answer(operation),
    })
}

/// A method, a query or an event.
fn called(behaviour: &'static Behaviour, shape: &Shape) -> Json {
    let mut called = Map::from_iter([("name".to_owned(), Json::from(behaviour.name))]);
    if !behaviour.docs.is_empty() {
        called.insert("description".into(), behaviour.docs.into());
    }
    if behaviour.kind != BehaviourKind::Event {
        let operation = Operation::Invoke(behaviour);
        called.insert("method".into(), operation.method().into());
        called.insert("path".into(), format!("/{}/{}", shape.path, behaviour.name).into());
    }
    let payload = behaviour.try_payload_shape().and_then(Result::ok);
    called.insert("payload".into(), payload.map_or(Json::Null, |payload| payload.schema.clone()));
    called.insert("reply".into(), behaviour.reply_schema().unwrap_or_default());
    called.into()
}

fn answer(operation: Operation) -> &'static str {
    match operation {
        Operation::Insert | Operation::Upsert => "document",
        Operation::Get => "document?",
        Operation::List | Operation::Find | Operation::First | Operation::Last => "documents",
        Operation::Paginate => "page",
        Operation::Count => "number",
        Operation::Aggregate => "figures",
        Operation::Update | Operation::Delete | Operation::Restore => "document|documents",
        Operation::Clear => "deleted",
        Operation::Batch => "results",
        Operation::Invoke(_) => "reply",
    }
}

fn field(index: usize, column: &ColumnInfo, shape: &Shape) -> Json {
    let system = !(Shape::FIELDS..Shape::FIELDS + shape.descriptor.fields.len()).contains(&index);
    let mut field = Map::from_iter([
        ("name".to_owned(), column.name.as_str().into()),
        ("type".to_owned(), type_name(column).into()),
        ("nullable".to_owned(), column.nullable.into()),
    ]);
    let flags = [
        ("system", system),
        ("key", shape.key == Some(index)),
        ("unique", column.unique),
        ("indexed", column.indexed),
        ("searchable", shape.searchable.contains(&index)),
    ];
    for (name, _) in flags.into_iter().filter(|(_, holds)| *holds) {
        field.insert(name.into(), true.into());
    }
    if let Some(generated) = column.generated {
        let name = match generated {
            Generated::Uuid => "uuid",
            Generated::Cuid => "cuid",
            Generated::Autoincrement => "autoincrement",
            Generated::Timestamp => "timestamp",
        };
        field.insert("generated".into(), name.into());
    }
    if let Some(target) = &column.references {
        field.insert("references".into(), json!({ "model": target.model, "field": target.field }));
        if column.on_delete != OnDelete::Restrict {
            field.insert("onDelete".into(), column.on_delete.name().into());
        }
    }
    if let Some(default) = &column.default {
        field.insert("default".into(), default.clone());
    }
    field.into()
}

/// A relation: the other model, whether there can be several documents, and the fields that are matched.
fn relation(relation: &Relation) -> Json {
    json!({
        "name": relation.name,
        "model": relation.to.path,
        "many": relation.many,
        "field": relation.from.columns[relation.column].name,
        "target": relation.to.columns[relation.target].name,
    })
}

fn type_name(column: &ColumnInfo) -> &'static str {
    match column.kind {
        _ if column.array => "array",
        Kind::Text => "string",
        Kind::Integer => "integer",
        Kind::Number => "number",
        Kind::Boolean => "boolean",
        Kind::DateTime => "date-time",
        Kind::Decimal => "decimal",
        Kind::Json => "json",
    }
}

/// The sets of fields that are unique. A set with a private field in it is nobody's business.
fn unique(shape: &Shape) -> Vec<Json> {
    let public = |set: &&Vec<usize>| set.iter().all(|&index| !shape.columns[index].private);
    let name = |&index: &usize| Json::from(shape.columns[index].name.as_str());
    shape.unique.iter().filter(public).map(|set| set.iter().map(name).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doors::sample;

    fn model<'a>(document: &'a Json, path: &str) -> &'a Json {
        let models = document["models"].as_array().unwrap();
        models.iter().find(|model| model["path"] == path).unwrap()
    }

    #[test]
    fn every_model_is_advertised_with_its_operations_and_fields() {
        // HTT-03
        let document = super::document(&sample::registry(), &Default::default());
        let users = model(&document, "system/users");
        assert_eq!(users["path"], "system/users");
        assert_eq!(users["scope"], "system");
        assert_eq!(users["trash"], 1000);
        let operations = users["operations"].as_array().unwrap();
        assert_eq!(operations.len(), Operation::ALL.len());
        assert_eq!(
            operations[0],
            json!({
                "name": "insert", "method": "POST", "path": "/system/users/insert", "write": true,
                "arguments": [], "body": "document", "answer": "document",
            })
        );
        let email = users["fields"].as_array().unwrap().iter().find(|field| field["name"] == "email");
        assert_eq!(
            *email.unwrap(),
            json!({ "name": "email", "type": "string", "nullable": false, "unique": true })
        );
        let posts = model(&document, "blog/posts");
        let author = posts["fields"].as_array().unwrap().iter().find(|field| field["name"] == "author");
        assert_eq!(author.unwrap()["references"], json!({ "model": "system/users", "field": "_id" }));
    }

    #[test]
    fn transactions_are_advertised() {
        // TXN-01
        let document = super::document(&sample::registry(), &Default::default());
        let transaction = &document["transaction"];
        assert_eq!((&transaction["method"], &transaction["path"]), (&json!("POST"), &json!("/@transaction")));
        for op in ["get", "insert", "update", "delete", "where", "findOne", "count"] {
            assert!(transaction["operations"].as_array().unwrap().contains(&op.into()), "{op}");
        }
    }

    #[test]
    fn the_limits_of_procedures_are_advertised() {
        // RPC-12
        let document = super::document(&sample::registry(), &Default::default());
        let expected = json!({
            "method": "POST", "path": "/@procedures/{name}", "maxSteps": 100, "maxConditionDepth": 5,
            "defaultTimeoutMs": 30_000,
        });
        assert_eq!(document["procedures"], expected);
    }

    #[test]
    fn operations_that_a_model_does_not_offer_are_not_advertised() {
        let document = super::document(&sample::registry(), &Default::default());
        let posts = model(&document, "blog/posts")["operations"].as_array().unwrap();
        assert!(posts.iter().all(|operation| operation["name"] != "restore"));
    }

    #[test]
    fn private_fields_are_no_fields() {
        // SCH-04
        let document = super::document(&sample::registry(), &Default::default());
        let users = model(&document, "system/users");
        assert!(!users["fields"].to_string().contains("password"));
        assert!(!users["unique"].to_string().contains("password"));
    }
}
