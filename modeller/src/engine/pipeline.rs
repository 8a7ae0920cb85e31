//! The one pipeline: parse, identify, permit, validate, store, answer. Every door's calls go through here.

use std::sync::Arc;

use super::arguments::{DEFAULT_COUNT, Request};
use super::read::{Form, JsonRows};
use super::scope::{MAX_BYTES, pins_one, visible};
use super::write::{self, Patch, Write, Written};
use super::{Call, Cx, Engine, Operation, Reply, batch, idempotency};
use crate::model::{self, Code, Error, Kind, Result, Shape, View, write_row};
use crate::query::{Access, Cursor, Filter, Order, Path, Seal, Select};
use crate::store;

/// How many rows `find` answers at most.
const MAX_FIND: u64 = write::MAX_BULK;

impl Engine {
    /// Carries out a call.
    ///
    /// # Errors
    /// Whatever is wrong with the call, as every door shows it.
    pub async fn call(self: &Arc<Self>, call: Call) -> Result<Reply> {
        let cx = Cx::new(self.clone(), call.identity.clone());
        cx.call(call).await
    }
}

impl Cx {
    /// Carries out a call in this context.
    ///
    /// # Errors
    /// Whatever is wrong with the call.
    pub async fn call(&self, call: Call) -> Result<Reply> {
        permit(self, &call)?;
        match call.operation {
            Operation::Get
            | Operation::List
            | Operation::Find
            | Operation::Paginate
            | Operation::First
            | Operation::Last => self.read_json(call).await,
            Operation::Count => self.count_json(call).await,
            Operation::Batch => Box::pin(batch::run(self, call)).await,
            _ => self.write_json(call).await,
        }
    }

    async fn write_json(&self, call: Call) -> Result<Reply> {
        let Call { shape, .. } = call;
        if call.mutation_id.is_some() {
            return Box::pin(idempotency::run(self, call)).await;
        }
        let operation = call.operation;
        let work = prepare(call)?.into_work(self.engine().clone(), shape, self.actor());
        let answer = self.write(work).await?;
        Ok(render(shape, operation, &written(answer)))
    }

    async fn read_json(&self, call: Call) -> Result<Reply> {
        let Call { operation, shape, .. } = call;
        let request = Request::parse(shape, operation, call.arguments)?;
        let paged = operation == Operation::Paginate || request.after.is_some();
        let (mut order, mut count) = (request.order, request.count);
        match operation {
            Operation::First => order = insertion(false),
            Operation::Last => order = insertion(true),
            _ => {}
        }
        let limit = match operation {
            Operation::Get => 1,
            Operation::Find => count.map_or(MAX_FIND + 1, |count| count.min(MAX_FIND)),
            Operation::First | Operation::Last => count.unwrap_or(1),
            _ => *count.get_or_insert(DEFAULT_COUNT),
        };
        let seal = Seal {
            key: self.engine().secret(),
            shape,
            filter: &request.filter,
            order: &order,
            identity: self.identity().actor().unwrap_or_default(),
        };
        let mut filter = visible(shape, request.filter.clone(), self.engine());
        if let Some(after) = request.after.as_deref().filter(|after| !after.is_empty()) {
            filter = filter.and(Cursor::decode(after, &seal)?.after(shape, &order));
        }
        let form = match operation {
            Operation::Get => Form::One,
            _ if paged => Form::Page { count: limit, order: order.clone() },
            _ => Form::Array,
        };
        let select = Select {
            shape,
            filter,
            order: order.clone(),
            start: request.start,
            // One more than the page tells whether there is another.
            count: Some(if paged { limit + 1 } else { limit }),
        };
        let sink = self.read(&select, JsonRows::new(shape, request.view, form)).await?;
        let mut rows: JsonRows = store::sink(sink);
        if operation == Operation::Find && rows.rows() > MAX_FIND {
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
        reply.next_cursor = match rows.next() {
            Some(cursor) => Some(cursor.encode(&seal)),
            // A page of no documents ends where it began.
            None => request.after.filter(|after| has_more && !after.is_empty()),
        };
        let json = rows.into_json();
        reply.body = if operation == Operation::Paginate {
            let mut body = b"{\"records\":".to_vec();
            body.extend_from_slice(&json);
            body.extend_from_slice(if has_more { b",\"hasMore\":true" } else { b",\"hasMore\":false" });
            let next = reply.next_cursor.take();
            let cursor = next.map_or_else(|| "null".to_owned(), |cursor| format!("\"{cursor}\""));
            body.extend_from_slice(b",\"nextCursor\":");
            body.extend_from_slice(cursor.as_bytes());
            body.push(b'}');
            body
        } else {
            json
        };
        Ok(reply)
    }

    async fn count_json(&self, call: Call) -> Result<Reply> {
        let request = Request::parse(call.shape, call.operation, call.arguments)?;
        let filter = visible(call.shape, request.filter, self.engine());
        let count = self.count(call.shape, &filter).await?;
        Ok(Reply { body: count.to_string().into_bytes(), ..Reply::default() })
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
fn permit(_cx: &Cx, _call: &Call) -> Result<()> {
    Ok(())
}

/// Parses and validates a write.
pub(super) fn prepare(call: Call) -> Result<Write> {
    let Call { operation, shape, arguments, body, expected_version: expected, .. } = call;
    let request = Request::parse(shape, operation, arguments)?;
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
    Ok(match operation {
        Operation::Insert => Write::Insert(vec![model::accept(shape, &body)?.to_row(shape)?]),
        Operation::Update => {
            pinned(&filter)?;
            Write::Update { filter, patch: Patch::Merge(body), expected }
        }
        Operation::Upsert => {
            let row = model::accept(shape, &body)?.to_row(shape)?;
            let filter = upsert_filter(shape, filter, &row, Access::Public)?;
            Write::Upsert { filter, patch: Patch::Merge(body), row }
        }
        Operation::Delete => {
            pinned(&filter)?;
            Write::Delete { filter, expected }
        }
        Operation::Restore => {
            pinned(&filter)?;
            Write::Restore { filter }
        }
        Operation::Clear => Write::Clear,
        other => {
            return Err(Error::new(Code::InvalidRequest, format!("`{other}` writes nothing")));
        }
    })
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
