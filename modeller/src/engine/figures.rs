//! Figures from Rust: `User::find().filter(..).sum(&cx, User::AGE)`.

use std::marker::PhantomData;

use serde::de::DeserializeOwned;

use super::records::Find;
use super::{Cx, log};
use crate::model::{Code, Column, Error, Model, Result};
use crate::query::{Aggregate, Aggregation, Averaged, Cells, Figure, Figures, Keys, Numeric, Ordered, Path};

/// Figures over all documents that the query selects, whatever `start` and `limit` say.
impl<M: Model> Find<M> {
    /// One figure, or several of them as a tuple.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/user.rs"));
    /// # async fn example(cx: &modeller::Cx) -> modeller::Result<()> {
    /// use modeller::prelude::*;
    ///
    /// let (documents, oldest) = User::find().figures(cx, (Figure::count(), User::AGE.max())).await?;
    /// # let _: (u64, Option<i64>) = (documents, oldest); Ok(()) }
    /// # fn main() {}
    /// ```
    ///
    /// # Errors
    /// If the store can't be read; `INVALID_QUERY` for a sum that its type can't hold, and for more than 10,000 different values.
    pub async fn figures<F: Figures<M>>(self, cx: &Cx, figures: F) -> Result<F::Answer> {
        let mut aggregation = self.aggregation(cx)?;
        aggregation.aggregates = figures.aggregates();
        let rows = cx.aggregate(&aggregation).await;
        log::figures(cx, aggregation.shape, &rows);
        let rows = rows?;
        let none = || Error::new(Code::InternalError, "the store gave no figures");
        F::read(&mut Cells::new(&aggregation, rows.first().ok_or_else(none)?))
    }

    /// The exact sum of a column; 0 of nothing.
    ///
    /// # Errors
    /// As [`figures`](Find::figures).
    pub async fn sum<T: Numeric>(self, cx: &Cx, column: Column<M, T>) -> Result<T::Sum>
    where
        T::Sum: DeserializeOwned,
    {
        self.figures(cx, column.sum()).await
    }

    /// The average of a column; `None` of nothing.
    ///
    /// # Errors
    /// As [`figures`](Find::figures).
    pub async fn avg<T: Averaged>(self, cx: &Cx, column: Column<M, T>) -> Result<Option<f64>> {
        self.figures(cx, column.avg()).await
    }

    /// The least value of a column; `None` of nothing.
    ///
    /// # Errors
    /// As [`figures`](Find::figures).
    pub async fn min<T: Ordered>(self, cx: &Cx, column: Column<M, T>) -> Result<Option<T::Value>>
    where
        T::Value: DeserializeOwned,
    {
        self.figures(cx, column.min()).await
    }

    /// The greatest value of a column; `None` of nothing.
    ///
    /// # Errors
    /// As [`figures`](Find::figures).
    pub async fn max<T: Ordered>(self, cx: &Cx, column: Column<M, T>) -> Result<Option<T::Value>>
    where
        T::Value: DeserializeOwned,
    {
        self.figures(cx, column.max()).await
    }

    /// How many different values a column has.
    ///
    /// # Errors
    /// As [`figures`](Find::figures).
    pub async fn count_distinct<T>(self, cx: &Cx, column: Column<M, T>) -> Result<u64> {
        self.figures(cx, column.count_distinct()).await
    }

    /// The different values of a column, in their order; absent ones are none.
    ///
    /// # Errors
    /// As [`figures`](Find::figures).
    pub async fn distinct<T: DeserializeOwned>(self, cx: &Cx, column: Column<M, T>) -> Result<Vec<T>> {
        self.figures(cx, column.distinct()).await
    }

    /// Groups the documents by the values of a column, or of several columns as a tuple.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doctests/user.rs"));
    /// # async fn example(cx: &modeller::Cx) -> modeller::Result<()> {
    /// use modeller::prelude::*;
    ///
    /// let ages = User::find().group_by(User::AGE).figures(cx, (Figure::count(), User::NAME.min())).await?;
    /// for (age, (documents, first_name)) in ages {
    ///     println!("{age:?}: {documents}, the first is {first_name:?}");
    /// }
    /// # Ok(()) }
    /// # fn main() {}
    /// ```
    pub fn group_by<K: Keys<M>>(self, keys: K) -> Grouped<M, K> {
        Grouped { find: self, paths: keys.paths(), keys: PhantomData }
    }

    fn aggregation(&self, cx: &Cx) -> Result<Aggregation> {
        let select = self.select(cx)?;
        Ok(Aggregation::new(select.shape, select.filter, Vec::new()))
    }
}

/// A query whose documents are grouped: [`Find::group_by`].
#[derive(Debug)]
#[must_use = "groups do nothing until they are asked for `figures`, `count` or `keys`"]
pub struct Grouped<M, K> {
    find: Find<M>,
    paths: Vec<Path>,
    keys: PhantomData<fn() -> K>,
}

impl<M: Model, K: Keys<M>> Grouped<M, K> {
    /// The figures of each group, beside its keys, in the order of the keys; documents without a value come first.
    ///
    /// # Errors
    /// As [`Find::figures`], and `INVALID_QUERY` for more than 10,000 groups.
    pub async fn figures<F: Figures<M>>(self, cx: &Cx, figures: F) -> Result<Vec<(K::Key, F::Answer)>> {
        self.read(cx, figures.aggregates(), |cells| Ok((K::read(cells)?, F::read(cells)?))).await
    }

    /// How many documents each group has, beside its keys, in the order of the keys.
    ///
    /// # Errors
    /// As [`figures`](Grouped::figures).
    pub async fn count(self, cx: &Cx) -> Result<Vec<(K::Key, u64)>> {
        self.figures(cx, Figure::count()).await
    }

    /// The keys of the groups, in their order.
    ///
    /// # Errors
    /// As [`figures`](Grouped::figures).
    pub async fn keys(self, cx: &Cx) -> Result<Vec<K::Key>> {
        self.read(cx, Vec::new(), K::read).await
    }

    async fn read<T>(
        self,
        cx: &Cx,
        aggregates: Vec<Aggregate>,
        read: impl Fn(&mut Cells<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut aggregation = self.find.aggregation(cx)?;
        aggregation.group_by = self.paths;
        aggregation.aggregates = aggregates;
        let rows = cx.aggregate(&aggregation).await;
        log::figures(cx, aggregation.shape, &rows);
        rows?.iter().map(|row| read(&mut Cells::new(&aggregation, row))).collect()
    }
}
