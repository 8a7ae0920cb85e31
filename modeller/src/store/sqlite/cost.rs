//! Whether a read is quick enough to run where it is asked for. It only looks; when in doubt, the answer is no.

use super::select::is_live;
use crate::model::{Shape, Value};
use crate::query::{Filter, Op, Operand, Order, Select};

/// How many rows a quick read may walk over.
const FEW: u64 = 1000;

/// Whether the rows are found through an index, and few.
pub(super) fn is_cheap(select: &Select) -> bool {
    let parts = conjuncts(&select.filter);
    if pins_one(select.shape, parts) {
        return true;
    }
    let span = select.count.map(|count| count.saturating_add(select.start));
    if span.is_none_or(|span| span > FEW) {
        return false;
    }
    let rest = || parts.iter().filter(|part| !is_neutral(select.shape, part));
    match order(select.shape, &select.order) {
        // In the order of ids, or of one index, the first rows are the answer: nothing is sorted.
        Some(None) => {
            let pinned = |index: &Vec<usize>| {
                index.iter().all(|&column| rest().any(|part| equals(part, column) == Some(true)))
                    && rest().all(|part| index.iter().any(|&column| equals(part, column) == Some(true)))
            };
            rest().all(|part| ranges(part, Shape::ID)) || select.shape.indexes.iter().any(pinned)
        }
        Some(Some(column)) => rest().all(|part| ranges(part, column)),
        None => false,
    }
}

/// Whether a count looks at few rows.
pub(super) fn is_cheap_count(shape: &Shape, filter: &Filter) -> bool {
    pins_one(shape, conjuncts(filter))
}

fn conjuncts(filter: &Filter) -> &[Filter] {
    match filter {
        Filter::All(parts) => parts,
        one => std::slice::from_ref(one),
    }
}

/// Whether the filter leaves one document, or a short list of them.
fn pins_one(shape: &Shape, parts: &[Filter]) -> bool {
    if parts.iter().any(|part| matches!(part, Filter::False) || equals(part, Shape::ID).is_some()) {
        return true;
    }
    // The unique indexes of models with a trash hold live documents only.
    let live = shape.deleted_at.is_none() || parts.iter().any(|part| is_live(shape, part));
    live && shape.unique.iter().any(|set| match set.as_slice() {
        [column] => parts.iter().any(|part| equals(part, *column).is_some()),
        set => set.iter().all(|&column| parts.iter().any(|part| equals(part, column) == Some(true))),
    })
}

/// Whether the filter allows a column one value (`Some(true)`) or a few (`Some(false)`).
fn equals(filter: &Filter, column: usize) -> Option<bool> {
    match filter {
        Filter::Test(path, op) if path.column == column && path.steps.is_empty() => match op {
            Op::Eq(Operand::Cell(value)) if *value != Value::Null => Some(true),
            Op::In(list) if list.len() as u64 <= FEW => Some(false),
            _ => None,
        },
        _ => None,
    }
}

/// Whether the filter is a range of the column.
fn ranges(filter: &Filter, column: usize) -> bool {
    match filter {
        Filter::Test(path, op) if path.column == column && path.steps.is_empty() => {
            matches!(op, Op::Eq(Operand::Cell(_)) | Op::Gt(_) | Op::Gte(_) | Op::Lt(_) | Op::Lte(_))
        }
        _ => false,
    }
}

/// Whether the filter lets nearly all documents through.
fn is_neutral(shape: &Shape, filter: &Filter) -> bool {
    matches!(filter, Filter::True) || is_live(shape, filter)
}

/// What the rows are sorted by, if an index has them in that order: `None` is the id.
fn order(shape: &Shape, order: &[Order]) -> Option<Option<usize>> {
    let first = match order {
        [] => return Some(None),
        [first] => first,
        [first, id] if id.path.column == Shape::ID && id.descending == first.descending => first,
        _ => return None,
    };
    if !first.path.steps.is_empty() {
        return None;
    }
    match first.path.column {
        Shape::ID => Some(None),
        // A single key that is not the id is followed by the id, ascending.
        column if order.len() == 1 && first.descending => {
            let unique = shape.unique.iter().any(|set| *set == [column]);
            (unique && !shape.columns[column].sparse && shape.deleted_at.is_none()).then_some(Some(column))
        }
        column => {
            let starts = shape.indexes.iter().any(|index| *index == [column]);
            let unique = shape.unique.iter().any(|set| *set == [column])
                && !shape.columns[column].sparse
                && shape.deleted_at.is_none();
            (starts || unique).then_some(Some(column))
        }
    }
}
