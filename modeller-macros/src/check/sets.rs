//! `unique(a, b)` and `index(a, b)`: fields that exist, are stored, and are named once.

use syn::ext::IdentExt;

use crate::diag::Diag;
use crate::syntax::field::RawField;
use crate::syntax::model::RawSet;
use crate::{messages, names};

/// The sets as Rust names.
pub(super) fn check(sets: &[RawSet], fields: &[RawField], diag: &Diag) -> Vec<Vec<String>> {
    let mut seen: Vec<Vec<String>> = Vec::new();
    for set in sets {
        let Ok(names) = diag.scope(|| one(set, fields, diag)) else { continue };
        if seen.contains(&names) {
            diag.error(&set.word, messages::same_set(&set.word.to_string()));
        } else {
            seen.push(names);
        }
    }
    seen
}

fn one(set: &RawSet, fields: &[RawField], diag: &Diag) -> Vec<String> {
    let mut names = Vec::new();
    for ident in &set.fields {
        let name = ident.unraw().to_string();
        let field = fields.iter().find(|field| field.ident.unraw() == name);
        match field {
            None => {
                let known: Vec<String> = fields.iter().map(|field| field.ident.unraw().to_string()).collect();
                let known: Vec<&str> = known.iter().map(String::as_str).collect();
                let meant = names::nearest(&name, known.iter().copied());
                diag.error(ident, messages::no_such_field(&name, meant, &known));
            }
            Some(field) if field.serde.skip => {
                diag.error(ident, messages::skipped_field(&name));
            }
            Some(_) if names.contains(&name) => {
                diag.error(ident, messages::field_twice(&name));
            }
            Some(_) => {}
        }
        names.push(name);
    }
    if set.fields.len() < 2 {
        diag.error(&set.word, messages::set_of_one(&set.word.to_string()));
    }
    names
}
