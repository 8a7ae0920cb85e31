//! Changes of documents as JSON, in the form that clients of change feeds know.

use super::event::{quote, timestamp};
use crate::model::{self, Kind, Row, Shape, View};
use crate::store::{ChangeOp, RowChange};

/// What a kind of column is called there.
const fn type_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "text",
        Kind::Integer => "int8",
        Kind::Number => "float8",
        Kind::Boolean => "bool",
        Kind::DateTime => "timestamptz",
        Kind::Decimal => "numeric",
        Kind::Json => "jsonb",
    }
}

/// The name of an operation.
pub(super) const fn event_type(op: ChangeOp) -> &'static str {
    match op {
        ChangeOp::Insert => "INSERT",
        ChangeOp::Update => "UPDATE",
        ChangeOp::Delete => "DELETE",
    }
}

/// The public columns of a model with their types, as JSON.
pub(super) fn columns(shape: &Shape) -> String {
    let mut json = String::from("[");
    for column in shape.columns.iter().filter(|column| !column.private) {
        if json.len() > 1 {
            json.push(',');
        }
        json.push_str(r#"{"name":"#);
        quote(&column.name, &mut json);
        json.push_str(&format!(r#","type":"{}"}}"#, type_name(column.kind)));
    }
    json.push(']');
    json
}

/// A change, as JSON: without private fields, and with an empty object where there is no row.
pub(super) fn encode(change: &RowChange, at: i64, columns: &str) -> String {
    let shape = change.shape;
    let mut json = begin(shape, at);
    json.push_str(&format!(r#","eventType":"{}","columns":{columns},"new":"#, event_type(change.op)));
    json.push_str(&row(shape, change.new.as_ref()));
    json.push_str(r#","old":"#);
    json.push_str(&row(shape, change.old.as_ref()));
    json.push_str(r#","errors":null}"#);
    json
}

/// That changes may have got lost, as JSON.
pub(super) fn encode_missed(shape: &Shape, at: i64, columns: &str) -> String {
    let mut json = begin(shape, at);
    let what = "changes may have been missed: read anew";
    json.push_str(&format!(
        r#","eventType":null,"columns":{columns},"new":{{}},"old":{{}},"errors":["{what}"]}}"#
    ));
    json
}

fn begin(shape: &Shape, at: i64) -> String {
    let mut json = String::with_capacity(512);
    json.push_str(r#"{"schema":"#);
    quote(shape.descriptor.scope, &mut json);
    json.push_str(r#","table":"#);
    quote(shape.descriptor.name, &mut json);
    json.push_str(r#","commit_timestamp":"#);
    quote(&timestamp(at), &mut json);
    json
}

fn row(shape: &Shape, row: Option<&Row>) -> String {
    let Some(row) = row else { return "{}".to_owned() };
    let mut out = Vec::new();
    model::write_row(shape, row, &View::Public, &mut out);
    // Rows are written as UTF-8.
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};
    use serde_json::{Value as Json, json};
    use validator::Validate;

    use super::*;
    use crate::Model;
    use crate::model::Value;

    #[derive(Serialize, Deserialize, JsonSchema, Validate, Model)]
    #[model(scope = "shop", name = "orders")]
    struct Order {
        status: String,
        paid: bool,
        #[model(private)]
        margin: Option<i64>,
    }

    fn order(version: i64, status: &str) -> Row {
        let text = |text: &str| Value::Text(text.to_owned());
        let number = Value::Integer;
        Row(vec![text("o1"), number(version), number(1), number(2), text(status), number(1), number(77)])
    }

    fn encoded(op: ChangeOp, old: Option<Row>, new: Option<Row>) -> Json {
        let shape = Order::descriptor().shape();
        let change = RowChange { shape, op, old, new };
        let json = encode(&change, 1_790_000_000_000, &columns(shape));
        assert!(!json.contains("margin") && !json.contains("77"), "{json}");
        serde_json::from_str(&json).unwrap()
    }

    #[test]
    fn each_operation_has_its_payload() {
        let document = |version: i64, status: &str| {
            json!({
                "_id": "o1", "_version": version, "_createdAt": 1, "_updatedAt": 2, "status": status, "paid": true
            })
        };
        // LIV-24
        let insert = encoded(ChangeOp::Insert, None, Some(order(1, "open")));
        assert_eq!(insert["eventType"], "INSERT");
        assert_eq!((&insert["new"], &insert["old"]), (&document(1, "open"), &json!({})));
        // LIV-25
        let update = encoded(ChangeOp::Update, Some(order(1, "open")), Some(order(2, "done")));
        assert_eq!(update["eventType"], "UPDATE");
        assert_eq!((&update["new"], &update["old"]), (&document(2, "done"), &document(1, "open")));
        // LIV-26
        let delete = encoded(ChangeOp::Delete, Some(order(2, "done")), None);
        assert_eq!(delete["eventType"], "DELETE");
        assert_eq!((&delete["new"], &delete["old"]), (&json!({}), &document(2, "done")));
        // LIV-23
        assert_eq!(insert["schema"], "shop");
        assert_eq!(insert["table"], "orders");
        assert_eq!(insert["commit_timestamp"], "2026-09-21T14:13:20.000Z");
        assert_eq!(insert["errors"], Json::Null);
        let names: Vec<&str> = insert["columns"]
            .as_array()
            .unwrap()
            .iter()
            .map(|column| column["name"].as_str().unwrap())
            .collect();
        assert_eq!(names, ["_id", "_version", "_createdAt", "_updatedAt", "status", "paid"]);
        assert_eq!(insert["columns"][5], json!({ "name": "paid", "type": "bool" }));
        let shape = Order::descriptor().shape();
        let missed: Json = serde_json::from_str(&encode_missed(shape, 0, &columns(shape))).unwrap();
        assert!(missed["errors"][0].is_string() && missed["eventType"].is_null());
    }
}
