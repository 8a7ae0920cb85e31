//! serde's attributes: those that change a model's names, and those that no model can have.

use proc_macro2::Ident;
use syn::{Attribute, LitStr};

use crate::diag::Diag;
use crate::messages;
use crate::meta::{self, Item, Value};
use crate::names::Rule;
use crate::vocab::{SERDE_FIELD, SERDE_MODEL, Serde};

/// What serde's attributes say of a struct.
#[derive(Default)]
pub(crate) struct SerdeModel {
    pub(crate) rename_all: Option<Rule>,
}

/// What serde's attributes say of a field.
#[derive(Default)]
pub(crate) struct SerdeField {
    pub(crate) rename: Option<LitStr>,
    /// The field is in no answer, no payload and no table.
    pub(crate) skip: bool,
    /// Its type is not what is written, because functions of its own write it.
    pub(crate) converted: bool,
}

pub(crate) fn model(attributes: &[Attribute], diag: &Diag) -> SerdeModel {
    let mut serde = SerdeModel::default();
    for item in known(attributes, SERDE_MODEL, diag) {
        if item.name() == "rename_all" {
            serde.rename_all = one_name(&item, diag).and_then(|rule| Rule::named(&rule.value()));
        }
    }
    serde
}

pub(crate) fn field(attributes: &[Attribute], diag: &Diag) -> SerdeField {
    let mut serde = SerdeField::default();
    let (mut writes, mut reads): (Option<Ident>, Option<Ident>) = (None, None);
    for item in known(attributes, SERDE_FIELD, diag) {
        match item.name().as_str() {
            "rename" => serde.rename = one_name(&item, diag),
            "skip" => serde.skip = true,
            "skip_serializing" => writes = Some(item.key),
            "skip_deserializing" => reads = Some(item.key),
            _ => serde.converted = true,
        }
    }
    match (writes, reads) {
        (Some(_), Some(_)) => serde.skip = true,
        (Some(half), None) | (None, Some(half)) if !serde.skip => {
            diag.error(&half, messages::serde_half_skip(&half.to_string()));
        }
        _ => {}
    }
    serde
}

/// The name or the rule that `rename` or `rename_all` says. A payload may be written by another name than it is read by:
/// the latter counts.
pub(crate) fn read_by(attributes: &[Attribute], word: &str) -> Option<String> {
    let item = meta::foreign(attributes, "serde").into_iter().find(|item| item.name() == word)?;
    let name = match &item.value {
        Value::Listed(tokens) => {
            let parts = meta::parts(tokens);
            let read = parts.iter().find(|part| part.name() == "deserialize")?;
            meta::text(&read.value)
        }
        value => meta::text(value),
    };
    name.map(|name| name.value())
}

/// The attributes to read; the rejected ones are reported.
fn known(attributes: &[Attribute], table: &[(&str, Serde)], diag: &Diag) -> Vec<Item> {
    let mut items = meta::foreign(attributes, "serde");
    items.retain(|item| {
        let name = item.name();
        match table.iter().find(|(known, _)| *known == name) {
            Some((_, Serde::Read)) => true,
            Some((_, Serde::Rejected(why))) => {
                diag.error(&item.key, messages::serde_rejected(&name, why));
                false
            }
            None => false,
        }
    });
    items
}

/// The string of `rename = ".."`, or of `rename(serialize = "..", deserialize = "..")` if both are the same.
fn one_name(item: &Item, diag: &Diag) -> Option<LitStr> {
    let Value::Listed(tokens) = &item.value else { return meta::text(&item.value) };
    let parts = meta::parts(tokens);
    let part =
        |name: &str| parts.iter().find(|part| part.name() == name).and_then(|part| meta::text(&part.value));
    match (part("serialize"), part("deserialize")) {
        (Some(written), Some(read)) if written.value() == read.value() => Some(written),
        _ => {
            diag.error(&item.key, messages::serde_split(&item.name()));
            None
        }
    }
}
