//! Structs to rows and back, through serde: whatever serde makes of a field is what its column holds.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::from_row::RowDeserializer;
use super::to_cell::cell;
use super::to_row::RowSerializer;
use super::{Code, Doc, Error, Id, Kind, Model, Result, Row, RowView, Shape, Value, Violation};

/// The struct's fields as a row of `shape.columns.len()` cells; the system columns are left `Null`.
///
/// # Errors
/// `VALIDATION_ERROR` for values that no column can hold (NaN, an integer above 2⁶³−1, a NUL character).
pub fn to_row<M: Serialize>(model: &M, shape: &Shape) -> Result<Row> {
    let mut row = Row(vec![Value::Null; shape.columns.len()]);
    match model.serialize(RowSerializer::new(shape, &mut row.0)) {
        Ok(()) => complete(row, shape),
        Err(fault) => Err(fault.into_error(shape)),
    }
}

/// A field that serde left out reads as its default, so that is what it holds.
fn complete(mut row: Row, shape: &Shape) -> Result<Row> {
    for (field, column) in shape.fields().iter().enumerate() {
        let index = Shape::FIELDS + field;
        if column.sparse || !row[index].is_null() {
            continue;
        }
        let Some(default) = &column.default else {
            return Err(Error::validation(vec![Violation {
                instance_path: String::new(),
                keyword: "required".into(),
                message: format!("must have required property '{}'", column.name),
                params: serde_json::json!({ "missingProperty": column.name }),
                schema_path: "#/required".into(),
            }]));
        };
        row[index] = to_value(default, column.kind)?;
    }
    Ok(row)
}

/// One Rust value as a cell of a column of this kind.
///
/// # Errors
/// As [`to_row`].
pub fn to_value<T: Serialize + ?Sized>(value: &T, kind: Kind) -> Result<Value> {
    cell(value, kind).map_err(|fault| Error::validation(vec![fault.into_violation("", "")]))
}

/// The struct back from a row.
///
/// # Errors
/// `INTERNAL_ERROR` if the row does not fit the struct (somebody changed the table by hand).
pub fn from_row<M: DeserializeOwned>(shape: &Shape, row: &dyn RowView) -> Result<M> {
    // What serde says of the misfit quotes the stored value, which may be private.
    M::deserialize(RowDeserializer { shape, row }).map_err(|_| {
        Error::new(
            Code::InternalError,
            format!("a stored document of `{}` does not fit its struct", shape.path),
        )
    })
}

/// The document of a row: struct and metadata.
///
/// # Errors
/// As [`from_row`].
pub fn doc_from_row<M: Model>(shape: &Shape, row: &dyn RowView) -> Result<Doc<M>> {
    let data = from_row(shape, row)?;
    let integer = |index| match row.cell(index) {
        super::Cell::Integer(number) => Some(number),
        _ => None,
    };
    let id = match row.cell(Shape::ID) {
        super::Cell::Text(text) => Id::from(text),
        super::Cell::Integer(number) => Id::from(number.to_string()),
        _ => {
            let message = format!("a stored document of `{}` has no id", shape.path);
            return Err(Error::new(Code::InternalError, message));
        }
    };
    Ok(Doc {
        id,
        version: integer(Shape::VERSION).unwrap_or_default(),
        created_at: integer(Shape::CREATED_AT).unwrap_or_default(),
        updated_at: integer(Shape::UPDATED_AT).unwrap_or_default(),
        expires_at: shape.expires_at.and_then(integer),
        data,
    })
}
