//! The vocabulary of operators: one table for parsing, for what fits which column, and for the errors.

use serde_json::json;

use super::{invalid, shown, suggest, values};
use crate::model::{Error, Kind};
use crate::query::Path;

/// What may stand around whole filters.
pub(super) const CONNECTIVES: [&str; 4] = ["$and", "$or", "$nor", "$not"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Eq,
    Ne,
    Gt,
    Gte,
    Lt,
    Lte,
    In,
    Nin,
    Exists,
    Contains,
    StartsWith,
    EndsWith,
    Like,
    Not,
}

const TABLE: [(&str, Operator); 14] = [
    ("$eq", Operator::Eq),
    ("$ne", Operator::Ne),
    ("$gt", Operator::Gt),
    ("$gte", Operator::Gte),
    ("$lt", Operator::Lt),
    ("$lte", Operator::Lte),
    ("$in", Operator::In),
    ("$nin", Operator::Nin),
    ("$exists", Operator::Exists),
    ("$contains", Operator::Contains),
    ("$startsWith", Operator::StartsWith),
    ("$endsWith", Operator::EndsWith),
    ("$like", Operator::Like),
    ("$not", Operator::Not),
];

impl Operator {
    /// With or without its `$`.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let plain = name.strip_prefix('$').unwrap_or(name);
        TABLE.iter().find(|(known, _)| &known[1..] == plain).map(|(_, operator)| *operator)
    }

    pub(super) fn name(self) -> &'static str {
        TABLE.iter().find(|(_, operator)| *operator == self).map_or("", |(name, _)| name)
    }

    /// Whether it can be asked of such a value. Inside JSON all can: what is there shows only then.
    pub(super) fn applies(self, kind: Kind, path: &Path) -> bool {
        let inside = kind == Kind::Json || !path.steps.is_empty();
        match self {
            Operator::Gt | Operator::Gte | Operator::Lt | Operator::Lte => inside || kind.is_ordered(),
            Operator::Contains | Operator::StartsWith | Operator::EndsWith | Operator::Like => {
                inside || kind.is_textual()
            }
            _ => true,
        }
    }
}

/// The operators of such a value.
pub(super) fn names(kind: Kind, path: &Path) -> Vec<&'static str> {
    TABLE.iter().filter(|(_, operator)| operator.applies(kind, path)).map(|(name, _)| *name).collect()
}

/// `INVALID_QUERY` for an operator that does not exist. The field is empty around whole filters.
pub(super) fn unknown(name: &str, field: &str, expected: &[&str]) -> Error {
    let of = if field.is_empty() { String::new() } else { format!(" of `{}`", shown(field)) };
    let message = format!("there is no operator `{}`{of}", shown(name));
    suggest::unknown(message, if field.is_empty() { name } else { field }, name, expected)
}

/// `INVALID_QUERY` for an operator that such a column does not have.
pub(super) fn not_applicable(name: &str, path: &Path, kind: Kind, operator: Operator) -> Error {
    let message = format!(
        "`{}` can't be asked of `{}`, which holds {}",
        operator.name(),
        shown(name),
        values::kind_name(kind)
    );
    invalid(message)
        .with_field(shown(name))
        .with_details(json!({ "field": shown(name), "expected": names(kind, path) }))
}
