//! Standing queries: what somebody wants to be kept up to date about, parsed and permitted as any other read.

use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::aggregate::Figured;
use super::arguments::Request;
use super::pipeline::{permit, too_large};
use super::read::Form;
use super::scope::{Bounded, there, visible};
use super::with::{self, Documents, Question, With};
use super::{Arguments, Call, Cx, Engine, Operation};
use crate::model::{Code, ColumnInfo, Error, Result, Row, RowView, Shape, Value, View};
use crate::query::aggregate::{Running, Unsettled};
use crate::query::limits::MAX_COUNT;
use crate::query::{Aggregate, Aggregation, Filter, Op, Operand, Order, Path, Seal, Select};
use crate::store::{self, Answer, Look, Sink};

/// How many documents a standing query without a `count` may begin with, and where the window of one with a `count` ends at the latest.
const MOST: u64 = 10_000;

/// A query that stands: its answer changes with the documents.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    pub(crate) shape: &'static Shape,
    pub(crate) filter: Filter,
    pub(crate) order: Vec<Order>,
    pub(crate) start: u64,
    /// How many documents it shows at most: it is a window then, and its documents have places.
    pub(crate) count: Option<u64>,
    pub(crate) view: View,
    /// What it shows of related documents.
    with: Vec<With>,
    /// What it shows instead of documents.
    pub(crate) figures: Option<Box<Figured>>,
    /// Who asks; empty for everybody.
    pub(crate) actor: String,
}

impl Standing {
    /// What a caller asks for with the arguments of `list`, `count` or `aggregate`. Hooks before lists are run once: what they have made of it
    /// stands.
    pub(crate) async fn parse(
        cx: &Cx,
        shape: &'static Shape,
        operation: Operation,
        arguments: Arguments,
    ) -> Result<Self> {
        permit(cx, &Call::new(operation, shape))?;
        let registry = cx.engine().registry();
        let actor = cx.identity().actor().unwrap_or_default().to_owned();
        if matches!(operation, Operation::Count | Operation::Aggregate) {
            let (figured, filter) = Figured::parse(registry, shape, operation, arguments)?;
            return Ok(Standing {
                shape,
                filter,
                order: Vec::new(),
                start: figured.aggregation.start,
                count: figured.aggregation.count,
                view: View::Public,
                with: Vec::new(),
                figures: Some(Box::new(figured)),
                actor,
            });
        }
        if operation != Operation::List {
            let message = format!("`{operation}` can't be followed: `list`, `count` and `aggregate` can");
            return Err(Error::new(Code::MethodNotFound, message));
        }
        let hooks = cx.engine().hooks().of(shape, Operation::List);
        let said = hooks.as_ref().map(|_| arguments.to_json());
        let mut request = Request::parse(registry, shape, operation, arguments)?;
        if let (Some(hooks), Some(said)) = (hooks, said) {
            let (start, is_window) = (request.start, request.count.is_some());
            let listing = Box::pin(cx.before_list(&hooks, shape, &mut request, said)).await?;
            // What has no pages can't be paged anew.
            request.start = if is_window { listing.start } else { start };
            request.count = is_window.then_some(listing.count);
        }
        let refused = |what: &str| Err(Error::new(Code::InvalidQuery, format!("a live query has no {what}")));
        if request.after.is_some() {
            return refused("`after`: it has a position instead");
        }
        if request.hits.is_some() {
            return refused("`search` with hits");
        }
        let (count, start) = (request.count.map(|count| count.min(MAX_COUNT)), request.start);
        if count.is_none() && start > 0 {
            return refused("`start` without a `count`");
        }
        // All of a window is kept from the first document on, and looked through at each change.
        if count.is_some_and(|count| start.saturating_add(count) > MOST) {
            return Err(Error::new(
                Code::InvalidQuery,
                format!("the window of a live query ends at the {MOST}th document at most"),
            ));
        }
        let Request { filter, order, view, with, .. } = request;
        // A rank is one among all documents, and no change says how all of them have changed.
        if count.is_some() && order.is_empty() && filter.search().is_some() {
            return refused("`count` for what a search finds without a `sort`");
        }
        Ok(Standing { shape, filter, order, start, count, view, with, figures: None, actor })
    }

    /// Whether it asks for related documents, so that a row by itself decides nothing.
    pub(crate) fn is_related(&self) -> bool {
        !self.with.is_empty() || self.filter.is_relational()
    }

    /// Whether the two rows of a change say all that it changes here.
    pub(crate) fn is_open(&self) -> bool {
        self.figures.is_none() && self.count.is_none() && !self.is_related()
    }

    /// How many documents from the first one on decide what it shows.
    pub(crate) fn prefix(&self) -> Option<u64> {
        self.count.map(|count| self.start.saturating_add(count))
    }

    /// Whether a document that is there belongs to it. (What has expired is there until it is removed.)
    pub(crate) fn matches(&self, row: &dyn RowView) -> bool {
        self.filter.matches(self.shape, row)
    }

    /// Rows that may change something here when they change, each model once and always in the same order. Once it is known by which
    /// values related documents are [reached](Documents::reached), only those are among them.
    pub(crate) fn watched(&self, reached: Option<&[Vec<Value>]>) -> Vec<(&'static Shape, Filter)> {
        let mut all = vec![(self.shape, own(&self.filter))];
        watch_related(&self.filter, &mut all);
        watch_with(&self.with, &mut reached.map(<[_]>::iter), &mut all);
        all
    }

    /// Signs something for whoever asks this.
    pub(crate) fn sign(&self, engine: &Engine, what: &[u8]) -> [u8; 32] {
        let seal = Seal {
            key: engine.secret(),
            shape: self.shape,
            filter: &self.filter,
            order: &self.order,
            identity: &self.actor,
        };
        let Standing { start, count, view, with, figures, .. } = self;
        let window = format!("live 1 {start} {count:?} {view:?} {with:?} {figures:?} ");
        seal.sign(&[window.as_bytes(), what].concat())
    }

    /// What its documents look like, as text. It is another one once a column of any of its models has come or gone, is another kind of
    /// value, or is shown where it was not: then documents are other ones, though nobody has written them.
    pub(crate) fn layout(&self) -> String {
        let models = match self.is_related() {
            true => self.watched(None).into_iter().map(|(shape, _)| shape).collect(),
            false => vec![self.shape],
        };
        let mut layout = String::new();
        for column in models.iter().flat_map(|shape| &shape.columns) {
            let ColumnInfo { name, kind, item, array, sparse, private, .. } = column;
            // Writing to a `String` doesn't fail.
            let _ = write!(layout, "{:?}", (name, kind, item, array, sparse, private));
        }
        layout
    }

    /// The first rows, `limit` of them at most, and the position in the change log that they belong to.
    pub(crate) async fn read(&self, engine: &Engine, limit: Option<u64>) -> Result<(u64, Vec<Row>)> {
        let most = limit.unwrap_or(MOST + 1);
        let rows = self.look(engine, self.filter.clone(), self.order.clone(), Some(most)).await?;
        self.check(limit, rows.1.len())?;
        Ok(rows)
    }

    fn check(&self, limit: Option<u64>, documents: usize) -> Result<()> {
        if limit.is_none() && documents as u64 > MOST {
            let message = format!("more than {MOST} documents fulfil the query; give it a `count`");
            return Err(Error::new(Code::InvalidQuery, message));
        }
        Ok(())
    }

    /// The documents that it shows, with what belongs to them, and the position that they belong to.
    pub(crate) async fn read_related(&self, engine: &Engine) -> Result<(u64, Documents)> {
        let (shape, order, start) = (self.shape, self.order.clone(), self.start);
        let filter = visible(shape, self.filter.clone(), engine);
        let count = Some(self.count.unwrap_or(MOST + 1));
        let select = Select { shape, filter, order, start, count };
        let (view, with) = (self.view.clone(), self.with.clone());
        let documents =
            with::each(engine, Question { select, view, form: Form::Array, hits: None, with }).await?;
        self.check(self.count, documents.1.all.len())?;
        Ok(documents)
    }

    /// The figures as they can be kept up to date, and the position that they belong to.
    pub(crate) async fn read_figures(&self, engine: &Engine, figured: &Figured) -> Result<(u64, Running)> {
        let filter = there(self.shape, self.filter.clone(), engine);
        let aggregation = Arc::new(Aggregation { filter, ..figured.aggregation.clone() });
        let look: Look = Arc::new(move |seen| {
            let aggregation = Arc::clone(&aggregation);
            Box::pin(async move {
                let position = seen.position().await?;
                let is_count = aggregation.group_by.is_empty()
                    && aggregation.aggregates.iter().all(|one| *one == Aggregate::Rows);
                let owned = Aggregation::clone(&aggregation);
                if is_count {
                    let rows = seen.count(aggregation.shape, &aggregation.filter).await?;
                    return Ok(Box::new((position, Running::counted(owned, rows))) as Answer);
                }
                let select = Select::filtered(aggregation.shape, aggregation.filter.clone());
                let sink = Box::new(Summing { running: Running::new(owned), refused: None });
                let summed = store::sink::<Summing>(seen.read(&select, sink).await?);
                match summed.refused {
                    Some(refused) => Err(refused),
                    None => Ok(Box::new((position, summed.running)) as Answer),
                }
            })
        });
        let answer = engine.store().view(look).await?;
        answer.downcast::<(u64, Running)>().map(|found| *found).map_err(|_| other())
    }

    /// The figures as they are now, and the position that they belong to.
    pub(crate) async fn read_answers(&self, engine: &Engine, figured: &Figured) -> Result<(u64, Vec<Row>)> {
        let filter = visible(self.shape, self.filter.clone(), engine);
        let aggregation = Arc::new(Aggregation { filter, ..figured.aggregation.clone() });
        let look: Look = Arc::new(move |seen| {
            let aggregation = Arc::clone(&aggregation);
            Box::pin(async move {
                let position = seen.position().await?;
                Ok(Box::new((position, seen.aggregate(&aggregation).await?)) as Answer)
            })
        });
        let answer = engine.store().view(look).await?;
        answer.downcast::<(u64, Vec<Row>)>().map(|found| *found).map_err(|_| other())
    }

    /// The rows with these ids, whether or not they belong to it.
    pub(crate) async fn read_ids(&self, engine: &Engine, ids: &[&str]) -> Result<(u64, Vec<Row>)> {
        let filter = ids.iter().fold(Filter::False, |any, id| any.or(Filter::id(*id)));
        self.look(engine, filter, Vec::new(), None).await
    }

    async fn look(
        &self,
        engine: &Engine,
        filter: Filter,
        order: Vec<Order>,
        count: Option<u64>,
    ) -> Result<(u64, Vec<Row>)> {
        let shape = self.shape;
        // What has expired belongs to it until it is removed: only that is in the change log, at a position.
        let filter = there(shape, filter, engine);
        let select = Arc::new(Select { shape, filter, order, start: 0, count });
        let look: Look = Arc::new(move |seen| {
            let select = Arc::clone(&select);
            Box::pin(async move {
                let position = seen.position().await?;
                let rows = seen.read(&select, Bounded::of(shape)).await?;
                Ok(Box::new((position, store::sink::<Bounded>(rows))) as Answer)
            })
        });
        let answer = engine.store().view(look).await?;
        let Ok(found) = answer.downcast::<(u64, Bounded)>() else { return Err(other()) };
        let (position, rows) = *found;
        match rows.cut {
            true => Err(too_large()),
            false => Ok((position, rows.rows.rows)),
        }
    }
}

fn other() -> Error {
    Error::new(Code::InternalError, "the store answered something else than was found")
}

/// Sums up the rows that come by.
struct Summing {
    running: Running,
    refused: Option<Error>,
}

impl Sink for Summing {
    fn row(&mut self, row: &dyn RowView) -> ControlFlow<()> {
        match self.running.add(row) {
            Ok(_) => ControlFlow::Continue(()),
            Err(Unsettled::Refused(error)) => {
                self.refused = Some(error);
                ControlFlow::Break(())
            }
            Err(Unsettled::Lost) => {
                self.refused = Some(Error::new(Code::InternalError, "a row that comes loses nothing"));
                ControlFlow::Break(())
            }
        }
    }
}

/// What a filter asks of the row itself: all that fulfil the filter fulfil this.
fn own(filter: &Filter) -> Filter {
    match filter {
        Filter::All(all) => all.iter().map(own).fold(Filter::True, Filter::and),
        filter if filter.is_relational() => Filter::True,
        filter => filter.clone(),
    }
}

/// Adds the rows of other models that a filter asks for.
fn watch_related(filter: &Filter, all: &mut Vec<(&'static Shape, Filter)>) {
    filter.clone().each_related(&mut |related| {
        // One that does not fulfil it is looked for: that may be any.
        let filter = if related.fulfils { own(&related.filter) } else { Filter::True };
        watch(related.link.to, filter, all);
    });
}

/// Adds the rows of other models that are loaded.
fn watch_with(
    with: &[With],
    reached: &mut Option<std::slice::Iter<'_, Vec<Value>>>,
    all: &mut Vec<(&'static Shape, Filter)>,
) {
    for with in with {
        let mut filter = own(&with.filter);
        if let Some(values) = reached.as_mut().and_then(Iterator::next) {
            let operands = values.iter().map(|value| Operand::Cell(value.clone())).collect();
            let path = Path::column(with.relation.target);
            filter = match values.is_empty() {
                true => Filter::False,
                false => Filter::Test(path, Op::In(operands)).and(filter),
            };
        }
        watch(with.relation.to, filter, all);
        watch_related(&with.filter, all);
        watch_with(&with.with, reached, all);
    }
}

fn watch(shape: &'static Shape, filter: Filter, all: &mut Vec<(&'static Shape, Filter)>) {
    match all.iter_mut().find(|(known, _)| known.path == shape.path) {
        Some((_, known)) => {
            let before = std::mem::replace(known, Filter::True);
            *known = if before == filter { before } else { before.or(filter) };
        }
        None => all.push((shape, filter)),
    }
}
