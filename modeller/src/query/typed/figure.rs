//! Figures of columns, and columns to group by: `User::AGE.max()`, `User::find().group_by(User::ROLE)`.

use std::fmt;
use std::marker::PhantomData;

use serde::de::DeserializeOwned;

use crate::model::{Code, Column, Error, Model, Result, Row, write_cell};
use crate::query::{Aggregate, Aggregation, Averaged, Function, Numeric, Ordered, Path};

/// A figure over documents of model `M`, which comes as a `T`: `User::AGE.max()`.
#[must_use = "a figure does nothing until a query is asked for it"]
pub struct Figure<M, T> {
    aggregate: Aggregate,
    types: PhantomData<fn() -> (M, T)>,
}

impl<M> Figure<M, u64> {
    /// How many documents there are.
    pub fn count() -> Self {
        Figure { aggregate: Aggregate::Rows, types: PhantomData }
    }
}

impl<M, T> Clone for Figure<M, T> {
    fn clone(&self) -> Self {
        Figure { aggregate: self.aggregate.clone(), types: PhantomData }
    }
}

impl<M, T> fmt::Debug for Figure<M, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.aggregate.fmt(f)
    }
}

impl<M: Model, T> Column<M, T> {
    /// How many documents have a value here.
    pub fn count(self) -> Figure<M, u64> {
        self.figure(Function::Count, false)
    }

    /// How many different values there are.
    pub fn count_distinct(self) -> Figure<M, u64> {
        self.figure(Function::Count, true)
    }

    /// All different values, in their order; absent ones are none.
    pub fn distinct(self) -> Figure<M, Vec<T>> {
        self.figure(Function::Values, false)
    }

    /// The exact sum; 0 of nothing.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/user.rs"));
    /// # fn main() {
    /// let figures = (User::AGE.sum(), User::AGE.avg(), User::NAME.max());
    /// # }
    /// ```
    ///
    /// What is no number has no sum:
    ///
    /// ```compile_fail,E0277
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/user.rs"));
    /// # fn main() {
    /// let figure = User::NAME.sum();
    /// # }
    /// ```
    pub fn sum(self) -> Figure<M, T::Sum>
    where
        T: Numeric,
    {
        self.figure(Function::Sum, false)
    }

    /// The average; `None` of nothing.
    pub fn avg(self) -> Figure<M, Option<f64>>
    where
        T: Averaged,
    {
        self.figure(Function::Avg, false)
    }

    /// The least value; `None` of nothing.
    pub fn min(self) -> Figure<M, Option<T::Value>>
    where
        T: Ordered,
    {
        self.figure(Function::Min, false)
    }

    /// The greatest value; `None` of nothing.
    pub fn max(self) -> Figure<M, Option<T::Value>>
    where
        T: Ordered,
    {
        self.figure(Function::Max, false)
    }

    fn figure<F>(self, function: Function, distinct: bool) -> Figure<M, F> {
        let path = Path::column(self.index());
        Figure { aggregate: Aggregate::Of { function, path, distinct }, types: PhantomData }
    }
}

/// The cells of an answer, read one after the other as what they are.
pub struct Cells<'a> {
    aggregation: &'a Aggregation,
    row: &'a Row,
    next: usize,
}

impl<'a> Cells<'a> {
    /// Those of one group.
    pub fn new(aggregation: &'a Aggregation, row: &'a Row) -> Self {
        Cells { aggregation, row, next: 0 }
    }

    /// The next one.
    fn read<T: DeserializeOwned>(&mut self) -> Result<T> {
        let at = self.next;
        self.next += 1;
        let mut json = Vec::new();
        if let Some(value) = self.row.0.get(at) {
            write_cell(self.aggregation.kind(at), value.view(), &mut json);
        }
        serde_json::from_slice(&json)
            .map_err(|_| Error::new(Code::InternalError, "a figure does not fit the type of its column"))
    }
}

/// One figure, or several of them as a tuple.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no figure of this model",
    label = "these are no figures",
    note = "a figure is `Figure::count()` or `User::AGE.max()`; up to six of them go into a tuple"
)]
pub trait Figures<M> {
    /// What they come as.
    type Answer;

    /// What to work out.
    fn aggregates(&self) -> Vec<Aggregate>;

    /// Reads them.
    ///
    /// # Errors
    /// `INTERNAL_ERROR` if a value is not of its column's type: somebody changed the table by hand.
    fn read(cells: &mut Cells<'_>) -> Result<Self::Answer>;
}

impl<M, T: DeserializeOwned> Figures<M> for Figure<M, T> {
    type Answer = T;

    fn aggregates(&self) -> Vec<Aggregate> {
        vec![self.aggregate.clone()]
    }

    fn read(cells: &mut Cells<'_>) -> Result<T> {
        cells.read()
    }
}

/// A column to group by, or several of them as a tuple.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no column of this model",
    label = "these are no columns",
    note = "group by `User::ROLE`, or by `(User::ROLE, User::CITY)`; up to four of them go into a tuple"
)]
pub trait Keys<M> {
    /// What they come as.
    type Key;

    /// Where the values are.
    fn paths(&self) -> Vec<Path>;

    /// Reads them.
    ///
    /// # Errors
    /// As [`Figures::read`].
    fn read(cells: &mut Cells<'_>) -> Result<Self::Key>;
}

impl<M, T: DeserializeOwned> Keys<M> for Column<M, T> {
    type Key = T;

    fn paths(&self) -> Vec<Path> {
        vec![Path::column(self.index())]
    }

    fn read(cells: &mut Cells<'_>) -> Result<T> {
        cells.read()
    }
}

macro_rules! tuples {
    ($($trait:ident $out:ident $list:ident $item:ty: $(($($name:ident $at:tt)*))*;)*) => {$($(
        impl<M, $($name: $trait<M>),*> $trait<M> for ($($name,)*) {
            type $out = ($($name::$out,)*);

            fn $list(&self) -> Vec<$item> {
                [$(self.$at.$list()),*].concat()
            }

            fn read(cells: &mut Cells<'_>) -> Result<Self::$out> {
                Ok(($($name::read(cells)?,)*))
            }
        }
    )*)*};
}

tuples! {
    Figures Answer aggregates Aggregate:
        (A 0) (A 0 B 1) (A 0 B 1 C 2) (A 0 B 1 C 2 D 3) (A 0 B 1 C 2 D 3 E 4) (A 0 B 1 C 2 D 3 E 4 F 5);
    Keys Key paths Path: (A 0) (A 0 B 1) (A 0 B 1 C 2) (A 0 B 1 C 2 D 3);
}
