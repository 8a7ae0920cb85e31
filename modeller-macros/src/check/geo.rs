//! `geo(latitude, longitude)`: two fields that are there for everybody to ask about.

use proc_macro2::Ident;
use syn::ext::IdentExt;

use super::sets;
use crate::diag::Diag;
use crate::ir::model::Pair;
use crate::syntax::field::RawField;
use crate::syntax::model::RawSet;
use crate::{messages, names};

/// The pairs, each of which becomes a constant.
pub(super) fn check(raw: &[RawSet], fields: &[RawField], diag: &Diag) -> Vec<Pair> {
    let mut seen: Vec<String> = Vec::new();
    for set in raw {
        let Ok(name) = diag.scope(|| one(set, fields, diag)) else { continue };
        if seen.contains(&name) {
            diag.error(&set.word, messages::same_set("geo"));
        } else if let Some(field) = fields.iter().find(|field| field.ident.unraw() == name) {
            diag.error(&field.ident, messages::hides_pair(&name, &names::constant(&name)));
        }
        seen.push(name);
    }
    pairs(raw, fields).collect()
}

/// Reports what is wrong with a pair; both names as one.
fn one(set: &RawSet, fields: &[RawField], diag: &Diag) -> String {
    if set.fields.len() != 2 {
        diag.error(&set.word, messages::geo_of_two());
        return String::new();
    }
    let mut named: Vec<&Ident> = Vec::new();
    for ident in &set.fields {
        let Some(field) = sets::stored(ident, fields, diag) else { continue };
        let name = ident.unraw().to_string();
        if field.private.is_some() {
            diag.error(ident, messages::private_geo(&name));
        } else if named.iter().any(|other| other.unraw() == name) {
            diag.error(ident, messages::geo_twice(&name));
        }
        named.push(ident);
    }
    joined(&set.fields)
}

fn joined(fields: &[Ident]) -> String {
    let names: Vec<String> = fields.iter().map(|field| field.unraw().to_string()).collect();
    names.join("_")
}

/// The pairs whose fields exist.
pub(super) fn pairs<'a>(raw: &'a [RawSet], fields: &'a [RawField]) -> impl Iterator<Item = Pair> + 'a {
    let stored: Vec<&RawField> = fields.iter().filter(|field| !field.serde.skip).collect();
    raw.iter().filter_map(move |set| {
        let [latitude, longitude] = set.fields.as_slice() else { return None };
        let place = |ident: &Ident| stored.iter().position(|field| field.ident.unraw() == ident.unraw());
        let at = place(latitude)?;
        Some(Pair {
            constant: Ident::new(&names::constant(&joined(&set.fields)), latitude.span()),
            visibility: stored[at].visibility.clone(),
            latitude: at,
            longitude: place(longitude)?,
        })
    })
}
