//! The values by which documents belong together: collected while rows come by, each once.

use std::collections::HashMap;

use super::With;
#[cfg(feature = "live")]
use crate::model::Shape;
use crate::model::{Cell, Link, RowView, Value};

/// The values of one column of some documents: for each document, numbers into the list of all values.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    /// Whether the column holds lists.
    array: bool,
    numbers: HashMap<Box<[u8]>, u32>,
    values: Vec<Value>,
    /// The numbers of all documents, one after the other.
    of: Vec<u32>,
    /// Where those of each document end.
    ends: Vec<usize>,
}

impl Keys {
    /// None yet, of this side of a link.
    pub(crate) fn of_link(link: &Link) -> Self {
        Keys { array: link.from.columns[link.column].array, ..Self::default() }
    }

    /// Takes the value of the next document.
    pub(crate) fn push(&mut self, cell: Cell<'_>) {
        if self.array {
            let begin = self.of.len();
            for element in elements(cell) {
                let number = self.intern(element.view());
                // A document belongs to another one once, however often it is named.
                if !self.of[begin..].contains(&number) {
                    self.of.push(number);
                }
            }
        } else if cell != Cell::Null {
            let number = self.intern(cell);
            self.of.push(number);
        }
        self.ends.push(self.of.len());
    }

    fn intern(&mut self, cell: Cell<'_>) -> u32 {
        with_bytes(cell, |bytes| {
            if let Some(number) = self.numbers.get(bytes) {
                return *number;
            }
            let number = u32::try_from(self.values.len()).unwrap_or(u32::MAX);
            self.numbers.insert(bytes.into(), number);
            self.values.push(cell.to_value());
            number
        })
    }

    /// All values, each once.
    pub(crate) fn values(&self) -> &[Value] {
        &self.values
    }

    /// The numbers of a document's values.
    pub(crate) fn of(&self, document: usize) -> &[u32] {
        let begin = document.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.ends.get(document).map_or(&[], |&end| &self.of[begin..end])
    }

    /// Calls back with the number of each value of a cell of the other side that is among them.
    pub(crate) fn find(&self, is_list: bool, cell: Cell<'_>, mut found: impl FnMut(u32)) {
        let number = |cell: Cell<'_>| with_bytes(cell, |bytes| self.numbers.get(bytes).copied());
        if !is_list {
            number(cell).into_iter().for_each(found);
            return;
        }
        let mut numbers: Vec<u32> = elements(cell).filter_map(|element| number(element.view())).collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers.into_iter().for_each(&mut found);
    }
}

/// The elements of a list that can be keys.
fn elements(cell: Cell<'_>) -> impl Iterator<Item = Value> + use<> {
    let list: Vec<serde_json::Value> = match cell {
        Cell::Text(text) => serde_json::from_str(text).unwrap_or_default(),
        _ => Vec::new(),
    };
    list.into_iter().filter_map(|element| match element {
        serde_json::Value::String(text) => Some(Value::Text(text)),
        other => other.as_i64().map(Value::Integer),
    })
}

/// A key as bytes; all keys of a column are of one kind.
fn with_bytes<T>(cell: Cell<'_>, take: impl FnOnce(&[u8]) -> T) -> T {
    match cell {
        Cell::Text(text) => take(text.as_bytes()),
        Cell::Integer(number) => take(&number.to_le_bytes()),
        Cell::Number(number) => take(&number.to_le_bytes()),
        Cell::Null => take(&[]),
    }
}

/// Where each document ends in what was written, and its keys for each relation that leads on.
#[derive(Debug)]
pub(crate) struct Kept {
    columns: Vec<usize>,
    pub(super) keys: Vec<Keys>,
    pub(super) ends: Vec<usize>,
    /// The ids of the documents, if they are wanted.
    #[cfg(feature = "live")]
    pub(super) ids: Option<Vec<std::sync::Arc<str>>>,
}

impl Kept {
    /// For these relations.
    pub(crate) fn of(with: &[With]) -> Self {
        let keys = |with: &With| Keys::of_link(&with.relation.link());
        Kept {
            columns: with.iter().map(|with| with.relation.column).collect(),
            keys: with.iter().map(keys).collect(),
            ends: Vec::new(),
            #[cfg(feature = "live")]
            ids: None,
        }
    }

    /// The same, keeping the ids of the documents, too.
    #[cfg(feature = "live")]
    pub(super) fn with_ids(self) -> Self {
        Kept { ids: Some(Vec::new()), ..self }
    }

    /// Takes a row that has been written up to here.
    pub(crate) fn row(&mut self, row: &dyn RowView, end: usize) {
        self.ends.push(end);
        #[cfg(feature = "live")]
        if let (Some(ids), Cell::Text(id)) = (&mut self.ids, row.cell(Shape::ID)) {
            ids.push(id.into());
        }
        for (&column, keys) in self.columns.iter().zip(&mut self.keys) {
            keys.push(row.cell(column));
        }
    }

    /// Where a document ends.
    pub(crate) fn end(&self, document: usize) -> Option<usize> {
        self.ends.get(document).copied()
    }

    /// The keys for each relation.
    pub(crate) fn take_keys(&mut self) -> Vec<Keys> {
        std::mem::take(&mut self.keys)
    }
}
