//! Questions to a model: one predicate tree, wherever a filter comes from and wherever it is answered.
//!
//! A [`Filter`] comes from Rust ([`Column`](crate::Column) has the operators), from JSON ([`Filter::parse`]) or from the pairs of
//! a URL ([`Filter::parse_pairs`]). It is answered by a store's SQL or over rows in memory ([`Filter::matches`]), with the same
//! rows. The same holds for a sort ([`Order`], [`compare`]) and for the place where a page ended ([`Cursor`]).

pub(crate) mod aggregate;
mod compare;
#[cfg(feature = "engine")]
mod cursor;
mod eval;
mod filter;
#[cfg(test)]
// Its random rows are for the tests of the stores.
#[cfg_attr(not(feature = "sqlite"), allow(dead_code))]
pub(crate) mod fixture;
pub(crate) mod geo;
pub(crate) mod json;
pub(crate) mod like;
pub mod limits;
mod literal;
mod parse;
mod related;
pub(crate) mod search;
mod typed;
mod update;

pub use aggregate::{Aggregate, Aggregation, Evaluation, Function, evaluate, evaluate_among};
#[cfg(feature = "engine")]
pub use cursor::{Cursor, Seal};
pub use eval::{compare, select, select_among};
pub use filter::{Filter, Op, Operand, Path, Place, Step};
pub use geo::{Area, BoundingBox, Circle, Point, Polygon, Within};
pub use literal::{Averaged, ListOf, Literal, Numeric, Optional, Ordered, Textual};
pub use parse::{Access, Asked, parse_aggregation, parse_count, parse_fields, parse_order};
pub use related::{Neighbours, Related};
pub use search::{Search, SearchColumns, Snippet};
pub use typed::{Cells, Change, Figure, Figures, Keys, Predicate, Sort};
pub use update::{Applied, Update};

#[cfg(all(test, feature = "engine"))]
pub(crate) use compare::cells;
#[cfg(feature = "sqlite")]
pub(crate) use compare::integer_with_float;
#[cfg(feature = "engine")]
pub(crate) use compare::{json_equal, json_order, number};
#[cfg(feature = "engine")]
pub(crate) use eval::operand;

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
    /// The sort keys. Whatever they are, `_id` is always the last one, so that the order is total. Without any, what a
    /// [search](Self::search) finds comes in the order of its rank, if the store knows one.
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

    /// The search among the conditions that all have to hold. A store that ranks what it finds gives its rows one more cell
    /// than the model has columns: the score, a [`Cell::Number`](crate::model::Cell), larger is better.
    pub fn search(&self) -> Option<&Search> {
        self.filter.search()
    }

    /// The rows of a model that fulfil a filter, by id.
    pub fn filtered(shape: &'static Shape, filter: Filter) -> Self {
        Select { filter, ..Self::all(shape) }
    }
}
