//! Full text: which rows have the words, and how well they fit.

use super::Sql;
use crate::model::{Shape, Value};
use crate::query::Search;

/// The name of the index of the words in a table. SQLite appends to it for tables of its own, which the last part keeps apart
/// from other indexes.
pub(crate) fn index_name(table: &str) -> String {
    format!("fts.{table}.words")
}

impl Sql {
    /// Appends the condition that a row has the words. It is never unknown.
    pub(super) fn search(&mut self, shape: &Shape, search: &Search) {
        self.rowid();
        self.text.push_str(" IN (SELECT rowid FROM ");
        self.matches(shape, search);
        self.text.push(')');
    }

    /// Appends the rows that have the words as a table to join: `found`, `score` (larger is better).
    pub(crate) fn ranked(&mut self, shape: &Shape, search: &Search) {
        self.text.push_str(" JOIN (SELECT rowid AS \"_found\", -rank AS \"_score\" FROM ");
        self.matches(shape, search);
        self.text.push_str(") ON \"_found\" = \"_rowid\"");
    }

    fn matches(&mut self, shape: &Shape, search: &Search) {
        let index = index_name(&crate::store::sqlite::table_name(shape));
        self.quoted(&index);
        self.text.push_str(" WHERE ");
        self.quoted(&index);
        self.text.push_str(" MATCH ");
        // Where every field is searched, the expression says nothing of fields.
        let places: Vec<usize> = search
            .fields()
            .iter()
            .filter_map(|field| shape.searchable.iter().position(|column| column == field))
            .collect();
        self.bind(Value::Text(search.to_fts(&places, shape.searchable.len())));
    }
}
