//! Writes before they are carried out: what is to be done, and whether it is one change.

use std::borrow::Cow;
use std::sync::Arc;

use super::cascade::has_followers;
use super::numbers::has_autoincrement;
use super::scope::{is_id, pins_one};
use super::write::Steps;
use super::{Engine, Operation};
use crate::model::{self, Result, Row, Shape};
use crate::query::{Access, Filter, Update};
use crate::store::{Answer, Work};

/// A write that has been parsed and validated, ready for a transaction. It is handed on a lot, and kept small.
#[derive(Clone)]
pub(crate) enum Write {
    /// Adds rows; their system cells are still empty.
    Insert(Vec<Row>),
    /// Merges a patch into what the filter selects.
    Update { filter: Box<Filter>, patch: Patch, expected: Option<i64> },
    /// Merges the patch into the one row that the filter selects, or inserts the row, which has to fulfil the filter.
    Upsert { filter: Box<Filter>, patch: Patch, row: Row },
    /// Removes what the filter selects.
    Delete { filter: Box<Filter>, expected: Option<i64> },
    /// Brings back from the trash what the filter selects.
    Restore { filter: Box<Filter> },
    /// Removes everything.
    Clear,
}

/// What a document's fields become.
#[derive(Clone)]
pub(crate) enum Patch {
    /// A JSON object: each member replaces that field.
    Merge(Vec<u8>),
    /// Operators, that change what is stored.
    Apply(Box<Update>),
    /// A whole row of new fields.
    Replace(Row),
}

impl Patch {
    /// What the JSON of a patch asks for.
    pub(crate) fn parse(shape: &Shape, json: Vec<u8>, access: Access) -> Result<Self> {
        let update = Update::parse(shape, &json, access)?;
        Ok(update.map_or(Patch::Merge(json), |update| Patch::Apply(Box::new(update))))
    }

    /// As JSON text.
    pub(super) fn text(&self, shape: &Shape) -> Cow<'_, [u8]> {
        match self {
            Patch::Merge(json) => json.into(),
            Patch::Apply(update) => update.text().into(),
            Patch::Replace(row) => {
                let mut text = Vec::new();
                model::write_fields(shape, row, &mut text);
                text.into()
            }
        }
    }
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
    /// The operation that it carries out.
    pub(crate) fn operation(&self) -> Operation {
        match self {
            Write::Insert(_) => Operation::Insert,
            Write::Update { .. } => Operation::Update,
            Write::Upsert { .. } => Operation::Upsert,
            Write::Delete { .. } => Operation::Delete,
            Write::Restore { .. } => Operation::Restore,
            Write::Clear => Operation::Clear,
        }
    }

    /// Whether it makes at most one change, and that as its last step.
    pub(super) fn is_single(&self, engine: &Engine, shape: &Shape) -> bool {
        // Expired documents may have to make room first,
        if shape.expires_at.is_some() {
            return false;
        }
        // as those that have lain in the trash with this key; and old ones afterwards.
        let plain = shape.descriptor.max_size.is_none();
        let alone = || !has_followers(engine, shape);
        let kept = shape.deleted_at.is_some() && shape.key.is_some();
        match self {
            Write::Insert(rows) => rows.len() <= 1 && Self::is_single_insert(shape),
            Write::Update { filter, .. } => pins_one(shape, filter),
            Write::Delete { filter, .. } => pins_one(shape, filter) && alone(),
            // The trash may hold several documents with one unique value.
            Write::Restore { filter } => is_id(filter) && plain,
            Write::Upsert { .. } => plain && !kept && !has_autoincrement(shape),
            Write::Clear => false,
        }
    }

    /// Whether the insert of one document makes no other change.
    pub(super) fn is_single_insert(shape: &Shape) -> bool {
        let kept = shape.deleted_at.is_some() && shape.key.is_some();
        let plain = shape.descriptor.max_size.is_none() && shape.expires_at.is_none();
        plain && !kept && !has_autoincrement(shape)
    }

    /// The work for a store, that answers a [`Written`].
    pub(crate) fn into_work(self, engine: Arc<Engine>, shape: &'static Shape, actor: Option<String>) -> Work {
        Work {
            single: self.is_single(&engine, shape),
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
