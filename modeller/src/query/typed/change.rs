//! Changes of documents: `User::NAME.set("Ada")`, `Product::STOCK.inc(-1)`.

use std::fmt;
use std::marker::PhantomData;

use serde::Serialize;
use serde_json::Value as Json;

use super::{kind, name};
use crate::model::{Code, Column, Error, Kind, Model, Result, to_value};
use crate::query::update::Operator;
use crate::query::{ListOf, Literal, Numeric, Optional, Ordered};

/// A change of one column of model `M`: a new value, or an operator on the stored one.
#[must_use = "a change does nothing until it is given to an update"]
pub struct Change<M> {
    column: usize,
    operator: Option<Operator>,
    value: Result<Json>,
    model: PhantomData<fn() -> M>,
}

impl<M> Change<M> {
    /// Index of the column among the model's columns.
    pub fn column(&self) -> usize {
        self.column
    }

    /// The operator as the wire has it (`$inc`); `None` if the column gets a new value.
    pub fn operator(&self) -> Option<&'static str> {
        self.operator.map(Operator::name)
    }

    /// The new value, or what the operator works with, as JSON.
    ///
    /// # Errors
    /// `INVALID_QUERY` if the column can't hold the value (NaN, say), or serde can't write it as JSON.
    pub fn into_value(self) -> Result<Json> {
        self.value
    }
}

impl<M> Clone for Change<M> {
    fn clone(&self) -> Self {
        Change { value: self.value.clone(), ..*self }
    }
}

impl<M> fmt::Debug for Change<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operator = self.operator.map_or("=", Operator::name);
        write!(f, "column {} {operator} {:?}", self.column, self.value)
    }
}

impl<M: Model, T> Column<M, T> {
    /// The column with a new value, for an update. One that the column can't hold (NaN, say) makes the update fail.
    pub fn set(self, value: impl Literal<T>) -> Change<M> {
        self.change(None, &value, true)
    }

    /// The stored number and this one added up (on the wire `$inc`); what is absent counts as 0. A result that the type can't hold makes the update fail.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/user.rs"));
    /// # fn main() {
    /// let birthday = User::AGE.inc(1);
    /// # }
    /// ```
    ///
    /// ```compile_fail,E0277
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/user.rs"));
    /// # fn main() {
    /// let change = User::NAME.inc(1);
    /// # }
    /// ```
    pub fn inc(self, amount: impl Into<T::Sum>) -> Change<M>
    where
        T: Numeric<Sum: Serialize>,
    {
        self.change(Some(Operator::Inc), &amount.into(), true)
    }

    /// The stored number times this one (on the wire `$mul`); what is absent counts as 0.
    pub fn times(self, factor: impl Into<T::Sum>) -> Change<M>
    where
        T: Numeric<Sum: Serialize>,
    {
        self.change(Some(Operator::Mul), &factor.into(), true)
    }

    /// This value where the stored one is greater, or absent (on the wire `$min`).
    pub fn at_most(self, value: impl Literal<T>) -> Change<M>
    where
        T: Ordered,
    {
        self.change(Some(Operator::Min), &value, true)
    }

    /// This value where the stored one is less, or absent (on the wire `$max`).
    pub fn at_least(self, value: impl Literal<T>) -> Change<M>
    where
        T: Ordered,
    {
        self.change(Some(Operator::Max), &value, true)
    }

    /// The list with one more element at its end.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/user.rs"));
    /// # fn main() {
    /// let changes = [User::TAGS.push("new"), User::NAME.set("Ada"), User::EMAIL.unset()];
    /// # }
    /// ```
    pub fn push(self, item: impl Literal<T::Item>) -> Change<M>
    where
        T: ListOf,
    {
        self.change(Some(Operator::Push), &item, false)
    }

    /// The list with this element, at its end if it was not there.
    pub fn add_to_set(self, item: impl Literal<T::Item>) -> Change<M>
    where
        T: ListOf,
    {
        self.change(Some(Operator::AddToSet), &item, false)
    }

    /// The list without any element like this one.
    pub fn pull(self, item: impl Literal<T::Item>) -> Change<M>
    where
        T: ListOf,
    {
        self.change(Some(Operator::Pull), &item, false)
    }

    /// No value: what serde makes of a field that is left out.
    pub fn unset(self) -> Change<M>
    where
        T: Optional,
    {
        self.change(Some(Operator::Unset), &true, false)
    }

    /// `as_column`: the value must be one that the column can hold.
    fn change(self, operator: Option<Operator>, value: &impl Serialize, as_column: bool) -> Change<M> {
        let fault = |why: &str| {
            let message = format!("the new value can't be in the column: {why}");
            Error::new(Code::InvalidQuery, message).with_field(name::<M>(self.index()))
        };
        // serde_json writes NaN as `null` and says nothing.
        let kind = if as_column { kind::<M>(self.index()) } else { Kind::Json };
        let value = to_value(value, kind)
            .map_err(|error| fault(error.message()))
            .and_then(|_| serde_json::to_value(value).map_err(|error| fault(&error.to_string())));
        Change { column: self.index(), operator, value, model: PhantomData }
    }
}
