//! Numbers that the store counts, in `autoincrement` fields, beside those that callers give.

use super::write::Steps;
use crate::model::{self, Code, Error, Generated, Result, Row, Shape, Value, Violation};

/// How many numbers that callers have taken an `autoincrement` field passes over at once, where it is unique together with
/// other fields only; one that is unique by itself is given a free number by the store.
pub(super) const MAX_TAKEN: usize = 1_000;

/// The largest number that a caller may give an `autoincrement` field: those that follow have room for ever.
const MAX_GIVEN: i64 = (1 << 53) - 1;

impl Steps<'_, '_> {
    /// Gives the row the next number in each of these columns.
    pub(super) async fn number(&mut self, columns: &[usize], row: &mut Row) -> Result<()> {
        for &index in columns {
            row[index] = Value::Integer(self.tx.next(self.shape, index).await?);
            if self.shape.key == Some(index) {
                row[Shape::ID] = Value::Text(model::id_of(self.shape, row).unwrap_or_else(model::new_id));
            }
        }
        Ok(())
    }

    pub(super) fn is_blank_number(&self, index: usize, value: &Value) -> bool {
        self.shape.columns[index].generated == Some(Generated::Autoincrement)
            && matches!(value, Value::Null | Value::Integer(0))
    }

    /// A number so large that none could follow is not taken.
    pub(super) fn check_given(&self, index: usize, value: &Value) -> Result<()> {
        let column = &self.shape.columns[index];
        match value {
            Value::Integer(number)
                if column.generated == Some(Generated::Autoincrement) && *number > MAX_GIVEN =>
            {
                Err(Error::validation(vec![Violation {
                    instance_path: format!("/{}", column.name),
                    keyword: "maximum".into(),
                    message: format!("must be <= {MAX_GIVEN}"),
                    params: serde_json::json!({ "comparison": "<=", "limit": MAX_GIVEN }),
                    schema_path: format!("#/properties/{}/maximum", column.name),
                }]))
            }
            _ => Ok(()),
        }
    }

    /// Whether one of these columns has a value that another document has, too.
    pub(super) fn is_of(&self, columns: &[usize], error: &Error) -> bool {
        let Some(fields) = error.field().filter(|_| error.is(Code::UniqueViolation)) else { return false };
        let is_key = fields == "_id" && self.shape.key.is_some_and(|key| columns.contains(&key));
        is_key || fields.split(',').any(|name| columns.iter().any(|&at| self.shape.columns[at].name == name))
    }
}

pub(super) fn has_autoincrement(shape: &Shape) -> bool {
    shape.columns.iter().any(|column| column.generated == Some(Generated::Autoincrement))
}
