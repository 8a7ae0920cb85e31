//! Defaults of columns as stored values and as SQL.

use serde_json::Value as Json;

use crate::model::{ColumnInfo, Kind, Value, to_value};

/// What the column of a document holds that says nothing of it; `None` if there is no such value.
pub(crate) fn default_value(column: &ColumnInfo) -> Option<Value> {
    let json = column.default.as_ref()?;
    let value = match (column.kind, json) {
        (_, Json::Null) if column.kind != Kind::Json => Value::Null,
        (Kind::Text, Json::String(text)) => Value::Text(text.clone()),
        (Kind::Integer, Json::Number(number)) => Value::Integer(number.as_i64()?),
        (Kind::Number, Json::Number(number)) => Value::Number(number.as_f64()?),
        (Kind::Boolean, Json::Bool(yes)) => Value::Integer(i64::from(*yes)),
        (Kind::Json, Json::Null) if column.nullable => Value::Null,
        (Kind::Json, json) => Value::Text(json.to_string()),
        (kind @ (Kind::DateTime | Kind::Decimal), json) => to_value(json, kind).ok()?,
        _ => return None,
    };
    (column.nullable || !value.is_null()).then_some(value)
}

/// The value as SQL has it.
pub(crate) fn sql_literal(value: &Value) -> String {
    match value {
        Value::Null => "NULL".into(),
        Value::Integer(number) => number.to_string(),
        // Seventeen digits are enough for every float.
        Value::Number(number) => format!("{number:e}"),
        Value::Text(text) if text.contains('\0') => {
            let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
            format!("CAST(x'{hex}' AS TEXT)")
        }
        Value::Text(text) => format!("'{}'", text.replace('\'', "''")),
    }
}
