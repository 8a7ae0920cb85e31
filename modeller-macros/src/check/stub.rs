//! What a struct with errors still has: one constant a field, so that code which uses them does not fail as well.

use std::collections::HashSet;

use super::{field, geo};
use crate::ir::model::{Column, Stub};
use crate::syntax::model::RawModel;
use crate::vocab;

/// Leaves out what would itself be an error.
pub(crate) fn check(raw: &RawModel) -> Stub {
    let mut seen = HashSet::new();
    let columns = raw.fields.iter().map(field::column);
    let columns = columns.filter(|column| {
        let name = column.constant.to_string();
        !vocab::CONSTANTS.contains(&name.as_str()) && seen.insert(name)
    });
    let columns: Vec<Column> = columns.collect();
    let pairs = geo::pairs(&raw.geo, &raw.fields).filter(|pair| seen.insert(pair.constant.to_string()));
    Stub { ident: raw.ident.clone(), columns, geo: pairs.collect() }
}
