//! The struct as a whole.

use proc_macro2::Ident;
use syn::LitStr;
use syn::ext::IdentExt;

use super::values::LONGEST;
use super::{field, geo, sets, values, wire};
use crate::diag::{Diag, Reported};
use crate::ir::model::Model;
use crate::syntax::field::RawField;
use crate::syntax::model::RawModel;
use crate::{messages, names, vocab};

/// The scope of a model that names none.
const SCOPE: &str = "app";

/// Checks a struct. All that is wrong is reported before it fails.
pub(crate) fn check(raw: &RawModel, diag: &Diag) -> Result<Model, Reported> {
    diag.scope(|| {
        let (scope, name) = (scope(raw, diag), name(raw, diag));
        if scope.len() + 1 + name.len() > LONGEST {
            let what = "model's name (scope and name together)";
            diag.error(&raw.ident, messages::too_long(what, LONGEST));
        }
        let renamed_from = values::former_path(raw.renamed_from.as_ref(), &format!("{scope}/{name}"), diag);
        let (skipped, stored): (Vec<&RawField>, Vec<&RawField>) =
            raw.fields.iter().partition(|field| field.serde.skip);
        for field in skipped {
            if let Some(option) = &field.first_option {
                diag.error(
                    option,
                    messages::option_of_skipped(&option.to_string(), &field.ident.unraw().to_string()),
                );
            }
        }
        if stored.is_empty() {
            diag.error(&raw.ident, messages::no_fields());
        }
        across(&stored, diag);
        let wires = wire::names(&stored, raw.serde.rename_all, diag);
        let fields = stored.iter().zip(wires);
        Model {
            rust: raw.ident.unraw().to_string(),
            ident: raw.ident.clone(),
            fields: fields
                .filter_map(|(raw_field, wire)| field::check(raw_field, wire, &raw.ident, diag))
                .collect(),
            unique: sets::check(&raw.unique, &raw.fields, diag),
            index: sets::check(&raw.index, &raw.fields, diag),
            geo: geo::check(&raw.geo, &raw.fields, diag),
            trash: values::duration("trash", raw.trash.as_ref(), diag),
            ttl: values::duration("ttl", raw.ttl.as_ref(), diag),
            max_size: values::size(raw.max_size.as_ref(), diag),
            renamed_from,
            scope,
            name,
        }
    })
}

fn scope(raw: &RawModel, diag: &Diag) -> String {
    let Some(scope) = &raw.scope else { return SCOPE.into() };
    segment("scope", scope, raw.builtin, diag);
    scope.value()
}

fn name(raw: &RawModel, diag: &Diag) -> String {
    if let Some(literal) = &raw.name {
        let name = literal.value();
        if segment("name", literal, raw.builtin, diag) && is_operation(&name) {
            diag.error(literal, messages::operation_name(&name));
        }
        return name;
    }
    let name = names::lower_camel(&raw.ident.unraw().to_string());
    if !names::is_path_segment(&name, false) {
        diag.error(&raw.ident, messages::bad_default_name(&name));
    } else if is_operation(&name) {
        diag.error(&raw.ident, messages::operation_name(&name));
    }
    name
}

fn segment(word: &str, literal: &LitStr, builtin: bool, diag: &Diag) -> bool {
    let good = names::is_path_segment(&literal.value(), builtin);
    if !good {
        diag.error(literal, messages::bad_name(word, &literal.value()));
    }
    good
}

fn is_operation(name: &str) -> bool {
    vocab::OPERATIONS.contains(&name)
}

/// What several fields can't all be.
fn across(fields: &[&RawField], diag: &Diag) {
    let mut key: Option<&Ident> = None;
    let mut former: Vec<String> = Vec::new();
    for field in fields {
        if let Some(word) = &field.key {
            match key {
                Some(first) => {
                    diag.error(word, messages::second_key(&first.unraw().to_string()));
                }
                None => key = Some(&field.ident),
            }
        }
        let Some(literal) = &field.renamed_from else { continue };
        let name = literal.value();
        let present = fields.iter().find(|other| other.ident.unraw() == name);
        match present {
            Some(other) if other.ident == field.ident => {
                diag.error(literal, messages::renamed_to_itself(&name));
            }
            Some(_) => {
                diag.error(literal, messages::renamed_from_present(&name));
            }
            None if !names::is_field(&name) => {
                diag.error(literal, messages::bad_former_name(&name));
            }
            None if former.contains(&name) => {
                diag.error(literal, messages::renamed_from_taken(&name));
            }
            None => former.push(name),
        }
    }
}
