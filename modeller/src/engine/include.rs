//! Documents with related ones, from Rust: `User::find().with(Comment::AUTHOR).all(cx)`.

use std::marker::PhantomData;
use std::sync::Arc;

use super::with::{Keys, each_of};
use super::{Cx, Find};
use crate::model::{self, Code, Column, Doc, Error, Link, Model, Refers, Result, Row, RowView};
use crate::query::limits::MAX_RELATED;
use crate::query::{Filter, Op, Operand, Path, Predicate, Select, Sort, compare};
use crate::store::{self, Answer, Look, Rows, View};

impl<M: Model> Find<M> {
    /// With the documents that refer to each one by this column. All is read at one moment, with one query more.
    ///
    /// ```no_run
    /// # use modeller::prelude::*;
    /// # #[derive(Serialize, Deserialize, JsonSchema, Validate, Model)]
    /// # pub struct User { pub name: String }
    /// # #[derive(Serialize, Deserialize, JsonSchema, Validate, Model)]
    /// # pub struct Comment { pub author: Ref<User>, pub text: String }
    /// # async fn example(cx: &Cx) -> Result<()> {
    /// let users: Vec<(Doc<User>, Vec<Doc<Comment>>)> =
    ///     User::find().with(Comment::AUTHOR).order_by(Comment::CREATED_AT.desc()).limit(5).all(cx).await?;
    /// # let _ = users; Ok(())
    /// # }
    /// ```
    ///
    /// A column that refers to another model does not compile:
    ///
    /// ```compile_fail,E0271
    /// # use modeller::prelude::*;
    /// # #[derive(Serialize, Deserialize, JsonSchema, Validate, Model)]
    /// # pub struct User { pub name: String }
    /// # #[derive(Serialize, Deserialize, JsonSchema, Validate, Model)]
    /// # pub struct Comment { pub author: Ref<User>, pub text: String }
    /// let query = Comment::find().with(Comment::AUTHOR);
    /// ```
    pub fn with<C: Model, T: Refers<Model = M>>(self, column: Column<C, T>) -> With<M, C> {
        With { find: self, related: related(), link: column.link().turned() }
    }

    /// With the document that each one refers to by this column; of a list, with all of them. All is read at one moment, with
    /// one query more. What is not there (any more) is left out.
    ///
    /// ```no_run
    /// # use modeller::prelude::*;
    /// # #[derive(Serialize, Deserialize, JsonSchema, Validate, Model)]
    /// # pub struct User { pub name: String }
    /// # #[derive(Serialize, Deserialize, JsonSchema, Validate, Model)]
    /// # pub struct Comment { pub author: Ref<User>, pub text: String }
    /// # async fn example(cx: &Cx) -> Result<()> {
    /// let comments: Vec<(Doc<Comment>, Option<Doc<User>>)> =
    ///     Comment::find().limit(20).include(Comment::AUTHOR).all(cx).await?;
    /// # let _ = comments; Ok(())
    /// # }
    /// ```
    pub fn include<T: Refers>(self, column: Column<M, T>) -> Include<M, T> {
        Include { find: self, related: related(), link: column.link(), types: PhantomData }
    }
}

fn related<C: Model>() -> Find<C> {
    <C as super::Records>::find()
}

/// A query in the making, for documents and those that refer to them.
#[derive(Debug)]
#[must_use = "a query does nothing until it is asked for `all` or `first`"]
pub struct With<M, C> {
    find: Find<M>,
    related: Find<C>,
    link: Link,
}

impl<M: Model, C: Model> With<M, C> {
    /// Only those that fulfil this condition are loaded; the documents that they refer to come all the same.
    pub fn filter(self, condition: Predicate<C>) -> Self {
        With { related: self.related.filter(condition), ..self }
    }

    /// In this order; by id unless it is given.
    pub fn order_by(self, sort: Sort<C>) -> Self {
        With { related: self.related.order_by(sort), ..self }
    }

    /// This many at most for each document.
    pub fn limit(self, count: u64) -> Self {
        With { related: self.related.limit(count), ..self }
    }

    /// All documents, each with those that refer to it.
    ///
    /// # Errors
    /// If the store can't be read.
    pub async fn all(self, cx: &Cx) -> Result<Vec<(Doc<M>, Vec<Doc<C>>)>> {
        let found = find(cx, self.find.select(cx)?, self.related.select(cx)?, self.link).await?;
        found.pairs(Ok)
    }

    /// The first document, with those that refer to it.
    ///
    /// # Errors
    /// If the store can't be read.
    pub async fn first(self, cx: &Cx) -> Result<Option<(Doc<M>, Vec<Doc<C>>)>> {
        let first = With { find: self.find.limit(1), ..self };
        Ok(first.all(cx).await?.into_iter().next())
    }
}

/// A query in the making, for documents and those that they refer to.
#[derive(Debug)]
#[must_use = "a query does nothing until it is asked for `all` or `first`"]
pub struct Include<M, T: Refers> {
    find: Find<M>,
    related: Find<T::Model>,
    link: Link,
    types: PhantomData<fn() -> T>,
}

impl<M: Model, T: Refers> Include<M, T> {
    /// Only what fulfils this condition is loaded; the documents that refer to it come all the same.
    pub fn filter(self, condition: Predicate<T::Model>) -> Self {
        Include { related: self.related.filter(condition), ..self }
    }

    /// Of a list, in this order; in that of the list unless it is given.
    pub fn order_by(self, sort: Sort<T::Model>) -> Self {
        Include { related: self.related.order_by(sort), ..self }
    }

    /// All documents, each with what it refers to.
    ///
    /// # Errors
    /// If the store can't be read.
    pub async fn all(self, cx: &Cx) -> Result<Vec<(Doc<M>, T::Docs)>> {
        let found = find(cx, self.find.select(cx)?, self.related.select(cx)?, self.link).await?;
        found.pairs(|docs| Ok(T::docs(docs)))
    }

    /// The first document, with what it refers to.
    ///
    /// # Errors
    /// If the store can't be read.
    pub async fn first(self, cx: &Cx) -> Result<Option<(Doc<M>, T::Docs)>> {
        let first = Include { find: self.find.limit(1), ..self };
        Ok(first.all(cx).await?.into_iter().next())
    }
}

/// What is read: documents, and what belongs to them.
struct Asked {
    select: Select,
    related: Select,
    link: Link,
}

struct Found {
    asked: Arc<Asked>,
    rows: Vec<Row>,
    related: Vec<Row>,
    keys: Keys,
    /// The related rows of each key.
    groups: Vec<Vec<usize>>,
}

async fn find(cx: &Cx, select: Select, related: Select, link: Link) -> Result<Found> {
    let asked = Arc::new(Asked { select, related, link });
    let look: Look = Arc::new(move |view| {
        let asked = Arc::clone(&asked);
        Box::pin(async move { Ok(Box::new(read(view, asked).await?) as Answer) })
    });
    match cx.view(look).await?.downcast::<Found>() {
        Ok(found) => Ok(*found),
        Err(_) => Err(Error::new(Code::InternalError, "the store answered something else than was found")),
    }
}

async fn read(view: &mut dyn View, asked: Arc<Asked>) -> Result<Found> {
    let Asked { select, related, link } = &*asked;
    let rows = store::sink::<Rows>(view.read(select, Rows::of(select.shape)).await?).rows;
    let mut keys = Keys::of_link(link);
    rows.iter().for_each(|row| keys.push(row.cell(link.column)));
    let each = related.count.and_then(|count| each_of(link, count));
    let mut found = Vec::new();
    for values in keys.values().chunks(MAX_RELATED) {
        let operands = values.iter().cloned().map(Operand::Cell).collect();
        let filter = Filter::Test(Path::column(link.target), Op::In(operands)).and(related.filter.clone());
        let select = Select { filter, count: None, ..related.clone() };
        let sink = Rows::of(related.shape);
        let sink = match each {
            Some(each) => view.read_each(&select, each, sink).await?,
            None => view.read(&select, sink).await?,
        };
        found.extend(store::sink::<Rows>(sink).rows);
    }
    let most = related.count.map_or(usize::MAX, |count| usize::try_from(count).unwrap_or(usize::MAX));
    let mut groups = vec![Vec::new(); keys.values().len()];
    let is_list = link.to.columns[link.target].array;
    for (at, row) in found.iter().enumerate() {
        keys.find(is_list, row.cell(link.target), |number| {
            let group: &mut Vec<usize> = &mut groups[number as usize];
            if group.len() < most {
                group.push(at);
            }
        });
    }
    Ok(Found { rows, related: found, keys, groups, asked: Arc::clone(&asked) })
}

impl Found {
    fn pairs<M: Model, C: Model, D>(
        &self,
        docs: impl Fn(Vec<Doc<C>>) -> Result<D>,
    ) -> Result<Vec<(Doc<M>, D)>> {
        let pair = |(at, row): (usize, &Row)| {
            let related = self.related_to(at).into_iter();
            let shape = self.asked.related.shape;
            let related =
                related.map(|at| model::doc_from_row(shape, &self.related[at])).collect::<Result<_>>()?;
            Ok((model::doc_from_row(self.asked.select.shape, row)?, docs(related)?))
        };
        self.rows.iter().enumerate().map(pair).collect()
    }

    fn related_to(&self, document: usize) -> Vec<usize> {
        let keys = self.keys.of(document);
        let mut related: Vec<usize> =
            keys.iter().flat_map(|&key| &self.groups[key as usize]).copied().collect();
        let Select { shape, order, .. } = &self.asked.related;
        if keys.len() > 1 && !order.is_empty() {
            related.sort_by(|&left, &right| compare(shape, order, &self.related[left], &self.related[right]));
        }
        related
    }
}
