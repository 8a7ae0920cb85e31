//! A field as written.

use proc_macro2::Ident;
use syn::{Attribute, LitStr, Meta, Type, Visibility};

use super::serde::{self, SerdeField};
use super::validate;
use crate::diag::Diag;
use crate::meta;
use crate::vocab::{FIELD, FieldWord, MODEL};

/// A named field.
pub(crate) struct RawField {
    pub(crate) ident: Ident,
    pub(crate) visibility: Visibility,
    pub(crate) docs: Vec<Attribute>,
    pub(crate) ty: Type,
    /// The first of its options, whichever it is.
    pub(crate) first_option: Option<Ident>,
    pub(crate) key: Option<Ident>,
    pub(crate) unique: Option<Ident>,
    pub(crate) index: Option<Ident>,
    pub(crate) private: Option<Ident>,
    pub(crate) searchable: Option<Ident>,
    pub(crate) references: Option<Type>,
    pub(crate) on_delete: Option<LitStr>,
    pub(crate) generated: Option<LitStr>,
    pub(crate) renamed_from: Option<LitStr>,
    pub(crate) serde: SerdeField,
    /// Messages of its own, by schema keyword.
    pub(crate) messages: Vec<(String, LitStr)>,
}

/// Reads a field; `None` if it has no name.
pub(crate) fn read(input: &syn::Field, diag: &Diag) -> Option<RawField> {
    let mut field = RawField {
        ident: input.ident.clone()?,
        visibility: input.vis.clone(),
        docs: input.attrs.iter().filter(|attribute| is_doc(attribute)).cloned().collect(),
        ty: input.ty.clone(),
        first_option: None,
        key: None,
        unique: None,
        index: None,
        private: None,
        searchable: None,
        references: None,
        on_delete: None,
        generated: None,
        renamed_from: None,
        serde: serde::field(&input.attrs, diag),
        messages: validate::messages(&input.attrs),
    };
    let elsewhere = |name: &str| MODEL.find(name).map(|_| MODEL.place);
    for option in meta::options(&input.attrs, &FIELD, elsewhere, diag) {
        let key = || Some(option.key().clone());
        field.first_option = field.first_option.take().or_else(key);
        match option.word.key {
            FieldWord::Key => field.key = key(),
            FieldWord::Unique => field.unique = key(),
            FieldWord::Index => field.index = key(),
            FieldWord::Private => field.private = key(),
            FieldWord::Searchable => field.searchable = key(),
            FieldWord::References => field.references = option.value(diag),
            FieldWord::OnDelete => field.on_delete = option.value(diag),
            FieldWord::Generated => field.generated = option.value(diag),
            FieldWord::RenamedFrom => field.renamed_from = option.value(diag),
        }
    }
    Some(field)
}

fn is_doc(attribute: &Attribute) -> bool {
    attribute.path().is_ident("doc") && matches!(attribute.meta, Meta::NameValue(_))
}
