//! Conditions on documents that belong to a document, through a relation.

use std::cmp::Ordering;
use std::ops::ControlFlow;

use serde_json::Value as Json;

use super::Filter;
use super::compare::cells;
use crate::model::{Cell, Link, RowView};

/// "Some row that belongs to this one fulfils a filter." It is true or false, never unknown.
#[derive(Clone, Debug, PartialEq)]
pub struct Related {
    /// Which rows belong to it.
    pub link: Link,
    /// Which of them count. The engine leaves out the trash and what has expired here; it is [`Filter::True`] until then.
    pub among: Filter,
    /// What is asked of them.
    pub filter: Filter,
    /// Whether a row is looked for that fulfils the filter; otherwise one that does not, be it for an absent value.
    pub fulfils: bool,
}

/// Knows the rows of other models, for filters that are answered in memory.
pub trait Neighbours {
    /// Shows rows of [`link.to`](Link::to) until it is told to stop. All that belong to the row must be among them; others may
    /// be, and are passed over. Answers `false` if it does not know them: then the condition is unknown.
    fn visit(
        &self,
        link: &Link,
        row: &dyn RowView,
        visit: &mut dyn FnMut(&dyn RowView) -> ControlFlow<()>,
    ) -> bool;
}

/// Knows no other rows.
impl Neighbours for () {
    fn visit(&self, _: &Link, _: &dyn RowView, _: &mut dyn FnMut(&dyn RowView) -> ControlFlow<()>) -> bool {
        false
    }
}

impl Related {
    pub(super) fn truth(&self, row: &dyn RowView, neighbours: &dyn Neighbours) -> Option<bool> {
        let to = self.link.to;
        let mut found = false;
        let mut look = |other: &dyn RowView| {
            if !belongs(&self.link, row, other) {
                return ControlFlow::Continue(());
            }
            let counts = self.among.truth_among(to, other, neighbours) == Some(true);
            found = counts && (self.filter.truth_among(to, other, neighbours) == Some(true)) == self.fulfils;
            if found { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        neighbours.visit(&self.link, row, &mut look).then_some(found)
    }
}

/// Whether two rows belong together.
fn belongs(link: &Link, row: &dyn RowView, other: &dyn RowView) -> bool {
    let (Some(column), Some(target)) = (link.from.columns.get(link.column), link.to.columns.get(link.target))
    else {
        return false;
    };
    let (left, right) = (row.cell(link.column), other.cell(link.target));
    match (column.array, target.array) {
        (false, false) => cells(column.kind, left, right) == Some(Ordering::Equal),
        (true, false) => has_element(left, right),
        (false, true) => has_element(right, left),
        (true, true) => false,
    }
}

fn has_element(list: Cell<'_>, value: Cell<'_>) -> bool {
    let Cell::Text(list) = list else { return false };
    let is_it = |element: &Json| match value {
        Cell::Text(text) => element.as_str() == Some(text),
        Cell::Integer(number) => element.as_i64() == Some(number),
        _ => false,
    };
    serde_json::from_str::<Vec<Json>>(list).is_ok_and(|elements| elements.iter().any(is_it))
}

impl Filter {
    /// Some row that belongs to it fulfils the filter.
    pub fn some_related(link: Link, filter: Filter) -> Filter {
        Self::related(link, filter, true)
    }

    /// No row that belongs to it fulfils the filter; there may be none at all.
    pub fn no_related(link: Link, filter: Filter) -> Filter {
        Self::related(link, filter, true).negate()
    }

    /// Every row that belongs to it fulfils the filter; there may be none at all.
    pub fn every_related(link: Link, filter: Filter) -> Filter {
        Self::related(link, filter, false).negate()
    }

    fn related(link: Link, filter: Filter, fulfils: bool) -> Filter {
        Filter::Related(Box::new(Related { link, among: Filter::True, filter, fulfils }))
    }

    /// Whether it asks for rows of other models.
    pub fn is_relational(&self) -> bool {
        match self {
            Filter::Related(_) => true,
            Filter::All(filters) | Filter::Any(filters) => filters.iter().any(Filter::is_relational),
            Filter::Not(inner) => inner.is_relational(),
            Filter::True | Filter::False | Filter::Test(..) | Filter::Within(_) | Filter::Search(_) => false,
        }
    }

    /// Each condition on other rows, from the outside in.
    pub fn each_related(&mut self, change: &mut dyn FnMut(&mut Related)) {
        match self {
            Filter::Related(related) => {
                change(related);
                related.filter.each_related(change);
            }
            Filter::All(filters) | Filter::Any(filters) => {
                filters.iter_mut().for_each(|filter| filter.each_related(change));
            }
            Filter::Not(inner) => inner.each_related(change),
            Filter::True | Filter::False | Filter::Test(..) | Filter::Within(_) | Filter::Search(_) => {}
        }
    }
}
