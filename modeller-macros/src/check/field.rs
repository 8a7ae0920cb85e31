//! One field: which options go together, and what their values mean.

use proc_macro2::{Group, Ident, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::{LitStr, PathArguments, Type, parse_quote};

use crate::diag::Diag;
use crate::ir::model::{Column, Field, OnDelete, Reference};
use crate::syntax::field::RawField;
use crate::{messages, names, vocab};

/// Checks a stored field of the struct `model`.
pub(super) fn check(raw: &RawField, wire: String, model: &Ident, diag: &Diag) -> Option<Field> {
    together(raw, diag);
    if !raw.serde.converted
        && let Some(wide) = wide_integer(raw.ty.to_token_stream())
    {
        diag.error(&wide, messages::wide_integer(&wide.to_string()));
    }
    let generated = raw.generated.as_ref().and_then(|name| {
        let known = vocab::GENERATED.iter().find(|(known, _)| *known == name.value());
        if known.is_none() {
            let meant = names::nearest(&name.value(), vocab::GENERATED.iter().map(|(known, _)| *known));
            diag.error(name, messages::unknown_generator(&name.value(), meant));
        }
        known.map(|(_, variant)| Ident::new(variant, name.span()))
    });
    let on_delete = raw.on_delete.as_ref().and_then(|name| on_delete(name, raw, model, diag));
    Some(Field {
        on_delete,
        rust: raw.ident.unraw().to_string(),
        wire,
        column: column(raw),
        key: raw.key.is_some(),
        unique: raw.unique.is_some(),
        index: raw.index.is_some(),
        private: raw.private.is_some(),
        searchable: raw.searchable.is_some(),
        generated,
        references: raw.references.as_ref().and_then(|target| reference(target, model, diag)),
        renamed_from: raw.renamed_from.as_ref().map(|name| name.value()),
        messages: raw.messages.iter().map(|(keyword, text)| (keyword.clone(), text.value())).collect(),
    })
}

fn on_delete(name: &LitStr, raw: &RawField, model: &Ident, diag: &Diag) -> Option<OnDelete> {
    let known = vocab::ON_DELETE.iter().find(|(known, _)| *known == name.value());
    let Some((_, variant)) = known else {
        let meant = names::nearest(&name.value(), vocab::ON_DELETE.iter().map(|(known, _)| *known));
        diag.error(name, messages::unknown_on_delete(&name.value(), meant));
        return None;
    };
    Some(OnDelete {
        variant: Ident::new(variant, name.span()),
        empties: *variant == vocab::SET_NULL,
        ty: without_self(raw.ty.to_token_stream(), model),
    })
}

/// The descriptor is a static, where `Self` has no meaning.
fn without_self(ty: TokenStream, model: &Ident) -> TokenStream {
    let named = |token| match token {
        TokenTree::Ident(ident) if ident == "Self" => {
            let mut own = model.clone();
            own.set_span(ident.span());
            TokenTree::Ident(own)
        }
        TokenTree::Group(group) => {
            let mut inner = Group::new(group.delimiter(), without_self(group.stream(), model));
            inner.set_span(group.span());
            TokenTree::Group(inner)
        }
        other => other,
    };
    ty.into_iter().map(named).collect()
}

/// The constant of a field.
pub(super) fn column(raw: &RawField) -> Column {
    let name = raw.ident.unraw().to_string();
    let mut docs = raw.docs.clone();
    if docs.is_empty() {
        let text = format!(" The `{name}` field.");
        docs.push(parse_quote!(#[doc = #text]));
    }
    Column {
        constant: Ident::new(&names::constant(&name), raw.ident.span()),
        visibility: raw.visibility.clone(),
        docs,
        ty: raw.ty.clone(),
    }
}

/// Options that exclude or imply one another.
fn together(raw: &RawField, diag: &Diag) {
    let RawField { key, unique, index, private, searchable, generated, references, .. } = raw;
    if let (Some(_), Some(unique)) = (key, unique) {
        diag.error(unique, messages::redundant("unique", "because a `key` is unique by itself"));
    }
    if let (Some(_), Some(index)) = (key, index) {
        diag.error(index, messages::redundant("index", "because a `key` is indexed by itself"));
    } else if let (Some(_), Some(index)) = (unique, index) {
        diag.error(index, messages::redundant("index", "because a `unique` field is indexed by itself"));
    }
    if let (Some(_), Some(private)) = (key, private) {
        diag.error(private, messages::private_key());
    }
    if let (Some(_), Some(searchable)) = (private, searchable) {
        diag.error(searchable, messages::private_searchable());
    }
    if let (Some(_), Some(generated)) = (key, generated)
        && generated.value() == "timestamp"
    {
        diag.error(generated, messages::generated_key());
    }
    if let (Some(generated), Some(_)) = (generated, references) {
        diag.error(generated, messages::generated_reference());
    }
}

/// The first 128-bit integer in a type. No trait can tell it on stable Rust: that would take a negative bound beside
/// a blanket one. An alias gets past this, and is found by its schema when the application starts.
fn wide_integer(ty: TokenStream) -> Option<Ident> {
    ty.into_iter().find_map(|token| match token {
        TokenTree::Ident(ident) if ident == "u128" || ident == "i128" => Some(ident),
        TokenTree::Group(group) => wide_integer(group.stream()),
        _ => None,
    })
}

/// `User` or `User::EMAIL`: a constant is in capitals and belongs to something.
fn reference(target: &Type, model: &Ident, diag: &Diag) -> Option<Reference> {
    let mut inner = target;
    while let Type::Group(group) = inner {
        inner = &group.elem;
    }
    let Type::Path(path) = inner else {
        diag.error(target, messages::bad_reference());
        return None;
    };
    let last = path.path.segments.last()?;
    let belongs = path.qself.is_some() || path.path.segments.len() > 1;
    let name = last.ident.unraw().to_string();
    let capitals = name.chars().all(|character| character.is_uppercase() || !character.is_alphabetic());
    let is_column = belongs && capitals && matches!(last.arguments, PathArguments::None);
    let mut path = path.clone();
    // The descriptor is a static, where `Self` has no meaning.
    if let (None, Some(first)) = (&path.qself, path.path.segments.first_mut())
        && path.path.leading_colon.is_none()
        && first.ident == "Self"
    {
        let mut own = model.clone();
        own.set_span(first.ident.span());
        first.ident = own;
    }
    let tokens = path.into_token_stream();
    Some(if is_column { Reference::Column(tokens) } else { Reference::Model(tokens) })
}
