//! The names of fields on the wire and in the store: right in themselves, and different from one another.

use std::collections::HashMap;

use syn::ext::IdentExt;

use super::values::LONGEST;
use crate::diag::Diag;
use crate::names::Rule;
use crate::syntax::field::RawField;
use crate::{messages, names, vocab};

/// The wire names of the stored fields, in order.
pub(super) fn names(fields: &[&RawField], rule: Option<Rule>, diag: &Diag) -> Vec<String> {
    let mut wires: HashMap<String, String> = HashMap::new();
    let mut columns: HashMap<String, String> = HashMap::new();
    let named = fields.iter().map(|field| {
        let rust = field.ident.unraw().to_string();
        // A name that is wrong in itself is not compared with others as well: one mistake, one error.
        if diag.scope(|| column(field, &rust, diag)).is_ok()
            && let Some(other) = columns.insert(rust.to_lowercase(), rust.clone())
        {
            diag.error(&field.ident, messages::same_column(&rust, &other));
        }
        let wire = match (&field.serde.rename, rule) {
            (Some(name), _) => name.value(),
            (None, Some(rule)) => rule.apply(&rust),
            (None, None) => rust.clone(),
        };
        let bad = is_bad(&wire);
        // A column that begins with `_` was reported as such.
        if bad && !(wire.starts_with('_') && wire == rust) {
            at_name(field, messages::bad_wire_name(&wire), diag);
        }
        if !bad && let Some(other) = wires.insert(wire.clone(), rust.clone()) {
            at_name(field, messages::same_wire_name(&wire, &other), diag);
        }
        wire
    });
    named.collect()
}

fn column(field: &RawField, rust: &str, diag: &Diag) {
    let constant = names::constant(rust);
    if rust.starts_with('_') {
        diag.error(&field.ident, messages::system_column(rust));
    } else if rust.len() > LONGEST {
        diag.error(&field.ident, messages::too_long("field's name", LONGEST));
    } else if vocab::CONSTANTS.contains(&constant.as_str()) && !(constant == "ID" && field.key.is_some()) {
        diag.error(&field.ident, messages::hides_constant(rust, &constant));
    }
}

fn is_bad(wire: &str) -> bool {
    wire.is_empty()
        || wire.starts_with(['_', '@', '$'])
        || wire.contains(|character: char| character == '.' || character.is_control())
}

/// Points at the name that was written.
fn at_name(field: &RawField, message: String, diag: &Diag) {
    match &field.serde.rename {
        Some(name) => diag.error(name, message),
        None => diag.error(&field.ident, message),
    };
}
