//! Writes as steps of one transaction: what inserting, updating and deleting a document *means*, on whatever store.

use std::sync::Arc;

use super::Engine;
use crate::model::{self, Code, Error, Generated, Result, Row, Shape, Value, Violation};
use crate::query::{Filter, Op, Operand, Order, Path, Select};
use crate::store::{self, Answer, Rows, Tx, Work};

/// How many documents one call may update or delete at most.
pub const MAX_BULK: u64 = 10_000;

/// How many rows `clear` and evictions take at a time.
const CHUNK: u64 = 1_000;

/// A write that has been parsed and validated, ready for a transaction.
pub(crate) enum Write {
    /// Adds rows; their system cells are still empty.
    Insert(Vec<Row>),
    /// Merges a patch into what the filter selects.
    Update { filter: Filter, patch: Patch, expected: Option<i64> },
    /// Merges the patch into the one row that the filter selects, or inserts the row.
    Upsert { filter: Filter, patch: Patch, row: Row },
    /// Removes what the filter selects.
    Delete { filter: Filter, expected: Option<i64> },
    /// Brings back from the trash what the filter selects.
    Restore { filter: Filter },
    /// Removes everything.
    Clear,
}

/// What a document's fields become.
pub(crate) enum Patch {
    /// A JSON object: each member replaces that field.
    Merge(Vec<u8>),
    /// A whole row of new fields.
    Replace(Row),
}

/// What a write did.
#[derive(Debug, Default)]
pub(crate) struct Written {
    /// The rows as they are now (as they were, if they are gone).
    pub(crate) rows: Vec<Row>,
    /// The write was for one document by its id or a unique field.
    pub(crate) one: bool,
    /// A document came into being.
    pub(crate) created: bool,
    /// How many documents went, for `clear`.
    pub(crate) removed: u64,
}

impl Write {
    /// Whether it makes at most one change, and that as its last step.
    fn is_single(&self, shape: &Shape) -> bool {
        let plain_insert =
            shape.descriptor.max_size.is_none() && shape.expires_at.is_none() && !has_autoincrement(shape);
        match self {
            Write::Insert(rows) => rows.len() <= 1 && plain_insert,
            Write::Update { filter, .. } | Write::Delete { filter, .. } | Write::Restore { filter } => {
                pins_one(shape, filter)
            }
            Write::Upsert { .. } => plain_insert,
            Write::Clear => false,
        }
    }

    /// The work for a store, that answers a [`Written`].
    pub(crate) fn into_work(self, engine: Arc<Engine>, shape: &'static Shape, actor: Option<String>) -> Work {
        Work {
            single: self.is_single(shape),
            actor,
            steps: Box::new(move |tx| {
                Box::pin(async move {
                    let written = Steps { engine: &engine, shape, tx }.run(self).await?;
                    Ok(Box::new(written) as Answer)
                })
            }),
        }
    }
}

/// The steps of a write, inside its transaction.
pub(crate) struct Steps<'a, 't> {
    pub(crate) engine: &'a Engine,
    pub(crate) shape: &'static Shape,
    pub(crate) tx: &'t mut dyn Tx,
}

impl Steps<'_, '_> {
    pub(crate) async fn run(&mut self, write: Write) -> Result<Written> {
        match write {
            Write::Insert(rows) => {
                let one = rows.len() == 1;
                let mut inserted = Vec::with_capacity(rows.len());
                for row in rows {
                    inserted.push(self.insert(row).await?);
                }
                Ok(Written { rows: inserted, one, created: true, removed: 0 })
            }
            Write::Update { filter, patch, expected } => self.update(filter, &patch, expected).await,
            Write::Upsert { filter, patch, row } => {
                let found = self.rows(self.visible(filter), 2).await?;
                if let Some(old) = found.into_iter().next() {
                    let new = self.merge(&old, &patch).await?;
                    Ok(Written { rows: vec![new], one: true, ..Written::default() })
                } else {
                    let row = self.insert(row).await?;
                    Ok(Written { rows: vec![row], one: true, created: true, removed: 0 })
                }
            }
            Write::Delete { filter, expected } => self.delete(filter, expected).await,
            Write::Restore { filter } => self.restore(filter).await,
            Write::Clear => self.clear().await,
        }
    }

    async fn insert(&mut self, mut row: Row) -> Result<Row> {
        let now = self.engine.clock().now();
        model::fill_generated(self.shape, &mut row, now);
        for (index, column) in self.shape.columns.iter().enumerate() {
            let empty = matches!(row[index], Value::Null | Value::Integer(0));
            if column.generated == Some(Generated::Autoincrement) && empty {
                row[index] = Value::Integer(self.tx.next(self.shape, index).await?);
            }
        }
        if row[Shape::ID].is_null() {
            let id = model::id_of(self.shape, &row).unwrap_or_else(model::new_id);
            row[Shape::ID] = Value::Text(id);
        }
        row[Shape::VERSION] = Value::Integer(1);
        row[Shape::CREATED_AT] = Value::Integer(now);
        row[Shape::UPDATED_AT] = Value::Integer(now);
        self.renew(&mut row, now);
        self.check_references(&row, None).await?;
        match self.tx.insert(self.shape, &row).await {
            // What has expired is gone, even if the sweep has not come by yet.
            Err(error) if error.is(Code::UniqueViolation) && self.shape.expires_at.is_some() => {
                while purge(self.tx, self.shape, now).await? > 0 {}
                self.tx.insert(self.shape, &row).await?;
            }
            result => result?,
        }
        if let Some(most) = self.shape.descriptor.max_size {
            self.evict(most).await?;
        }
        Ok(row)
    }

    async fn update(&mut self, filter: Filter, patch: &Patch, expected: Option<i64>) -> Result<Written> {
        let one = pins_one(self.shape, &filter);
        let found = self.found(filter, one).await?;
        let mut rows = Vec::with_capacity(found.len());
        for old in found {
            check_version(&old, expected)?;
            rows.push(self.merge(&old, patch).await?);
        }
        Ok(Written { rows, one, ..Written::default() })
    }

    async fn merge(&mut self, old: &Row, patch: &Patch) -> Result<Row> {
        let mut new = match patch {
            Patch::Merge(json) => model::merge(self.shape, old, json)?.1,
            Patch::Replace(row) => self.replace(old, row)?,
        };
        for index in [Shape::ID, Shape::VERSION, Shape::CREATED_AT] {
            new[index] = old[index].clone();
        }
        self.touch(old, &mut new);
        self.check_references(&new, Some(old)).await?;
        self.tx.update(self.shape, old, &new).await?;
        Ok(new)
    }

    fn replace(&self, old: &Row, fields: &Row) -> Result<Row> {
        let mut new = old.clone();
        let end = Shape::FIELDS + self.shape.fields().len();
        new.0[Shape::FIELDS..end].clone_from_slice(&fields.0[Shape::FIELDS..end]);
        match self.shape.key {
            Some(key) if new[key] != old[key] => Err(Error::validation(vec![Violation {
                instance_path: format!("/{}", self.shape.columns[key].name),
                keyword: "immutable".into(),
                message: "is the document's key and can't change".into(),
                params: serde_json::json!({}),
                schema_path: format!("#/properties/{}", self.shape.columns[key].name),
            }])),
            _ => Ok(new),
        }
    }

    async fn delete(&mut self, filter: Filter, expected: Option<i64>) -> Result<Written> {
        let one = pins_one(self.shape, &filter);
        let found = self.found(filter, one).await?;
        let mut rows = Vec::with_capacity(found.len());
        for old in found {
            check_version(&old, expected)?;
            self.check_unreferenced(&old).await?;
            rows.push(self.remove(old).await?);
        }
        Ok(Written { rows, one, ..Written::default() })
    }

    /// To the trash, or away.
    async fn remove(&mut self, old: Row) -> Result<Row> {
        let Some(deleted_at) = self.shape.deleted_at else {
            self.tx.delete(self.shape, &old).await?;
            return Ok(old);
        };
        let mut new = old.clone();
        self.touch(&old, &mut new);
        new[deleted_at] = new[Shape::UPDATED_AT].clone();
        self.tx.update(self.shape, &old, &new).await?;
        Ok(new)
    }

    async fn restore(&mut self, filter: Filter) -> Result<Written> {
        let Some(deleted_at) = self.shape.deleted_at else {
            return Err(Error::new(Code::MethodNotFound, format!("`{}` has no trash", self.shape.path)));
        };
        let one = pins_one(self.shape, &filter);
        let trashed = Filter::Test(Path::column(deleted_at), Op::Exists(true));
        let found = self.rows(filter.and(trashed), MAX_BULK + 1).await?;
        bounded(&found, one)?;
        let mut rows = Vec::with_capacity(found.len());
        for old in found {
            let mut new = old.clone();
            new[deleted_at] = Value::Null;
            self.touch(&old, &mut new);
            self.check_references(&new, None).await?;
            self.tx.update(self.shape, &old, &new).await?;
            rows.push(new);
        }
        Ok(Written { rows, one, ..Written::default() })
    }

    async fn clear(&mut self) -> Result<Written> {
        for incoming in self.engine.registry().incoming(self.shape) {
            let refers = Filter::Test(Path::column(incoming.column), Op::Exists(true));
            // References among the documents that go do not keep them.
            if incoming.from.path != self.shape.path
                && self.tx.count(incoming.from, &visible(incoming.from, refers, self.engine)).await? > 0
            {
                return Err(referenced(incoming.from));
            }
        }
        let mut removed = 0;
        loop {
            let chunk = self.rows(self.visible(Filter::True), CHUNK).await?;
            if chunk.is_empty() {
                return Ok(Written { removed, ..Written::default() });
            }
            removed += chunk.len() as u64;
            for row in chunk {
                self.remove(row).await?;
            }
        }
    }

    /// Removes the oldest documents beyond `most`.
    async fn evict(&mut self, most: u64) -> Result<()> {
        let count = self.tx.count(self.shape, &self.visible(Filter::True)).await?;
        let oldest = Order { path: Path::column(Shape::CREATED_AT), descending: false };
        let select = Select {
            order: vec![oldest],
            count: Some(count.saturating_sub(most).min(CHUNK)),
            ..Select::filtered(self.shape, self.visible(Filter::True))
        };
        if count > most {
            for row in self.select(&select).await? {
                self.tx.delete(self.shape, &row).await?;
            }
        }
        Ok(())
    }

    async fn found(&mut self, filter: Filter, one: bool) -> Result<Vec<Row>> {
        let found = self.rows(self.visible(filter), if one { 2 } else { MAX_BULK + 1 }).await?;
        bounded(&found, one)?;
        Ok(found)
    }

    async fn rows(&mut self, filter: Filter, most: u64) -> Result<Vec<Row>> {
        let count = if filter_is_id(&filter) { None } else { Some(most) };
        self.select(&Select { count, ..Select::filtered(self.shape, filter) }).await
    }

    async fn select(&mut self, select: &Select) -> Result<Vec<Row>> {
        let sink = self.tx.read(select, Rows::of(select.shape)).await?;
        Ok(store::sink::<Rows>(sink).rows)
    }

    fn visible(&self, filter: Filter) -> Filter {
        visible(self.shape, filter, self.engine)
    }

    /// One version on, written now, with a new term of life.
    fn touch(&self, old: &Row, new: &mut Row) {
        let now = self.engine.clock().now();
        let version = old[Shape::VERSION].as_integer().unwrap_or(0);
        new[Shape::VERSION] = Value::Integer(version.saturating_add(1));
        // The clock may have gone back; a document never does.
        let before = old[Shape::UPDATED_AT].as_integer().unwrap_or(0);
        new[Shape::UPDATED_AT] = Value::Integer(now.max(before));
        self.renew(new, now);
    }

    fn renew(&self, row: &mut Row, now: i64) {
        if let (Some(index), Some(ttl)) = (self.shape.expires_at, self.shape.descriptor.ttl) {
            let ttl = i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX);
            row[index] = Value::Integer(now.saturating_add(ttl));
        }
    }

    /// Every document that the row newly refers to exists.
    async fn check_references(&mut self, row: &Row, old: Option<&Row>) -> Result<()> {
        let mut missing = Vec::new();
        for (index, column) in self.shape.columns.iter().enumerate() {
            let Some(target) = &column.references else { continue };
            if old.is_some_and(|old| old[index] == row[index]) || row[index].is_null() {
                continue;
            }
            // The registry has made sure that both are there.
            let Some(other) = self.engine.registry().by_id(&target.model) else { continue };
            let Some(field) = other.index_of(&target.field) else { continue };
            for (pointer, value) in referred(&column.name, column.array, &row[index]) {
                let itself = other.path == self.shape.path && row[field] == value;
                let filter = Filter::Test(Path::column(field), Op::Eq(Operand::Cell(value)));
                if !itself && self.tx.count(other, &visible(other, filter, self.engine)).await? == 0 {
                    missing.push(Violation {
                        instance_path: pointer,
                        keyword: "model".into(),
                        message: format!("must be the `{}` of an existing `{}`", target.field, target.model),
                        params: serde_json::json!({ "model": target.model, "field": target.field }),
                        schema_path: format!("#/properties/{}/model", column.name),
                    });
                }
            }
        }
        if missing.is_empty() { Ok(()) } else { Err(Error::validation(missing)) }
    }

    /// No document refers to this one.
    async fn check_unreferenced(&mut self, row: &Row) -> Result<()> {
        for incoming in self.engine.registry().incoming(self.shape) {
            let value = row[incoming.target].clone();
            if value.is_null() {
                continue;
            }
            let mut filter = Filter::Test(Path::column(incoming.column), Op::Eq(Operand::Cell(value)));
            if incoming.from.path == self.shape.path {
                let itself = Op::Ne(Operand::Cell(row[Shape::ID].clone()));
                filter = filter.and(Filter::Test(Path::column(Shape::ID), itself));
            }
            if self.tx.count(incoming.from, &visible(incoming.from, filter, self.engine)).await? > 0 {
                return Err(referenced(incoming.from));
            }
        }
        Ok(())
    }
}

/// The values that a cell refers to, with their places in the document.
fn referred(name: &str, array: bool, cell: &Value) -> Vec<(String, Value)> {
    let pointer = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
    let Some(text) = cell.as_text().filter(|_| array) else { return vec![(pointer, cell.clone())] };
    let elements: Vec<serde_json::Value> = serde_json::from_str(text).unwrap_or_default();
    elements
        .into_iter()
        .enumerate()
        .filter_map(|(index, element)| {
            let value = match element {
                serde_json::Value::String(text) => Value::Text(text),
                other => Value::Integer(other.as_i64()?),
            };
            Some((format!("{pointer}/{index}"), value))
        })
        .collect()
}

fn referenced(from: &Shape) -> Error {
    Error::new(Code::Referenced, format!("documents of `{}` refer to it", from.path))
        .with_details(serde_json::json!({ "model": from.path }))
}

fn check_version(row: &Row, expected: Option<i64>) -> Result<()> {
    match expected {
        Some(expected) if row[Shape::VERSION] != Value::Integer(expected) => {
            let version = row[Shape::VERSION].as_integer();
            Err(Error::new(Code::Conflict, "the document has changed meanwhile")
                .with_details(serde_json::json!({ "expected": expected, "version": version })))
        }
        _ => Ok(()),
    }
}

fn bounded(found: &[Row], one: bool) -> Result<()> {
    if one && found.is_empty() {
        return Err(Error::new(Code::NotFound, "there is no such document"));
    }
    if found.len() as u64 > MAX_BULK {
        return Err(Error::new(
            Code::InvalidQuery,
            format!("more than {MAX_BULK} documents fulfil the query; narrow it and repeat"),
        ));
    }
    Ok(())
}

pub(crate) fn has_autoincrement(shape: &Shape) -> bool {
    shape.columns.iter().any(|column| column.generated == Some(Generated::Autoincrement))
}

fn filter_is_id(filter: &Filter) -> bool {
    matches!(filter, Filter::Test(path, Op::Eq(_)) if *path == Path::column(Shape::ID))
}

/// Whether at most one document can fulfil the filter: it names the id or a unique set of fields.
pub(crate) fn pins_one(shape: &Shape, filter: &Filter) -> bool {
    let tests = match filter {
        Filter::All(all) => all.as_slice(),
        one => std::slice::from_ref(one),
    };
    let pinned = |column: usize| {
        tests.iter().any(|test| match test {
            Filter::Test(path, Op::Eq(Operand::Cell(value))) => {
                path.column == column && path.steps.is_empty() && !value.is_null()
            }
            _ => false,
        })
    };
    pinned(Shape::ID) || shape.unique.iter().any(|set| set.iter().all(|&column| pinned(column)))
}

/// The filter for what is there: not in the trash, not expired.
pub(crate) fn visible(shape: &Shape, filter: Filter, engine: &Engine) -> Filter {
    let mut filter = filter;
    if let Some(deleted_at) = shape.deleted_at {
        filter = filter.and(Filter::Test(Path::column(deleted_at), Op::Exists(false)));
    }
    if let Some(expires_at) = shape.expires_at {
        let now = Operand::Cell(Value::Integer(engine.clock().now()));
        filter = filter.and(Filter::Test(Path::column(expires_at), Op::Gt(now)));
    }
    filter
}

/// The filter for what has expired, or lain in the trash for too long.
pub(crate) fn dead(shape: &Shape, now: i64) -> Filter {
    let until = |index: usize, limit: i64| {
        Filter::Test(Path::column(index), Op::Lte(Operand::Cell(Value::Integer(limit))))
    };
    let mut dead = Filter::False;
    if let Some(index) = shape.expires_at {
        dead = dead.or(until(index, now));
    }
    if let (Some(index), Some(keep)) = (shape.deleted_at, shape.descriptor.trash) {
        let keep = i64::try_from(keep.as_millis()).unwrap_or(i64::MAX);
        dead = dead.or(until(index, now.saturating_sub(keep)));
    }
    dead
}

/// Removes at most a chunk of what is [`dead`]. Answers how many rows.
pub(crate) async fn purge(tx: &mut dyn Tx, shape: &'static Shape, now: i64) -> Result<u64> {
    let select = Select { count: Some(CHUNK), ..Select::filtered(shape, dead(shape, now)) };
    let rows = store::sink::<Rows>(tx.read(&select, Rows::of(shape)).await?).rows;
    for row in &rows {
        tx.delete(shape, row).await?;
    }
    Ok(rows.len() as u64)
}
