//! Writes as steps of one transaction: what inserting, updating and deleting a document *means*, on whatever store.

use super::Engine;
use super::cascade::Reach;
pub(crate) use super::draft::{Patch, Write, Written};
use super::numbers::MAX_TAKEN;
use super::scope::{Bounded, CHUNK, is_id, milliseconds, pins_one, purge, trashed, visible};
use crate::model::{self, Code, Error, Record, Result, Row, Shape, Value};
use crate::query::{Filter, Op, Operand, Order, Path, Select, Update};
use crate::store::{self, Tx};

/// How many documents one call may update or delete at most.
pub const MAX_BULK: u64 = 10_000;

/// The steps of a write, inside its transaction.
pub(crate) struct Steps<'a, 't> {
    pub(crate) engine: &'a Engine,
    pub(crate) shape: &'static Shape,
    pub(crate) tx: &'t mut dyn Tx,
}

impl Steps<'_, '_> {
    /// Each kind of write has a future of its own, as large as it needs: a common one would be as large as the largest.
    pub(crate) async fn run(&mut self, write: Write) -> Result<Written> {
        match write {
            Write::Insert(rows) => Box::pin(self.insert_all(rows)).await,
            Write::Update { filter, patch, expected } => {
                Box::pin(self.update(*filter, &patch, expected)).await
            }
            Write::Upsert { filter, patch, row } => Box::pin(self.upsert(*filter, &patch, row)).await,
            Write::Delete { filter, expected } => Box::pin(self.delete(*filter, expected)).await,
            Write::Restore { filter } => Box::pin(self.restore(*filter)).await,
            Write::Clear => Box::pin(self.clear()).await,
        }
    }

    async fn insert_all(&mut self, rows: Vec<Row>) -> Result<Written> {
        let one = rows.len() == 1;
        let mut inserted = Vec::with_capacity(rows.len());
        for row in rows {
            inserted.push(self.insert(row).await?);
        }
        Ok(Written { rows: inserted, one, created: true, removed: 0 })
    }

    /// The first visible row that fulfils the filter.
    pub(super) async fn first(&mut self, filter: &Filter) -> Result<Option<Row>> {
        Ok(self.rows(self.visible(filter.clone()), 1).await?.into_iter().next())
    }

    async fn upsert(&mut self, filter: Filter, patch: &Patch, row: Row) -> Result<Written> {
        if let Some(old) = self.first(&filter).await? {
            let new = self.merge(&old, patch).await?;
            return Ok(Written { rows: vec![new], one: true, ..Written::default() });
        }
        let row = self.check_upsert(&filter, row).await?;
        let row = self.add(row).await?;
        Ok(Written { rows: vec![row], one: true, created: true, removed: 0 })
    }

    /// The row that an upsert inserts, complete.
    pub(super) async fn check_upsert(&mut self, filter: &Filter, row: Row) -> Result<Row> {
        let row = self.complete(row).await?;
        // Else each repetition would insert another one.
        if !filter.matches(self.shape, &row) {
            return Err(Error::new(
                Code::NotFound,
                "there is no such document, and what would be inserted does not fulfil the query either",
            ));
        }
        Ok(row)
    }

    pub(super) async fn insert(&mut self, row: Row) -> Result<Row> {
        let row = self.complete(row).await?;
        self.add(row).await
    }

    /// The row with all that the framework gives it. Generated numbers stay empty until it is added.
    async fn complete(&mut self, mut row: Row) -> Result<Row> {
        let now = self.engine.clock().now();
        model::fill_generated(self.shape, &mut row, now);
        for index in Shape::FIELDS..self.shape.columns.len() {
            if self.is_blank_number(index, &row[index]) {
                row[index] = Value::Null;
            } else {
                self.check_given(index, &row[index])?;
            }
        }
        let numbered = self.shape.key.is_some_and(|key| self.is_blank_number(key, &row[key]));
        if row[Shape::ID].is_null() && !numbered {
            let id = model::id_of(self.shape, &row).unwrap_or_else(model::new_id);
            row[Shape::ID] = Value::Text(id);
        }
        row[Shape::VERSION] = Value::Integer(1);
        row[Shape::CREATED_AT] = Value::Integer(now);
        row[Shape::UPDATED_AT] = Value::Integer(now);
        self.renew(&mut row, now);
        Ok(row)
    }

    async fn add(&mut self, mut row: Row) -> Result<Row> {
        let numbered: Vec<usize> = (Shape::FIELDS..self.shape.columns.len())
            .filter(|&index| row[index].is_null() && self.is_blank_number(index, &row[index]))
            .collect();
        self.number(&numbered, &mut row).await?;
        self.check_references(&row, None).await?;
        let mut taken = 0;
        loop {
            match self.put(None, &row).await {
                // A caller had given a document this number before its turn came.
                Err(error) if taken < MAX_TAKEN && self.is_of(&numbered, &error) => taken += 1,
                result => break result?,
            }
            self.number(&numbered, &mut row).await?;
        }
        if let Some(most) = self.shape.descriptor.max_size {
            Box::pin(self.evict(&row, most)).await?;
        }
        Ok(row)
    }

    /// Stores a new row, or the new version of an old one.
    async fn put(&mut self, old: Option<&Row>, new: &Row) -> Result<()> {
        let result = match old {
            None => self.tx.insert(self.shape, new).await,
            Some(old) => self.tx.update(self.shape, old, new).await,
        };
        let is_taken = matches!(&result, Err(error) if error.is(Code::UniqueViolation));
        let is_kept = old.is_none() && self.shape.deleted_at.is_some() && self.shape.key.is_some();
        if !is_taken || !(self.shape.expires_at.is_some() || is_kept) {
            return result;
        }
        Box::pin(self.put_again(old, new, is_kept)).await
    }

    /// Stores what only something that is gone had kept out.
    async fn put_again(&mut self, old: Option<&Row>, new: &Row, is_kept: bool) -> Result<()> {
        // What has expired is gone, even if the sweep has not come by yet.
        let now = self.engine.clock().now();
        while purge(self.engine, self.tx, self.shape, now).await? > 0 {}
        let result = match old {
            None => self.tx.insert(self.shape, new).await,
            Some(old) => self.tx.update(self.shape, old, new).await,
        };
        match result {
            Err(error) if is_kept && error.is(Code::UniqueViolation) => {
                Err(self.told_of_trash(error, new).await?)
            }
            result => result,
        }
    }

    /// The error, saying where the document is that nobody sees.
    async fn told_of_trash(&mut self, error: Error, new: &Row) -> Result<Error> {
        let id = new[Shape::ID].as_text().unwrap_or_default();
        let same = trashed(self.shape, Filter::id(id), self.engine);
        if self.tx.count(self.shape, &same).await? == 0 {
            return Ok(error);
        }
        let message =
            "a document in the trash has this key: restore it, or wait until the trash has let go of it";
        let field = error.field().unwrap_or("_id").to_owned();
        Ok(Error::new(Code::UniqueViolation, message).with_field(field))
    }

    async fn update(&mut self, filter: Filter, patch: &Patch, expected: Option<i64>) -> Result<Written> {
        let (found, one) = self.rows_to_update(filter, patch, expected).await?;
        let mut rows = Vec::with_capacity(found.len());
        for old in found {
            rows.push(self.merge(&old, patch).await?);
        }
        Ok(Written { rows, one, ..Written::default() })
    }

    /// The rows that an update is about, and whether it can be but one.
    pub(super) async fn rows_to_update(
        &mut self,
        filter: Filter,
        patch: &Patch,
        expected: Option<i64>,
    ) -> Result<(Vec<Row>, bool)> {
        let one = pins_one(self.shape, &filter);
        let found = self.found(filter, one).await?;
        // Nonsense is refused whether or not there is something to write it over.
        match patch {
            Patch::Merge(json) if found.is_empty() => model::check_patch(self.shape, json)?,
            Patch::Apply(update) if found.is_empty() => model::check_patch(self.shape, &update.given())?,
            _ => {}
        }
        found.iter().try_for_each(|old| check_version(old, expected))?;
        Ok((found, one))
    }

    async fn merge(&mut self, old: &Row, patch: &Patch) -> Result<Row> {
        let new = match patch {
            Patch::Merge(json) => model::merge(self.shape, old, json)?.1,
            Patch::Apply(update) => self.apply(update, old)?.1,
            Patch::Replace(row) => self.replace(old, row)?,
        };
        self.settle(old, new).await
    }

    /// What operators make of a row.
    pub(super) fn apply(&self, update: &Update, old: &Row) -> Result<(Box<dyn Record>, Row)> {
        let applied = update.apply(self.shape, old)?;
        model::merge_without(self.shape, old, &applied.patch, &applied.unset)
    }

    /// Stores the new version of a row.
    pub(super) async fn settle(&mut self, old: &Row, mut new: Row) -> Result<Row> {
        for index in [Shape::ID, Shape::VERSION, Shape::CREATED_AT] {
            new[index] = old[index].clone();
        }
        self.touch(old, &mut new);
        for index in Shape::FIELDS..self.shape.columns.len() {
            if old[index] != new[index] {
                self.check_given(index, &new[index])?;
            }
        }
        self.check_references(&new, Some(old)).await?;
        self.check_unreferenced_changes(old, &new).await?;
        self.put(Some(old), &new).await?;
        Ok(new)
    }

    pub(super) fn replace(&self, old: &Row, fields: &Row) -> Result<Row> {
        let mut new = old.clone();
        let end = Shape::FIELDS + self.shape.fields().len();
        for index in Shape::FIELDS..end {
            let column = &self.shape.columns[index];
            // What was generated once is not emptied by a struct that leaves it blank.
            if column.generated.is_none() || !model::is_blank(column.kind, &fields[index]) {
                new[index] = fields[index].clone();
            }
        }
        match self.shape.key {
            Some(key) if new[key] != old[key] => Err(model::immutable_key(self.shape, key)),
            _ => Ok(new),
        }
    }

    async fn delete(&mut self, filter: Filter, expected: Option<i64>) -> Result<Written> {
        let (found, one) = self.rows_to_delete(filter, expected).await?;
        let followed = self.has_followers();
        let mut rows = Vec::with_capacity(found.len());
        for old in found {
            if one && !followed {
                self.check_unreferenced(&old).await?;
            }
            rows.push(self.remove(old).await?);
        }
        if !one || followed {
            // References among the documents that go do not keep them.
            let removed = rows.len() as u64;
            self.follow(&rows, Reach::Call { removed }).await?;
        }
        Ok(Written { rows, one, ..Written::default() })
    }

    /// The rows that a delete is about, and whether it can be but one.
    pub(super) async fn rows_to_delete(
        &mut self,
        filter: Filter,
        expected: Option<i64>,
    ) -> Result<(Vec<Row>, bool)> {
        let one = pins_one(self.shape, &filter);
        let found = self.found(filter, one).await?;
        found.iter().try_for_each(|old| check_version(old, expected))?;
        Ok((found, one))
    }

    /// To the trash, or away.
    pub(super) async fn remove(&mut self, old: Row) -> Result<Row> {
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
        let found = self.rows(trashed(self.shape, filter, self.engine), MAX_BULK + 1).await?;
        bounded(&found, one)?;
        if one && found.len() > 1 {
            return Err(Error::new(
                Code::Conflict,
                format!("{} documents in the trash fulfil the query: name one by its `_id`", found.len()),
            ));
        }
        let mut rows = Vec::with_capacity(found.len());
        for old in found {
            let mut new = old.clone();
            new[deleted_at] = Value::Null;
            self.touch(&old, &mut new);
            self.check_references(&new, None).await?;
            self.put(Some(&old), &new).await?;
            if let Some(most) = self.shape.descriptor.max_size {
                self.evict(&new, most).await?;
            }
            rows.push(new);
        }
        Ok(Written { rows, one, ..Written::default() })
    }

    async fn clear(&mut self) -> Result<Written> {
        self.check_all_unreferenced().await?;
        let followed = self.has_followers();
        let mut removed = 0;
        loop {
            let select =
                Select { count: Some(CHUNK), ..Select::filtered(self.shape, self.visible(Filter::True)) };
            let chunk = self.select(&select).await?.rows.rows;
            if chunk.is_empty() {
                return Ok(Written { removed, ..Written::default() });
            }
            removed += chunk.len() as u64;
            let mut gone = Vec::with_capacity(if followed { chunk.len() } else { 0 });
            for row in chunk {
                let row = self.remove(row).await?;
                if followed {
                    gone.push(row);
                }
            }
            // That nobody holds them has been looked at before.
            self.follow(&gone, Reach::Clear).await?;
        }
    }

    /// Removes the oldest documents beyond what the model keeps; never the one that has just come.
    async fn evict(&mut self, newest: &Row, most: u64) -> Result<()> {
        let count = self.tx.count(self.shape, &self.visible(Filter::True)).await?;
        if count <= most {
            return Ok(());
        }
        let others = Filter::Test(Path::column(Shape::ID), Op::Ne(Operand::Cell(newest[Shape::ID].clone())));
        let select = Select {
            order: vec![Order { path: Path::column(Shape::CREATED_AT), descending: false }],
            count: Some((count - most).min(CHUNK)),
            ..Select::filtered(self.shape, self.visible(others))
        };
        let old = self.select(&select).await?.rows.rows;
        for row in &old {
            self.tx.delete(self.shape, row).await?;
        }
        // Nobody holds what makes room.
        Box::pin(self.follow(&old, Reach::ByItself)).await
    }

    async fn found(&mut self, filter: Filter, one: bool) -> Result<Vec<Row>> {
        let found = self.rows(self.visible(filter), if one { 2 } else { MAX_BULK + 1 }).await?;
        bounded(&found, one)?;
        Ok(found)
    }

    async fn rows(&mut self, filter: Filter, most: u64) -> Result<Vec<Row>> {
        let count = if is_id(&filter) { None } else { Some(most) };
        let found = self.select(&Select { count, ..Select::filtered(self.shape, filter) }).await?;
        if found.cut {
            return Err(too_many("the documents that fulfil the query are too large together"));
        }
        Ok(found.rows.rows)
    }

    async fn select(&mut self, select: &Select) -> Result<Bounded> {
        Ok(store::sink(self.tx.read(select, Bounded::of(select.shape)).await?))
    }

    fn visible(&self, filter: Filter) -> Filter {
        visible(self.shape, filter, self.engine)
    }

    /// One version on, written now, with a new term of life.
    pub(super) fn touch(&self, old: &Row, new: &mut Row) {
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
            row[index] = Value::Integer(now.saturating_add(milliseconds(ttl)));
        }
    }
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
        return Err(too_many(&format!("more than {MAX_BULK} documents fulfil the query")));
    }
    Ok(())
}

fn too_many(why: &str) -> Error {
    Error::new(Code::InvalidQuery, format!("{why}; narrow it and repeat"))
}
