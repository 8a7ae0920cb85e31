//! Questions to a model: one predicate tree, wherever a filter comes from and wherever it is answered.

mod filter;

pub use filter::{Filter, Op, Operand, Path, Step};

use crate::model::Shape;

/// One sort key.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    /// What to sort by.
    pub path: Path,
    /// Largest first. `Null` is the smallest value.
    pub descending: bool,
}

/// Which rows of a model, in which order.
#[derive(Clone, Debug)]
pub struct Select {
    /// The model.
    pub shape: &'static Shape,
    /// Rows that don't fulfil it are left out.
    pub filter: Filter,
    /// The sort keys. Whatever they are, `_id` is always the last one, so that the order is total.
    pub order: Vec<Order>,
    /// How many rows to leave out first.
    pub start: u64,
    /// How many rows at most.
    pub count: Option<u64>,
}

impl Select {
    /// All rows of a model, by id.
    pub fn all(shape: &'static Shape) -> Self {
        Select { shape, filter: Filter::True, order: Vec::new(), start: 0, count: None }
    }

    /// The rows of a model that fulfil a filter, by id.
    pub fn filtered(shape: &'static Shape, filter: Filter) -> Self {
        Select { filter, ..Self::all(shape) }
    }
}
