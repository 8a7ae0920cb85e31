//! The one pipeline: parse, identify, permit, validate, store, answer. Every door's calls go through here.

use std::sync::Arc;

use super::arguments::Request;
use super::behaviour::Timing;
use super::hooked::Draft;
use super::hooks::ModelHooks;
use super::read::{Form, JsonRows};
use super::scope::{MAX_BYTES, pins_one, visible};
use super::search::check_paged;
use super::with::{self, Question};
use super::write::{self, Patch, Write, Written};
use super::{Call, Cx, Engine, Operation, Reply, aggregate, batch, idempotency, invoke, log};
use crate::model::{self, Code, Error, Kind, Result, Shape, View, write_row};
use crate::query::limits::DEFAULT_COUNT;
use crate::query::{Access, Cursor, Filter, Order, Path, Seal, Select};
use crate::store;

/// How many rows `find` answers at most.
const MAX_FIND: u64 = write::MAX_BULK;

impl Engine {
    /// Carries out a call.
    ///
    /// # Errors
    /// Whatever is wrong with the call, as every door shows it.
    pub fn perform(self: &Arc<Self>, mut call: Call) -> impl Future<Output = Result<Reply>> + Send + use<> {
        let cx = Cx::new(self.clone(), call.identity.clone());
        async move { cx.performed(&mut call).await }
    }
}

impl Cx {
    /// Carries out a call in this context.
    ///
    /// # Errors
    /// Whatever is wrong with the call.
    pub async fn perform(&self, mut call: Call) -> Result<Reply> {
        self.performed(&mut call).await
    }

    /// Carries out a call, of which it takes what it needs: these futures wait with every call, and each would hold it anew.
    async fn performed(&self, call: &mut Call) -> Result<Reply> {
        let Call { operation, shape, .. } = *call;
        let reply = self.answer(call).await;
        log::replied(self, shape, operation, &reply);
        reply
    }

    async fn answer(&self, call: &mut Call) -> Result<Reply> {
        permit(self, call)?;
        let Call { operation, shape, .. } = *call;
        match operation {
            Operation::Get
            | Operation::List
            | Operation::Find
            | Operation::Paginate
            | Operation::First
            | Operation::Last => {
                let hooks = match operation {
                    Operation::List => self.engine().hooks().of(shape, Operation::List),
                    _ => None,
                };
                if let Some(hooks) = hooks {
                    return Box::pin(self.list_hooked(call.take(), &hooks)).await;
                }
                let (reading, question) = Reading::prepare(self, call.take())?;
                reading.reply(self, self.rows_of(question).await?)
            }
            Operation::Count => Box::pin(aggregate::count(self, call.take())).await,
            Operation::Aggregate => Box::pin(aggregate::run(self, call.take())).await,
            Operation::Batch => Box::pin(batch::run(self, call.take())).await,
            Operation::Invoke(behaviour) => Box::pin(invoke::run(self, behaviour, call.take())).await,
            _ if call.mutation_id.is_some() => Box::pin(idempotency::run(self, call.take())).await,
            _ => {
                let carried = self.carry_out(shape, prepare(self, call.take())?);
                Ok(render(shape, operation, &carried.await?))
            }
        }
    }

    /// The rows, with what belongs to them.
    async fn rows_of(&self, question: Box<Question>) -> Result<JsonRows> {
        if !question.with.is_empty() {
            return Box::pin(with::read(self, *question)).await;
        }
        let Question { select, view, form, hits, .. } = *question;
        let sink = self.read(&select, JsonRows::new(select.shape, view, form, hits)).await?;
        Ok(store::sink(sink))
    }

    /// A list, with the hooks around it.
    async fn list_hooked(&self, call: Call, hooks: &ModelHooks) -> Result<Reply> {
        let shape = call.shape;
        let arguments = call.arguments.to_json();
        let registry = self.engine().registry();
        let mut request = Request::parse(registry, shape, call.operation, call.arguments)?;
        let mut listing = self.before_list(hooks, shape, &mut request, arguments).await?;
        let (reading, question) = Reading::of(self, shape, call.operation, request)?;
        let reply = reading.reply(self, self.rows_of(question).await?)?;
        self.around_list(hooks, Timing::After, &mut listing).await?;
        Ok(reply)
    }
}

/// A read under way: what it takes to make an answer of its rows. It is kept small, for it waits with every call.
struct Reading {
    operation: Operation,
    shape: &'static Shape,
    paged: Option<Box<Paged>>,
}

/// What cursors belong to.
struct Paged {
    filter: Filter,
    order: Vec<Order>,
    after: Option<String>,
}

impl Paged {
    fn seal<'a>(&'a self, cx: &'a Cx, shape: &'static Shape) -> Seal<'a> {
        Seal {
            key: cx.engine().secret(),
            shape,
            filter: &self.filter,
            order: &self.order,
            identity: cx.identity().actor().unwrap_or_default(),
        }
    }
}

impl Reading {
    fn prepare(cx: &Cx, call: Call) -> Result<(Self, Box<Question>)> {
        let Call { operation, shape, .. } = call;
        let request = Request::parse(cx.engine().registry(), shape, operation, call.arguments)?;
        Self::of(cx, shape, operation, request)
    }

    fn of(
        cx: &Cx,
        shape: &'static Shape,
        operation: Operation,
        request: Request,
    ) -> Result<(Self, Box<Question>)> {
        let order = match operation {
            Operation::First => insertion(false),
            Operation::Last => insertion(true),
            _ => request.order,
        };
        let limit = match operation {
            Operation::Get => 1,
            Operation::Find => request.count.map_or(MAX_FIND + 1, |count| count.min(MAX_FIND)),
            Operation::First | Operation::Last => request.count.unwrap_or(1),
            _ => request.count.unwrap_or(DEFAULT_COUNT),
        };
        let (filter, after) = (request.filter, request.after);
        let paged = (operation == Operation::Paginate || after.is_some())
            .then(|| Box::new(Paged { filter: filter.clone(), order: order.clone(), after }));
        let mut filter = visible(shape, filter, cx.engine());
        let mut count = limit;
        let form = match &paged {
            _ if operation == Operation::Get => Form::One,
            None => Form::Array,
            Some(paged) => {
                if let Some(after) = paged.after.as_deref().filter(|after| !after.is_empty()) {
                    let cursor = Cursor::decode(after, &paged.seal(cx, shape))?;
                    filter = filter.and(cursor.after(shape, &order));
                }
                // One more than the page tells whether there is another.
                count += 1;
                Form::Page { count: limit, order: order.clone() }
            }
        };
        let select = Select { shape, filter, order, start: request.start, count: Some(count) };
        if paged.is_some() {
            check_paged(&select)?;
        }
        let Request { view, hits, with, .. } = request;
        let question = Box::new(Question { select, view, form, hits, with });
        Ok((Reading { operation, shape, paged }, question))
    }

    fn reply(self, cx: &Cx, mut rows: JsonRows) -> Result<Reply> {
        if self.operation == Operation::Find && rows.rows() > MAX_FIND {
            return Err(Error::new(
                Code::InvalidQuery,
                format!("more than {MAX_FIND} documents fulfil the query; use `paginate`, or give a `count`"),
            ));
        }
        if rows.is_too_large() {
            return Err(too_large());
        }
        let mut reply = Reply { version: rows.version(), ..Reply::default() };
        let has_more = rows.has_more();
        if let Some(paged) = self.paged {
            reply.next_cursor = match rows.next() {
                Some(cursor) => Some(cursor.encode(&paged.seal(cx, self.shape))),
                // A page of no documents ends where it began.
                None => paged.after.filter(|after| has_more && !after.is_empty()),
            };
        }
        let json = rows.into_json();
        reply.body = if self.operation == Operation::Paginate {
            let next = reply.next_cursor.take();
            let cursor = next.map_or_else(|| "null".to_owned(), |cursor| format!("\"{cursor}\""));
            let rest = format!(",\"hasMore\":{has_more},\"nextCursor\":{cursor}}}");
            [b"{\"records\":", json.as_slice(), rest.as_bytes()].concat()
        } else {
            json
        };
        Ok(reply)
    }
}

/// An answer that would take too much memory.
pub(super) fn too_large() -> Error {
    let most = MAX_BYTES / (1024 * 1024);
    Error::new(
        Code::InvalidQuery,
        format!("the answer is larger than {most} MiB: ask for fewer documents, or fewer `fields` of them"),
    )
}

/// By time of insertion.
pub(super) fn insertion(descending: bool) -> Vec<Order> {
    [Shape::CREATED_AT, Shape::ID].map(|column| Order { path: Path::column(column), descending }).into()
}

/// Whether the caller may. For now everybody may do everything; sign-in and policies decide here.
pub(super) fn permit(_cx: &Cx, _call: &Call) -> Result<()> {
    Ok(())
}

/// Parses and validates a write.
pub(super) fn prepare(cx: &Cx, call: Call) -> Result<Draft> {
    let Call { operation, shape, arguments, body, expected_version: expected, only_one, .. } = call;
    let request = Request::parse(cx.engine().registry(), shape, operation, arguments)?;
    let filter = request.filter;
    let pinned = |filter: &Filter| match filter {
        Filter::True => Err(Error::new(
            Code::InvalidQuery,
            match operation {
                Operation::Delete => {
                    "`delete` needs a query that says which documents; `clear` removes all of them".to_owned()
                }
                _ => format!("`{operation}` needs a query that says which documents"),
            },
        )),
        _ => Ok(()),
    };
    if only_one && !pins_one(shape, &filter) {
        // With several documents nobody could say for which of them the condition holds.
        let message =
            "a condition (`If-Match`) needs a query for one document, by its `_id` or a unique field";
        return Err(Error::new(Code::PreconditionFailed, message));
    }
    Ok(Draft::Ready(match operation {
        Operation::Insert => {
            let record = model::accept(shape, &body)?;
            if cx.hooks_inserts(shape) {
                return Ok(Draft::Records(vec![record]));
            }
            Write::Insert(vec![record.to_row(shape)?])
        }
        Operation::Update => {
            pinned(&filter)?;
            Write::Update {
                filter: filter.into(),
                patch: Patch::parse(shape, body, Access::Public)?,
                expected,
            }
        }
        Operation::Upsert => {
            let patch = Patch::parse(shape, body, Access::Public)?;
            let row = match &patch {
                Patch::Apply(update) => model::accept(shape, &update.document(shape)?)?.to_row(shape)?,
                Patch::Merge(body) => model::accept(shape, body)?.to_row(shape)?,
                Patch::Replace(row) => row.clone(),
            };
            let filter = Box::new(upsert_filter(shape, filter, &row, Access::Public)?);
            Write::Upsert { filter, patch, row }
        }
        Operation::Delete => {
            pinned(&filter)?;
            Write::Delete { filter: filter.into(), expected }
        }
        Operation::Restore => {
            pinned(&filter)?;
            Write::Restore { filter: filter.into() }
        }
        Operation::Clear => Write::Clear,
        other => {
            return Err(Error::new(Code::InvalidRequest, format!("`{other}` writes nothing")));
        }
    }))
}

/// The one document that an upsert is about: by its query, or else by the payload's key or unique fields.
///
/// A caller does not find documents by what is private.
pub(super) fn upsert_filter(
    shape: &Shape,
    filter: Filter,
    row: &model::Row,
    access: Access,
) -> Result<Filter> {
    if filter.is_relational() {
        // What is to be inserted has nothing that belongs to it yet.
        let message = "the query of an `upsert` names one document by its own fields, not by what is related";
        return Err(Error::new(Code::InvalidQuery, message));
    }
    if filter != Filter::True {
        return if pins_one(shape, &filter) {
            Ok(filter)
        } else {
            Err(Error::new(
                Code::InvalidQuery,
                "`upsert` needs a query for one document, by its `_id` or a unique field",
            ))
        };
    }
    let key = shape.key.map(|key| vec![key]);
    let sets = key.into_iter().chain(shape.unique.iter().cloned());
    for set in sets {
        let usable = |column: usize| {
            let info = &shape.columns[column];
            let is_hidden = access == Access::Public && info.private;
            // What is still to be generated is in no document.
            let is_open = info.generated.is_some() && model::is_blank(info.kind, &row[column]);
            !row[column].is_null() && !is_hidden && !is_open && info.kind != Kind::Json
        };
        if set.iter().all(|&column| usable(column)) {
            let tests = set.iter().map(|&column| {
                Filter::Test(Path::column(column), crate::query::Op::Eq(row[column].clone().into()))
            });
            return Ok(tests.fold(Filter::True, Filter::and));
        }
    }
    Err(Error::new(
        Code::InvalidQuery,
        format!("`upsert` needs a query, or a payload with a unique field: `{}` has none here", shape.path),
    ))
}

pub(super) fn written(answer: store::Answer) -> Written {
    match answer.downcast::<Written>() {
        Ok(written) => *written,
        // A store answers what the work answered.
        Err(_) => unreachable!("the work of a write answers `Written`"),
    }
}

/// A write's answer as JSON.
pub(super) fn render(shape: &Shape, operation: Operation, written: &Written) -> Reply {
    if operation == Operation::Clear {
        let body = format!("{{\"deleted\":{}}}", written.removed).into_bytes();
        return Reply { body, ..Reply::default() };
    }
    let mut body = Vec::with_capacity(512);
    let mut version = None;
    if let (true, [row]) = (written.one, written.rows.as_slice()) {
        write_row(shape, row, &View::Public, &mut body);
        version = row[Shape::VERSION].as_integer();
    } else {
        body.push(b'[');
        for (index, row) in written.rows.iter().enumerate() {
            if index > 0 {
                body.push(b',');
            }
            write_row(shape, row, &View::Public, &mut body);
        }
        body.push(b']');
    }
    Reply { body, created: written.created, version, ..Reply::default() }
}
