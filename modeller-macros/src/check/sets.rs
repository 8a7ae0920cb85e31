//! `unique(a, b)` and `index(a, b)`: fields that exist, are stored, and are named once.

use proc_macro2::Ident;
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
        if stored(ident, fields, diag).is_some() && names.contains(&name) {
            diag.error(ident, messages::field_twice(&name));
        }
        names.push(name);
    }
    if set.fields.len() < 2 {
        diag.error(&set.word, messages::set_of_one(&set.word.to_string()));
    }
    names
}

/// The stored field with this name, or an error.
pub(super) fn stored<'f>(ident: &Ident, fields: &'f [RawField], diag: &Diag) -> Option<&'f RawField> {
    let name = ident.unraw().to_string();
    let Some(field) = fields.iter().find(|field| field.ident.unraw() == name) else {
        let known: Vec<String> = fields.iter().map(|field| field.ident.unraw().to_string()).collect();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        let meant = names::nearest(&name, known.iter().copied());
        diag.error(ident, messages::no_such_field(&name, meant, &known));
        return None;
    };
    if field.serde.skip {
        diag.error(ident, messages::skipped_field(&name));
        return None;
    }
    Some(field)
}
