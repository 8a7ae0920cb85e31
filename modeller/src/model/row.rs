//! Structs to rows and back, through serde: whatever serde makes of a field is what its column holds.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Kind, Result, Row, RowView, Shape, Value};

/// The struct's fields as a row of `shape.columns.len()` cells; the system columns are left `Null`.
///
/// # Errors
/// `VALIDATION_ERROR` for values that no column can hold (NaN, an integer above 2⁶³−1).
pub fn to_row<M: Serialize>(_model: &M, _shape: &Shape) -> Result<Row> {
    unreachable!("not yet written")
}

/// One Rust value as a cell of a column of this kind.
///
/// # Errors
/// As [`to_row`].
pub fn to_value<T: Serialize + ?Sized>(_value: &T, _kind: Kind) -> Result<Value> {
    unreachable!("not yet written")
}

/// The struct back from a row.
///
/// # Errors
/// `INTERNAL_ERROR` if the row does not fit the struct (somebody changed the table by hand).
pub fn from_row<M: DeserializeOwned>(_shape: &Shape, _row: &dyn RowView) -> Result<M> {
    unreachable!("not yet written")
}
