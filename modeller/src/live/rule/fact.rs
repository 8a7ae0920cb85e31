//! Facts: what is known to be so, under a key. A built-in model like any other, read and written through a `Cx`.

use std::ops::ControlFlow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use validator::Validate;

use super::pattern::{Names, Pattern};
use super::{Rules, text};
use crate::Model;
use crate::engine::{Cx, Records as _};
use crate::model::{self, Cell, Code, Doc, Error, Result, RowView};
use crate::query::Select;
use crate::store::{self, Sink};

/// So many facts are answered at once, and so many bytes of their values.
const MOST: usize = 10_000;
const MOST_BYTES: usize = 8 << 20;
/// No value is longer as JSON.
const MAX_VALUE: usize = 64 << 10;

/// A fact, as it is kept: the model `_modeller/facts`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(builtin, scope = "_modeller", name = "facts", crate = crate)]
pub(super) struct FactEntry {
    /// Its key.
    #[model(key)]
    key: String,
    /// What is so, as JSON text.
    value: String,
}

/// Something that is known to be so.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Fact {
    /// Its key: `customer:123:age`.
    pub key: String,
    /// Any JSON.
    pub value: Json,
    /// How often it was set.
    pub version: i64,
    /// When it was last set, in Unix milliseconds.
    pub timestamp: i64,
}

impl Fact {
    fn of(doc: Doc<FactEntry>) -> Result<Self> {
        let value = serde_json::from_str(&doc.data.value).map_err(|_| {
            // What serde says of it would quote the value.
            Error::new(Code::InternalError, format!("the fact `{}` is not stored as JSON", doc.data.key))
        })?;
        Ok(Fact { key: doc.data.key, value, version: doc.version, timestamp: doc.updated_at })
    }
}

impl Rules {
    /// Sets a fact, whether there was one under this key or not.
    ///
    /// # Errors
    /// `INVALID_REQUEST` if this can be no key; `PAYLOAD_TOO_LARGE` for a value of more than 64 KiB; those of the store.
    pub async fn set_fact(&self, cx: &Cx, key: &str, value: impl Into<Json>) -> Result<Fact> {
        Names::Keys.check(key)?;
        let value = value.into();
        let entry = FactEntry { key: key.to_owned(), value: text(&value, "value", MAX_VALUE)? };
        let (doc, _) = FactEntry::upsert(cx, entry).await?;
        Ok(Fact { key: doc.data.key, value, version: doc.version, timestamp: doc.updated_at })
    }

    /// The fact with this key, if there is one.
    ///
    /// # Errors
    /// `INVALID_REQUEST` if this can be no key; those of the store.
    pub async fn get_fact(&self, cx: &Cx, key: &str) -> Result<Option<Fact>> {
        Names::Keys.check(key)?;
        FactEntry::find().filter(FactEntry::KEY.eq(key)).first(cx).await?.map(Fact::of).transpose()
    }

    /// Removes a fact, and answers whether there was one.
    ///
    /// # Errors
    /// `INVALID_REQUEST` if this can be no key; those of the store.
    pub async fn delete_fact(&self, cx: &Cx, key: &str) -> Result<bool> {
        Names::Keys.check(key)?;
        Ok(!FactEntry::delete_where(cx, FactEntry::KEY.eq(key)).await?.is_empty())
    }

    /// The facts whose keys a pattern selects, by key: `customer:*:age`.
    ///
    /// # Errors
    /// `INVALID_REQUEST` if this can be no pattern; `INVALID_QUERY` if it selects more than 10,000 facts, or 8 MiB of them; those of the store.
    pub async fn query_facts(&self, cx: &Cx, pattern: &str) -> Result<Vec<Fact>> {
        let pattern = Pattern::parse(pattern, Names::Keys)?;
        let filter = FactEntry::KEY.like(pattern.like()).into_filter()?;
        let shape = FactEntry::descriptor().shape();
        // By id, and the key is the id.
        let select = Select::filtered(shape, filter);
        let found = Box::new(Found { pattern, facts: Vec::new(), bytes: 0, is_more: false });
        let found = store::sink::<Found>(cx.read(&select, found).await?);
        if found.is_more {
            let message = format!(
                "this selects more than {MOST} facts, or {MOST_BYTES} bytes of them: ask for some by a pattern"
            );
            return Err(Error::new(Code::InvalidQuery, message).with_field("pattern"));
        }
        found.facts.into_iter().map(|doc| doc.and_then(Fact::of)).collect()
    }

    /// All facts, by key.
    ///
    /// # Errors
    /// `INVALID_QUERY` if there are more than 10,000; those of the store.
    pub async fn all_facts(&self, cx: &Cx) -> Result<Vec<Fact>> {
        self.query_facts(cx, "**").await
    }

    /// How many facts there are.
    ///
    /// # Errors
    /// If the store can't be read.
    pub async fn count_facts(&self, cx: &Cx) -> Result<u64> {
        FactEntry::count(cx).await
    }
}

/// Takes the facts that the pattern selects among those that the store finds.
struct Found {
    pattern: Pattern,
    facts: Vec<Result<Doc<FactEntry>>>,
    bytes: usize,
    is_more: bool,
}

impl Sink for Found {
    fn row(&mut self, row: &dyn RowView) -> ControlFlow<()> {
        match row.cell(FactEntry::KEY.index()) {
            Cell::Text(key) if self.pattern.matches(key) => {}
            _ => return ControlFlow::Continue(()),
        }
        if let Cell::Text(value) = row.cell(FactEntry::VALUE.index()) {
            self.bytes += value.len();
        }
        if self.facts.len() == MOST || self.bytes > MOST_BYTES {
            self.is_more = true;
            return ControlFlow::Break(());
        }
        self.facts.push(model::doc_from_row(FactEntry::descriptor().shape(), row));
        ControlFlow::Continue(())
    }
}
