//! The predicate tree.

use super::{Related, Search, Within};
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
    /// The position lies within an area; unknown without a position.
    Within(Box<Within>),
    /// The searchable fields have these words.
    Search(Box<Search>),
    /// Some row that belongs to it, of another model or the same, fulfils a filter. Never unknown.
    Related(Box<Related>),
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
    /// The element of an array, from 0; of an object the member with this number as its name.
    Index(u32),
}

/// What is asked of a value.
///
/// For a plain column an operand has the form in which the column stores it; inside JSON it is as JSON has it.
///
/// - A JSON `null`, and whatever a path does not lead to, is absent. What is asked of an absent value is unknown,
///   except by `Exists`, `Stands`, and `Eq` and `Ne` with `Null`.
/// - Values of two types are not equal; which is greater, and what text a number contains, is unknown.
/// - On an array (a column or nested) `Eq`, `In`, `Contains`, `StartsWith`, `EndsWith`, `Like` and the comparisons ask
///   whether *some element* fulfils them, `Ne` and `Nin` whether none does. An array operand is also compared with the
///   array as a whole.
/// - Numbers are compared exactly, whole ones with fractional ones too. Inside JSON, whole numbers above 2⁶³−1 count as
///   the float next to them.
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
    /// Where the value stands in the order of a sort, as [`compare`](super::compare) has it. Never unknown; an array stands for itself.
    ///
    /// Cursors use it for sort keys inside JSON, where values of several types may meet.
    Stands(Place, Operand),
}

/// Where a value stands in the order of a sort.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Before the other one.
    Before,
    /// At the same place.
    Same,
    /// After the other one.
    After,
}

impl Place {
    pub(crate) fn is(self, order: std::cmp::Ordering) -> bool {
        match self {
            Place::Before => order.is_lt(),
            Place::Same => order.is_eq(),
            Place::After => order.is_gt(),
        }
    }
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

    /// The value is one of these; `Null` among them stands for an absent value.
    pub fn one_of(path: Path, operands: Vec<Operand>) -> Self {
        let (operands, null) = without_null(operands);
        let absent = null.then(|| Filter::Test(path.clone(), Op::Eq(Value::Null.into())));
        let present = (!operands.is_empty()).then(|| Filter::Test(path, Op::In(operands)));
        match (absent, present) {
            (Some(absent), Some(present)) => absent.or(present),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => Filter::False,
        }
    }

    /// The value is none of these; `Null` among them stands for an absent value.
    pub fn none_of(path: Path, operands: Vec<Operand>) -> Self {
        let (operands, null) = without_null(operands);
        let present = null.then(|| Filter::Test(path.clone(), Op::Ne(Value::Null.into())));
        let other = (!operands.is_empty()).then(|| Filter::Test(path, Op::Nin(operands)));
        match (present, other) {
            (Some(present), Some(other)) => present.and(other),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => Filter::True,
        }
    }

    /// The search among the conditions that all have to hold.
    pub fn search(&self) -> Option<&Search> {
        let parts = match self {
            Filter::All(all) => all.as_slice(),
            one => std::slice::from_ref(one),
        };
        parts.iter().find_map(|part| match part {
            Filter::Search(search) => Some(&**search),
            _ => None,
        })
    }

    /// Whether such a test of a column is anywhere in it, but for conditions on other rows.
    pub fn tests(&self, column: usize, such: impl Fn(&Op) -> bool + Copy) -> bool {
        match self {
            Filter::All(filters) | Filter::Any(filters) => {
                filters.iter().any(|filter| filter.tests(column, such))
            }
            Filter::Not(inner) => inner.tests(column, such),
            Filter::Test(path, op) => path.column == column && such(op),
            Filter::True | Filter::False | Filter::Within(_) | Filter::Search(_) | Filter::Related(_) => {
                false
            }
        }
    }

    /// It does not hold.
    #[must_use]
    pub fn negate(self) -> Filter {
        match self {
            Filter::True => Filter::False,
            Filter::False => Filter::True,
            // Not of not of unknown is unknown: the pair cancels out.
            Filter::Not(inner) => *inner,
            filter => Filter::Not(Box::new(filter)),
        }
    }

    /// Both hold. Conjunctions are kept flat.
    #[must_use]
    pub fn and(self, other: Filter) -> Filter {
        match (self, other) {
            (Filter::True, filter) | (filter, Filter::True) => filter,
            (Filter::False, _) | (_, Filter::False) => Filter::False,
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
            (Filter::True, _) | (_, Filter::True) => Filter::True,
            (Filter::Any(mut any), Filter::Any(more)) => {
                any.extend(more);
                Filter::Any(any)
            }
            (Filter::Any(mut any), filter) => {
                any.push(filter);
                Filter::Any(any)
            }
            (filter, Filter::Any(mut any)) => {
                any.insert(0, filter);
                Filter::Any(any)
            }
            (left, right) => Filter::Any(vec![left, right]),
        }
    }
}

fn without_null(mut operands: Vec<Operand>) -> (Vec<Operand>, bool) {
    let before = operands.len();
    operands.retain(|operand| *operand != Operand::Cell(Value::Null));
    let null = operands.len() < before;
    (operands, null)
}

impl Operand {
    /// A JSON value as the operand of a test inside JSON.
    pub fn from_json(json: serde_json::Value) -> Self {
        use serde_json::Value as Json;
        match json {
            Json::Null => Operand::Cell(Value::Null),
            Json::Bool(flag) => Operand::Boolean(flag),
            Json::Number(number) => Operand::Cell(match number.as_i64() {
                Some(integer) => Value::Integer(integer),
                // Without `arbitrary_precision` every JSON number is an integer or a float.
                None => Value::Number(number.as_f64().unwrap_or(f64::NAN)),
            }),
            Json::String(text) => Operand::Cell(Value::Text(text)),
            json => Operand::Json(json),
        }
    }

    /// The operand as JSON; `None` for NaN and the infinities, which JSON does not have.
    pub fn to_json(&self) -> Option<serde_json::Value> {
        use serde_json::Value as Json;
        Some(match self {
            Operand::Cell(Value::Null) => Json::Null,
            Operand::Cell(Value::Integer(integer)) => (*integer).into(),
            Operand::Cell(Value::Number(number)) => Json::Number(serde_json::Number::from_f64(*number)?),
            Operand::Cell(Value::Text(text)) => text.as_str().into(),
            Operand::Boolean(flag) => (*flag).into(),
            Operand::Json(json) => json.clone(),
        })
    }
}
