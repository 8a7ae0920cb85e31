//! The operators of columns: `User::AGE.gt(18) & User::NAME.starts_with("A")`.

mod change;
mod figure;

use std::fmt;
use std::marker::PhantomData;
use std::ops::{BitAnd, BitOr, Not};

use serde::Serialize;

pub use change::Change;
pub use figure::{Cells, Figure, Figures, Keys};

use super::{Filter, ListOf, Literal, Op, Operand, Order, Ordered, Path, Textual};
use crate::model::{Code, Column, Error, Kind, Model, Result, Value, to_value};

/// A condition on documents of model `M`, checked by the compiler. `&`, `|` and `!` combine conditions.
///
/// As in SQL, what is asked of an absent value is neither true nor false: neither `AGE.gt(18)` nor `!AGE.gt(18)` finds documents
/// without an age, and `AGE.ne(18)` does not either; `AGE.is_null()` does.
#[must_use = "a predicate does nothing until it is given to a query"]
pub struct Predicate<M> {
    filter: Filter,
    fault: Option<Error>,
    model: PhantomData<fn() -> M>,
}

/// A sort key of model `M`: `User::NAME.asc()`.
#[must_use = "a sort key does nothing until it is given to a query"]
pub struct Sort<M> {
    order: Order,
    model: PhantomData<fn() -> M>,
}

impl<M> Predicate<M> {
    fn new(filter: Filter) -> Self {
        Predicate { filter, fault: None, model: PhantomData }
    }

    pub(super) fn from_result(filter: Result<Filter>) -> Self {
        match filter {
            Ok(filter) => Self::new(filter),
            Err(fault) => Predicate { filter: Filter::False, fault: Some(fault), model: PhantomData },
        }
    }

    fn combine(self, other: Self, with: impl FnOnce(Filter, Filter) -> Filter) -> Self {
        Predicate {
            filter: with(self.filter, other.filter),
            fault: self.fault.or(other.fault),
            model: PhantomData,
        }
    }

    /// The condition as a filter.
    ///
    /// # Errors
    /// `INVALID_QUERY` if a value can't be in the column it is compared with (NaN, an integer above 2⁶³−1).
    pub fn into_filter(self) -> Result<Filter> {
        match self.fault {
            Some(fault) => Err(fault),
            None => Ok(self.filter),
        }
    }
}

/// The condition as a filter. One with a value that its column can't hold (NaN, say) selects nothing;
/// [`into_filter`](Predicate::into_filter) tells why.
impl<M> From<Predicate<M>> for Filter {
    fn from(predicate: Predicate<M>) -> Self {
        predicate.into_filter().unwrap_or(Filter::False)
    }
}

impl<M> BitAnd for Predicate<M> {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        self.combine(other, Filter::and)
    }
}

impl<M> BitOr for Predicate<M> {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.combine(other, Filter::or)
    }
}

impl<M> Not for Predicate<M> {
    type Output = Self;

    fn not(self) -> Self {
        Predicate { filter: self.filter.negate(), ..self }
    }
}

impl<M> Clone for Predicate<M> {
    fn clone(&self) -> Self {
        Predicate { filter: self.filter.clone(), fault: self.fault.clone(), model: PhantomData }
    }
}

impl<M> fmt::Debug for Predicate<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.filter.fmt(f)
    }
}

impl<M> From<Sort<M>> for Order {
    fn from(sort: Sort<M>) -> Self {
        sort.order
    }
}

impl<M> Clone for Sort<M> {
    fn clone(&self) -> Self {
        Sort { order: self.order.clone(), model: PhantomData }
    }
}

impl<M> fmt::Debug for Sort<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.order.fmt(f)
    }
}

impl<M: Model, T> Column<M, T> {
    /// Equal. `None` asks for documents without a value.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/user.rs"));
    /// # fn main() {
    /// let predicate = User::NAME.eq("Ada") & User::AGE.eq(36) | !User::EMAIL.is_null();
    /// # }
    /// ```
    ///
    /// A value of another type does not compile:
    ///
    /// ```compile_fail,E0277
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/user.rs"));
    /// # fn main() {
    /// let predicate = User::NAME.eq(36);
    /// # }
    /// ```
    pub fn eq(self, value: impl Literal<T>) -> Predicate<M> {
        self.one(&value, Op::Eq)
    }

    /// Not equal, and not absent. `None` asks for documents with a value.
    pub fn ne(self, value: impl Literal<T>) -> Predicate<M> {
        self.one(&value, Op::Ne)
    }

    /// One of these values.
    pub fn is_in<L: Literal<T>>(self, values: impl IntoIterator<Item = L>) -> Predicate<M> {
        self.several(values, Filter::one_of)
    }

    /// None of these values, and not absent.
    pub fn not_in<L: Literal<T>>(self, values: impl IntoIterator<Item = L>) -> Predicate<M> {
        self.several(values, Filter::none_of)
    }

    /// Absent.
    pub fn is_null(self) -> Predicate<M> {
        self.test(Op::Exists(false))
    }

    /// Present.
    pub fn is_not_null(self) -> Predicate<M> {
        self.test(Op::Exists(true))
    }

    /// Smallest first. Documents without a value come first.
    pub fn asc(self) -> Sort<M> {
        Sort { order: Order { path: Path::column(self.index()), descending: false }, model: PhantomData }
    }

    /// Largest first. Documents without a value come last.
    pub fn desc(self) -> Sort<M> {
        Sort { order: Order { path: Path::column(self.index()), descending: true }, model: PhantomData }
    }

    fn test(self, op: Op) -> Predicate<M> {
        Predicate::new(Filter::Test(Path::column(self.index()), op))
    }

    fn one(self, value: &impl Serialize, op: fn(Operand) -> Op) -> Predicate<M> {
        let operand = operand_of(value, kind::<M>(self.index()));
        Predicate::from_result(operand.map(|operand| Filter::Test(Path::column(self.index()), op(operand))))
    }

    fn several<L: Serialize>(
        self,
        values: impl IntoIterator<Item = L>,
        filter: fn(Path, Vec<Operand>) -> Filter,
    ) -> Predicate<M> {
        let kind = kind::<M>(self.index());
        let operands = values.into_iter().map(|value| operand_of(&value, kind)).collect::<Result<_>>();
        Predicate::from_result(operands.map(|operands| filter(Path::column(self.index()), operands)))
    }
}

// The bounds are on the methods, so that a wrong type is told which rule it breaks.
impl<M: Model, T> Column<M, T> {
    /// Greater.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/user.rs"));
    /// # fn main() {
    /// let predicate = User::AGE.gt(18) & User::NAME.lt("M");
    /// # }
    /// ```
    ///
    /// Types without an order have no such operator:
    ///
    /// ```compile_fail,E0277
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/user.rs"));
    /// # fn main() {
    /// let predicate = User::TAGS.gt(vec![]);
    /// # }
    /// ```
    pub fn gt(self, value: impl Literal<T>) -> Predicate<M>
    where
        T: Ordered,
    {
        self.one(&value, Op::Gt)
    }

    /// Greater or equal.
    pub fn gte(self, value: impl Literal<T>) -> Predicate<M>
    where
        T: Ordered,
    {
        self.one(&value, Op::Gte)
    }

    /// Less.
    pub fn lt(self, value: impl Literal<T>) -> Predicate<M>
    where
        T: Ordered,
    {
        self.one(&value, Op::Lt)
    }

    /// Less or equal.
    pub fn lte(self, value: impl Literal<T>) -> Predicate<M>
    where
        T: Ordered,
    {
        self.one(&value, Op::Lte)
    }

    /// From `least` to `most`, both included.
    pub fn between(self, least: impl Literal<T>, most: impl Literal<T>) -> Predicate<M>
    where
        T: Ordered,
    {
        self.gte(least) & self.lte(most)
    }
}

impl<M: Model, T> Column<M, T> {
    /// The text has this inside; case counts.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/user.rs"));
    /// # fn main() {
    /// let predicate = User::EMAIL.contains("@") & User::NAME.like("A%a");
    /// # }
    /// ```
    ///
    /// ```compile_fail,E0277
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/user.rs"));
    /// # fn main() {
    /// let predicate = User::AGE.contains("3");
    /// # }
    /// ```
    pub fn contains(self, part: impl Into<String>) -> Predicate<M>
    where
        T: Textual,
    {
        self.test(Op::Contains(part.into()))
    }

    /// The text begins with this; case counts. An index of the column answers it.
    pub fn starts_with(self, prefix: impl Into<String>) -> Predicate<M>
    where
        T: Textual,
    {
        self.test(Op::StartsWith(prefix.into()))
    }

    /// The text ends with this; case counts.
    pub fn ends_with(self, end: impl Into<String>) -> Predicate<M>
    where
        T: Textual,
    {
        self.test(Op::EndsWith(end.into()))
    }

    /// The text is like this pattern: `%` stands for any characters, `_` for one, `\` takes the next literally; case counts.
    pub fn like(self, pattern: impl Into<String>) -> Predicate<M>
    where
        T: Textual,
    {
        self.test(Op::like(pattern))
    }
}

impl<M: Model, T> Column<M, T> {
    /// The list has this element. `None` is no element to ask for: such a condition is at fault.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/user.rs"));
    /// # fn main() {
    /// let predicate = User::TAGS.has("admin");
    /// # }
    /// ```
    ///
    /// ```compile_fail,E0277
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/user.rs"));
    /// # fn main() {
    /// let predicate = User::TAGS.has(1);
    /// # }
    /// ```
    ///
    /// Columns of two models don't mix:
    ///
    /// ```compile_fail,E0308
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/user.rs"));
    /// # fn main() {
    /// # struct Post;
    /// fn of_posts(predicate: modeller::query::Predicate<Post>) {}
    /// of_posts(User::TAGS.has("admin"));
    /// # }
    /// ```
    pub fn has(self, item: impl Literal<T::Item>) -> Predicate<M>
    where
        T: ListOf,
    {
        let operand = match operand_of(&item, kind::<M>(self.index())) {
            // It would ask whether there is a list.
            Ok(Operand::Cell(Value::Null)) => {
                let message = "a list is asked for an element, and `None` is none";
                Err(Error::new(Code::InvalidQuery, message).with_field(name::<M>(self.index())))
            }
            operand => operand,
        };
        let test = |operand| Filter::Test(Path::column(self.index()), Op::Eq(operand));
        Predicate::from_result(operand.map(test))
    }
}

fn name<M: Model>(column: usize) -> &'static str {
    M::descriptor().shape().columns.get(column).map_or("", |column| &column.name)
}

fn kind<M: Model>(column: usize) -> Kind {
    M::descriptor().shape().columns.get(column).map_or(Kind::Json, |column| column.kind)
}

/// A Rust value as an operand: what a column of this kind would hold.
fn operand_of(value: &impl Serialize, kind: Kind) -> Result<Operand> {
    let fault = |message: &str| {
        Error::new(Code::InvalidQuery, format!("the value can't be compared with the column: {message}"))
    };
    match to_value(value, kind).map_err(|error| fault(error.message()))? {
        Value::Text(text) if kind == Kind::Json => match serde_json::from_str(&text) {
            Ok(json) => Ok(Operand::from_json(json)),
            Err(_) => Err(fault("it is no JSON")),
        },
        value => Ok(Operand::Cell(value)),
    }
}

mod related;
#[cfg(test)]
mod tests;
