//! The typed Rust API: `User::insert(&cx, user)`, `User::find().filter(..).all(&cx)`.

mod hits;

use std::marker::PhantomData;
use std::ops::ControlFlow;

pub use hits::Hit;

use super::behaviour::Timing;
use super::hooked::Draft;
use super::patch::Patch;
use super::pipeline::{insertion, upsert_filter};
use super::scope::{trashed, visible};
use super::search::check_paged;
use super::write::{self, Write, Written};
use super::{Cx, Listing, Operation, log};
use crate::model::{self, Code, Column, Doc, Error, Id, Model, Record, Refers, Result, Row, RowView, Shape};
use crate::query::limits::DEFAULT_COUNT;
use crate::query::{Access, Cursor, Filter, Order, Predicate, Seal, Select, Sort};
use crate::store::{self, Sink};

/// What can be done with every model from Rust. It is code of the application: nothing is hidden from it.
///
/// ```no_run
/// use modeller::prelude::*;
///
/// # #[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
/// # pub struct User { pub email: String, pub age: i64 }
/// # async fn example(cx: &Cx) -> Result<()> {
/// let ada = User::insert(cx, User { email: "ada@example.org".into(), age: 36 }).await?;
/// let ada = User::update(cx, &ada.id, User::AGE.set(37)).await?;
/// let grown_ups = User::find().filter(User::AGE.gte(18)).order_by(User::AGE.desc()).limit(20).all(cx).await?;
/// # let _ = (ada, grown_ups); Ok(())
/// # }
/// ```
pub trait Records: Model {
    /// Adds a document.
    ///
    /// # Errors
    /// `VALIDATION_ERROR` (also for a reference to nothing), `UNIQUE_VIOLATION`.
    fn insert(cx: &Cx, model: Self) -> impl Future<Output = Result<Doc<Self>>> + Send {
        async move { one(insert(cx, vec![model]).await?) }
    }

    /// Adds all of them, or none.
    ///
    /// # Errors
    /// As [`insert`](Records::insert).
    fn insert_many(cx: &Cx, models: Vec<Self>) -> impl Future<Output = Result<Vec<Doc<Self>>>> + Send {
        async move { docs(insert(cx, models).await?) }
    }

    /// The document with this id, if there is one.
    ///
    /// # Errors
    /// If the store can't be read.
    fn get(cx: &Cx, id: impl Into<Id<Self>>) -> impl Future<Output = Result<Option<Doc<Self>>>> + Send {
        let find = Self::find().and(Filter::id(id.into().as_str()));
        async move { find.first(cx).await }
    }

    /// A query to build on: filter, order and page it, then ask for `all`, `first` or `count`.
    fn find() -> Find<Self> {
        Find {
            filter: Filter::True,
            order: Vec::new(),
            start: 0,
            count: None,
            fault: None,
            trashed: false,
            model: PhantomData,
        }
    }

    /// The condition that some document of another model refers to this one by its column, and fulfils the condition given.
    /// `!User::has(..)` is that none does.
    ///
    /// ```no_run
    /// # use modeller::prelude::*;
    /// # #[derive(Serialize, Deserialize, JsonSchema, Validate, Model)]
    /// # pub struct User { pub name: String }
    /// # #[derive(Serialize, Deserialize, JsonSchema, Validate, Model)]
    /// # pub struct Comment { pub author: Ref<User>, pub text: String }
    /// # async fn example(cx: &Cx) -> Result<()> {
    /// let users = User::find().filter(User::has(Comment::AUTHOR, Comment::TEXT.contains("x"))).all(cx).await?;
    /// # let _ = users; Ok(())
    /// # }
    /// ```
    fn has<C: Model, T: Refers<Model = Self>>(
        column: Column<C, T>,
        condition: Predicate<C>,
    ) -> Predicate<Self> {
        column.referred_by(condition)
    }

    /// One page of documents by id: `count` of them after the first `start`. The model's hooks for lists run around it; those of
    /// other reads do not exist.
    ///
    /// # Errors
    /// If the store can't be read.
    fn list(cx: &Cx, start: u64, count: u64) -> impl Future<Output = Result<Vec<Doc<Self>>>> + Send {
        async move {
            let shape = Self::descriptor().shape();
            let Some(hooks) = cx.engine().hooks().of(shape, Operation::List) else {
                return Self::find().start(start).limit(count).all(cx).await;
            };
            let arguments = serde_json::json!({ "start": start, "count": count });
            let mut listing =
                Listing { shape, filter: Filter::True, order: Vec::new(), start, count, arguments };
            cx.around_list(&hooks, Timing::Before, &mut listing).await?;
            let Listing { filter, order, start, count, .. } = listing.clone();
            let find = Find { order, ..Self::find() }.and(filter);
            let docs = find.start(start).limit(count).all(cx).await?;
            cx.around_list(&hooks, Timing::After, &mut listing).await?;
            Ok(docs)
        }
    }

    /// The next page of documents by id, after a cursor of the page before.
    ///
    /// # Errors
    /// `INVALID_CURSOR`.
    fn paginate(cx: &Cx, count: u64, after: Option<&str>) -> impl Future<Output = Result<Page<Self>>> + Send {
        async move { Self::find().limit(count).page(cx, after).await }
    }

    /// The documents that were inserted first.
    ///
    /// # Errors
    /// If the store can't be read.
    fn first(cx: &Cx, count: u64) -> impl Future<Output = Result<Vec<Doc<Self>>>> + Send {
        async move { Find { order: insertion(false), ..Self::find() }.limit(count).all(cx).await }
    }

    /// The documents that were inserted last, newest first.
    ///
    /// # Errors
    /// If the store can't be read.
    fn last(cx: &Cx, count: u64) -> impl Future<Output = Result<Vec<Doc<Self>>>> + Send {
        async move { Find { order: insertion(true), ..Self::find() }.limit(count).all(cx).await }
    }

    /// How many documents there are.
    ///
    /// # Errors
    /// If the store can't be read.
    fn count(cx: &Cx) -> impl Future<Output = Result<u64>> + Send {
        async move { Self::find().count(cx).await }
    }

    /// Changes the document with this id.
    ///
    /// # Errors
    /// `NOT_FOUND`, `VALIDATION_ERROR` (also for a reference to nothing), `UNIQUE_VIOLATION`; `REFERENCED` if other documents
    /// refer to a value that would change; `INVALID_QUERY` for a value that its column can't hold.
    fn update(
        cx: &Cx,
        id: impl Into<Id<Self>>,
        patch: impl Into<Patch<Self>>,
    ) -> impl Future<Output = Result<Doc<Self>>> + Send {
        let filter = Filter::id(id.into().as_str());
        let patch = patch.into();
        async move {
            let write = Write::Update { filter: filter.into(), patch: patch.into_json()?, expected: None };
            one(run::<Self>(cx, write).await?)
        }
    }

    /// Changes all documents that fulfil the condition, and answers them.
    ///
    /// # Errors
    /// As [`update`](Records::update), but for `NOT_FOUND`; `INVALID_QUERY` if more than 10,000 documents fulfil the condition.
    fn update_where(
        cx: &Cx,
        condition: Predicate<Self>,
        patch: impl Into<Patch<Self>>,
    ) -> impl Future<Output = Result<Vec<Doc<Self>>>> + Send {
        let patch = patch.into();
        async move {
            let write =
                Write::Update { filter: some(condition)?.into(), patch: patch.into_json()?, expected: None };
            docs(run::<Self>(cx, write).await?)
        }
    }

    /// Writes back a document that was read and changed, unless somebody else has written it meanwhile.
    ///
    /// # Errors
    /// `CONFLICT`, and as [`update`](Records::update).
    fn save(cx: &Cx, doc: &Doc<Self>) -> impl Future<Output = Result<Doc<Self>>> + Send {
        async move {
            let filter = Filter::id(doc.id.as_str());
            let patch = write::Patch::Replace(checked(&doc.data)?);
            let write = Write::Update { filter: filter.into(), patch, expected: Some(doc.version) };
            one(run::<Self>(cx, write).await?)
        }
    }

    /// Replaces the document that has the same key or unique fields, or adds this one. Answers whether it was added, too.
    ///
    /// # Errors
    /// `INVALID_QUERY` if the model has neither key nor unique fields; else as [`update`](Records::update).
    fn upsert(cx: &Cx, model: Self) -> impl Future<Output = Result<(Doc<Self>, bool)>> + Send {
        async move {
            let shape = Self::descriptor().shape();
            let row = checked(&model)?;
            let filter = upsert_filter(shape, Filter::True, &row, Access::Full)?.into();
            let write = Write::Upsert { filter, patch: write::Patch::Replace(row.clone()), row };
            let written = run::<Self>(cx, write).await?;
            let created = written.created;
            Ok((one(written)?, created))
        }
    }

    /// Removes the document with this id (to the trash, if the model has one), and answers it.
    ///
    /// # Errors
    /// `NOT_FOUND`; `REFERENCED` if other documents refer to it.
    fn delete(cx: &Cx, id: impl Into<Id<Self>>) -> impl Future<Output = Result<Doc<Self>>> + Send {
        let filter = Filter::id(id.into().as_str());
        async move { one(run::<Self>(cx, Write::Delete { filter: filter.into(), expected: None }).await?) }
    }

    /// Removes all documents that fulfil the condition, and answers them.
    ///
    /// # Errors
    /// As [`delete`](Records::delete), but for `NOT_FOUND`; `INVALID_QUERY` if more than 10,000 documents fulfil the condition.
    fn delete_where(
        cx: &Cx,
        condition: Predicate<Self>,
    ) -> impl Future<Output = Result<Vec<Doc<Self>>>> + Send {
        async move {
            let write = Write::Delete { filter: some(condition)?.into(), expected: None };
            docs(run::<Self>(cx, write).await?)
        }
    }

    /// Brings the document with this id back from the trash.
    ///
    /// # Errors
    /// `NOT_FOUND`; `METHOD_NOT_FOUND` if the model has no trash; `UNIQUE_VIOLATION` if another document has its unique values
    /// meanwhile; `VALIDATION_ERROR` if what it refers to is gone.
    fn restore(cx: &Cx, id: impl Into<Id<Self>>) -> impl Future<Output = Result<Doc<Self>>> + Send {
        let filter = Filter::id(id.into().as_str());
        async move { one(run::<Self>(cx, Write::Restore { filter: filter.into() }).await?) }
    }

    /// Removes all documents, and answers how many there were.
    ///
    /// # Errors
    /// `REFERENCED` if documents of other models refer to them.
    fn clear(cx: &Cx) -> impl Future<Output = Result<u64>> + Send {
        async move { Ok(run::<Self>(cx, Write::Clear).await?.removed) }
    }
}

impl<M: Model> Records for M {}

/// A query in the making.
#[derive(Debug)]
#[must_use = "a query does nothing until it is asked for `all`, `first`, `page` or `count`"]
pub struct Find<M> {
    filter: Filter,
    order: Vec<Order>,
    start: u64,
    count: Option<u64>,
    fault: Option<Error>,
    trashed: bool,
    model: PhantomData<fn() -> M>,
}

impl<M: Model> Find<M> {
    /// Only documents that fulfil this condition too.
    pub fn filter(mut self, condition: Predicate<M>) -> Self {
        match condition.into_filter() {
            Ok(filter) => self.filter = self.filter.and(filter),
            Err(error) => self.fault = Some(error),
        }
        self
    }

    fn and(mut self, filter: Filter) -> Self {
        self.filter = self.filter.and(filter);
        self
    }

    /// In this order; further keys decide among equals.
    pub fn order_by(mut self, sort: Sort<M>) -> Self {
        self.order.push(sort.into());
        self
    }

    /// Leaves out this many first.
    pub fn start(mut self, start: u64) -> Self {
        self.start = start;
        self
    }

    /// This many at most.
    pub fn limit(mut self, count: u64) -> Self {
        self.count = Some(count);
        self
    }

    /// Documents in the trash instead of those that are not.
    pub fn trashed(mut self) -> Self {
        self.trashed = true;
        self
    }

    pub(super) fn select(&self, cx: &Cx) -> Result<Select> {
        if let Some(error) = &self.fault {
            return Err(error.clone());
        }
        let shape = M::descriptor().shape();
        let which = if self.trashed { trashed } else { visible };
        let filter = which(shape, self.filter.clone(), cx.engine());
        Ok(Select { shape, filter, order: self.order.clone(), start: self.start, count: self.count })
    }

    /// All of them.
    ///
    /// # Errors
    /// If the store can't be read.
    pub async fn all(self, cx: &Cx) -> Result<Vec<Doc<M>>> {
        let select = self.select(cx)?;
        let found = cx.read(&select, Docs::<M>::new(u64::MAX, None)).await.map(store::sink::<Docs<M>>);
        log::read(cx, select.shape, Operation::Find, &found, Docs::count);
        found?.docs.into_iter().collect()
    }

    /// The first of them.
    ///
    /// # Errors
    /// If the store can't be read.
    pub async fn first(self, cx: &Cx) -> Result<Option<Doc<M>>> {
        Ok(self.limit(1).all(cx).await?.into_iter().next())
    }

    /// How many there are, whatever `start` and `limit` say.
    ///
    /// # Errors
    /// If the store can't be read.
    pub async fn count(self, cx: &Cx) -> Result<u64> {
        let select = self.select(cx)?;
        let count = cx.count(select.shape, &select.filter).await;
        log::read(cx, select.shape, Operation::Count, &count, |count| *count);
        count
    }

    /// One page of `limit` documents (20 unless said otherwise, 1 at least), after the cursor of the page before.
    ///
    /// # Errors
    /// `INVALID_CURSOR`; `INVALID_QUERY` for a [`search`](Find::search) without a sort, since its ranks change.
    pub async fn page(self, cx: &Cx, after: Option<&str>) -> Result<Page<M>> {
        let mut select = self.select(cx)?;
        check_paged(&select)?;
        let (shape, count) = (select.shape, self.count.unwrap_or(DEFAULT_COUNT).max(1));
        let seal = Seal {
            key: cx.engine().secret(),
            shape,
            filter: &self.filter,
            order: &self.order,
            identity: cx.identity().actor().unwrap_or_default(),
        };
        if let Some(after) = after {
            let cursor = Cursor::decode(after, &seal)?;
            select.filter = select.filter.and(cursor.after(shape, &self.order));
        }
        select.count = Some(count.saturating_add(1));
        let sink = Docs::<M>::new(count, Some(self.order.clone()));
        let docs = cx.read(&select, sink).await.map(store::sink::<Docs<M>>);
        log::read(cx, shape, Operation::Paginate, &docs, Docs::count);
        let docs = docs?;
        let next = docs.more.then_some(docs.last).flatten();
        Ok(Page {
            next_cursor: next.map(|last| last.encode(&seal)),
            records: docs.docs.into_iter().collect::<Result<_>>()?,
        })
    }
}

/// One page of documents.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<M> {
    /// The documents.
    pub records: Vec<Doc<M>>,
    /// Where the next page begins; `None` after the last one.
    pub next_cursor: Option<String>,
}

struct Docs<M> {
    shape: &'static Shape,
    docs: Vec<Result<Doc<M>>>,
    most: u64,
    order: Option<Vec<Order>>,
    last: Option<Cursor>,
    more: bool,
}

impl<M: Model> Docs<M> {
    fn new(most: u64, order: Option<Vec<Order>>) -> Box<Self> {
        let shape = M::descriptor().shape();
        Box::new(Docs { shape, docs: Vec::new(), most, order, last: None, more: false })
    }

    fn count(&self) -> u64 {
        self.docs.len() as u64
    }
}

impl<M: Model> Sink for Docs<M> {
    fn row(&mut self, row: &dyn RowView) -> ControlFlow<()> {
        let rows = self.docs.len() as u64;
        if rows == self.most {
            self.more = true;
            return ControlFlow::Break(());
        }
        if let Some(order) = &self.order
            && rows + 1 == self.most
        {
            self.last = Some(Cursor::of(self.shape, order, row));
        }
        self.docs.push(model::doc_from_row(self.shape, row));
        ControlFlow::Continue(())
    }
}

fn checked<M: Model>(model: &M) -> Result<Row> {
    model::check_record(model, M::descriptor().shape())
}

async fn run<M: Model>(cx: &Cx, write: Write) -> Result<Written> {
    let shape = M::descriptor().shape();
    carry_out(cx, shape, write.operation(), Draft::Ready(write)).await
}

async fn insert<M: Model>(cx: &Cx, models: Vec<M>) -> Result<Written> {
    let shape = M::descriptor().shape();
    let draft = if cx.hooks_inserts(shape) {
        Draft::Records(models.into_iter().map(|model| Box::new(model) as Box<dyn Record>).collect())
    } else {
        Draft::Ready(Write::Insert(models.iter().map(checked).collect::<Result<_>>()?))
    };
    carry_out(cx, shape, Operation::Insert, draft).await
}

async fn carry_out(cx: &Cx, shape: &'static Shape, operation: Operation, draft: Draft) -> Result<Written> {
    let written = cx.carry_out(shape, draft).await;
    log::wrote(cx, shape, operation, &written);
    written
}

fn docs<M: Model>(written: Written) -> Result<Vec<Doc<M>>> {
    let shape = M::descriptor().shape();
    written.rows.iter().map(|row| model::doc_from_row(shape, row)).collect()
}

fn one<M: Model>(written: Written) -> Result<Doc<M>> {
    let none = || Error::new(Code::NotFound, "there is no such document");
    docs(written)?.into_iter().next().ok_or_else(none)
}

/// The documents that fulfil the condition. One that happens to name a unique field selects nothing rather than failing, so that it
/// does not stand there as what names one document.
fn some<M: Model>(condition: Predicate<M>) -> Result<Filter> {
    Ok(Filter::Any(vec![condition.into_filter()?]))
}
