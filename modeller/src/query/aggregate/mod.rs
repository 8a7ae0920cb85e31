//! Figures over many rows: how many, how much, the least and the greatest, group by group.
//!
//! A store answers an [`Aggregation`] as it likes, by SQL for instance, with the rows that [`Evaluation`] gives in memory:
//!
//! - What is absent (and a JSON `null`) does not count: `Count` passes it over, the sum of nothing is 0, and the average, the
//!   least and the greatest of nothing are `Null`. As a group key `Null` is a value like others.
//! - Sums are exact: of integers, of decimal numbers, and of floats, which are rounded once, at the end, so that the order of the
//!   rows does not matter. A sum that its type can't hold is an error.
//! - Inside JSON, `Sum` and `Avg` pass over what is no number, `Min` and `Max` over arrays and objects; among values of several
//!   types the order is that of a sort.

mod canonical;
mod evaluate;
mod exact;
#[cfg(feature = "live")]
mod running;
mod tally;

use std::fmt;

use crate::model::{Code, ColumnInfo, Error, Kind, Row, Shape, Value};
use crate::query::{Filter, Path};

#[cfg(feature = "sqlite")]
pub(crate) use canonical::{json_number, json_text, plain};
#[cfg(feature = "sqlite")]
pub(crate) use evaluate::Groups;
pub use evaluate::{Evaluation, evaluate, evaluate_among};
#[cfg(feature = "sqlite")]
pub(crate) use tally::{Extreme, Total, Values, listed};
#[cfg(feature = "live")]
pub(crate) use {
    running::{Running, Unsettled},
    tally::Key as GroupKey,
};

/// Figures over the rows of a model that fulfil a filter, one answer for each group of them.
#[derive(Clone)]
pub struct Aggregation {
    /// The model.
    pub shape: &'static Shape,
    /// Rows that don't fulfil it are left out.
    pub filter: Filter,
    /// Rows with the same values here are a group. Without any, all rows together are the one group, be they none.
    pub group_by: Vec<Path>,
    /// What to work out for each group.
    pub aggregates: Vec<Aggregate>,
    /// In which order the groups come: by index of the answer's columns, the keys first, the aggregates after them, and
    /// whether the largest come first. After these the keys decide, smallest first.
    pub order: Vec<(usize, bool)>,
    /// How many groups to leave out first.
    pub start: u64,
    /// How many groups at most.
    pub count: Option<u64>,
}

/// One figure.
#[derive(Clone, Debug, PartialEq)]
pub enum Aggregate {
    /// How many rows.
    Rows,
    /// Something of the values that a path leads to.
    Of {
        /// What.
        function: Function,
        /// Where the values are.
        path: Path,
        /// Equal values count once.
        distinct: bool,
    },
}

/// What is made of many values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// How many there are.
    Count,
    /// Their sum.
    Sum,
    /// Their average.
    Avg,
    /// The least.
    Min,
    /// The greatest.
    Max,
    /// All different ones, in their order, as a JSON array.
    Values,
}

impl Aggregation {
    /// Figures over all rows of a model together.
    pub fn new(shape: &'static Shape, filter: Filter, aggregates: Vec<Aggregate>) -> Self {
        Aggregation {
            shape,
            filter,
            group_by: Vec::new(),
            aggregates,
            order: Vec::new(),
            start: 0,
            count: None,
        }
    }

    /// How the values of an answer's column are to be read: the keys come first, the aggregates after them.
    pub fn kind(&self, column: usize) -> Kind {
        if let Some(path) = self.group_by.get(column) {
            return path.kind(self.shape);
        }
        match self.aggregates.get(column - self.group_by.len()) {
            None | Some(Aggregate::Rows) => Kind::Integer,
            Some(Aggregate::Of { function, path, .. }) => match function {
                Function::Count => Kind::Integer,
                Function::Avg => Kind::Number,
                Function::Values => Kind::Json,
                Function::Sum | Function::Min | Function::Max => path.kind(self.shape),
            },
        }
    }

    fn columns(&self) -> usize {
        self.group_by.len() + self.aggregates.len()
    }
}

impl fmt::Debug for Aggregation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aggregation")
            .field("model", &self.shape.path)
            .field("filter", &self.filter)
            .field("group_by", &self.group_by)
            .field("aggregates", &self.aggregates)
            .field("order", &self.order)
            .field("page", &(self.start, self.count))
            .finish()
    }
}

fn column_of<'a>(shape: &'a Shape, path: &Path) -> Option<&'a ColumnInfo> {
    shape.columns.get(path.column)
}

/// Why a figure can't be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The sum is beyond what its type holds.
    Overflow,
    /// There are too many different values.
    Many,
}

impl Fault {
    /// The error for a caller.
    pub(crate) fn into_error(self, aggregation: &Aggregation, aggregate: usize) -> Error {
        let name = match aggregation.aggregates.get(aggregate) {
            Some(Aggregate::Of { path, .. }) => path.name(aggregation.shape),
            _ => String::new(),
        };
        let message = match self {
            Fault::Overflow => format!(
                "the sum of `{name}` is beyond what its type holds (64 bits, or 1,000 digits): narrow the query, or ask for \
                 `avg`"
            ),
            Fault::Many => {
                format!(
                    "`{name}` has more than {} different values: narrow the query",
                    super::limits::MAX_GROUPS
                )
            }
        };
        Error::new(Code::InvalidQuery, message).with_field(name)
    }
}

/// The error for more groups than an answer holds.
pub(crate) fn too_many_groups() -> Error {
    let message = format!("there are more than {} groups: narrow the query", super::limits::MAX_GROUPS);
    Error::new(Code::InvalidQuery, message)
}

impl Path {
    /// What it leads to: what its column holds, or JSON.
    pub fn kind(&self, shape: &Shape) -> Kind {
        column_of(shape, self)
            .map_or(Kind::Json, |column| if self.is_json(column) { Kind::Json } else { column.kind })
    }

    /// The path as the wire has it: `address.city`.
    pub fn name(&self, shape: &Shape) -> String {
        let mut name = column_of(shape, self).map_or_else(String::new, |column| column.name.clone());
        for step in &self.steps {
            name.push('.');
            match step {
                super::Step::Key(key) => name.push_str(key),
                super::Step::Index(index) => name.push_str(&index.to_string()),
            }
        }
        name
    }
}

/// One answer: its keys, then its aggregates.
pub(crate) fn row(keys: Vec<Value>, figures: Vec<Value>) -> Row {
    let mut cells = keys;
    cells.extend(figures);
    Row(cells)
}
