//! The predicate tree.

use crate::model::{Shape, Value};

/// A condition on a row of one model. It is answered by SQL or in memory, with the same three-valued logic:
/// a comparison with an absent value is *unknown*, and only rows for which the whole is *true* are selected.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    /// Every row.
    True,
    /// No row.
    False,
    /// All of them hold.
    All(Vec<Filter>),
    /// At least one of them holds.
    Any(Vec<Filter>),
    /// It does not hold; the negation of *unknown* is *unknown*.
    Not(Box<Filter>),
    /// A test of one value.
    Test(Path, Op),
}

/// Where a value is: a column, and for JSON columns the way inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// Index of the column ([`Shape::columns`]).
    pub column: usize,
    /// Steps into the column's JSON; empty for the column itself.
    pub steps: Vec<Step>,
}

impl Path {
    /// A column itself.
    pub fn column(column: usize) -> Self {
        Path { column, steps: Vec::new() }
    }
}

/// One step into a JSON value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The member of an object.
    Key(String),
    /// The element of an array, from 0.
    Index(u32),
}

/// What is asked of a value.
///
/// For a plain column an operand has the form in which the column stores it; inside JSON it is as JSON has it.
/// On an array (a column or nested) `Eq`, `In`, `Contains`, `StartsWith`, `EndsWith`, `Like` and the comparisons ask whether *some element* fulfils
/// them, `Ne` and `Nin` whether none does.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// Equal; with `Null`: absent. Never unknown for `Null`.
    Eq(Operand),
    /// Not equal; with `Null`: present.
    Ne(Operand),
    /// Greater.
    Gt(Operand),
    /// Greater or equal.
    Gte(Operand),
    /// Less.
    Lt(Operand),
    /// Less or equal.
    Lte(Operand),
    /// Equal to one of them. The list holds no `Null`.
    In(Vec<Operand>),
    /// Equal to none of them. The list holds no `Null`.
    Nin(Vec<Operand>),
    /// Present (`true`) or absent (`false`).
    Exists(bool),
    /// The text has this inside; compared by character, case counts.
    Contains(String),
    /// The text begins with this.
    StartsWith(String),
    /// The text ends with this.
    EndsWith(String),
    /// The text is like this pattern: `%` stands for any characters, `_` for one, `\` takes the next literally; case counts.
    Like(String),
}

/// The other side of a comparison.
#[derive(Clone, Debug, PartialEq)]
pub enum Operand {
    /// A cell in the form its column stores it.
    Cell(Value),
    /// `true` or `false` inside JSON.
    Boolean(bool),
    /// An object or array inside JSON, compared as a whole (the order of members does not count).
    Json(serde_json::Value),
}

impl From<Value> for Operand {
    fn from(value: Value) -> Self {
        Operand::Cell(value)
    }
}

impl Filter {
    /// The document with this id.
    pub fn id(id: impl Into<String>) -> Self {
        Filter::Test(Path::column(Shape::ID), Op::Eq(Value::Text(id.into()).into()))
    }

    /// Both hold. Conjunctions are kept flat.
    #[must_use]
    pub fn and(self, other: Filter) -> Filter {
        match (self, other) {
            (Filter::True, filter) | (filter, Filter::True) => filter,
            (Filter::All(mut all), Filter::All(more)) => {
                all.extend(more);
                Filter::All(all)
            }
            (Filter::All(mut all), filter) => {
                all.push(filter);
                Filter::All(all)
            }
            (filter, Filter::All(mut all)) => {
                all.insert(0, filter);
                Filter::All(all)
            }
            (left, right) => Filter::All(vec![left, right]),
        }
    }

    /// One of them holds. Disjunctions are kept flat.
    #[must_use]
    pub fn or(self, other: Filter) -> Filter {
        match (self, other) {
            (Filter::False, filter) | (filter, Filter::False) => filter,
            (Filter::Any(mut any), Filter::Any(more)) => {
                any.extend(more);
                Filter::Any(any)
            }
            (Filter::Any(mut any), filter) => {
                any.push(filter);
                Filter::Any(any)
            }
            (left, right) => Filter::Any(vec![left, right]),
        }
    }
}
