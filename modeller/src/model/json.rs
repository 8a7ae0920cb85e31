//! Rows as JSON, written straight from the cells.

use super::{RowView, Shape};

/// Which columns a reader gets to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum View {
    /// All but the private ones: what doors show.
    Public,
    /// All of them: trusted code, exports.
    Full,
    /// These columns (indexes), in this order; `_id` is always the first.
    Only(Vec<usize>),
}

/// Appends the row as a JSON object.
pub fn write_row(_shape: &Shape, _row: &dyn RowView, _view: &View, _out: &mut Vec<u8>) {
    unreachable!("not yet written")
}
