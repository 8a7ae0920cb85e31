//! The parser of `#[model(..)]` and its like: pieces between commas first, then what a vocabulary makes of them.
//! A bad piece costs one error and nothing of its neighbours.

use std::mem;

use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{Parse, Parser};
use syn::punctuated::Punctuated;
use syn::{Attribute, LitStr, Meta, Token};

use crate::diag::Diag;
use crate::messages;
use crate::vocab::{Form, Vocabulary, Word};

/// What follows an option's name.
pub(crate) enum Value {
    Nothing,
    /// `= tokens`
    Assigned(TokenStream),
    /// `(tokens)`
    Listed(TokenStream),
}

/// One piece between commas: a name, and what follows it.
pub(crate) struct Item {
    pub(crate) key: Ident,
    pub(crate) value: Value,
}

impl Item {
    /// The name without `r#`.
    pub(crate) fn name(&self) -> String {
        self.key.unraw().to_string()
    }

    /// The whole piece, to point at.
    fn tokens(&self) -> TokenStream {
        let mut tokens = self.key.to_token_stream();
        if let Value::Assigned(value) | Value::Listed(value) = &self.value {
            tokens.extend(value.clone());
        }
        tokens
    }
}

/// The pieces in order, each one well-formed or an error.
fn items(tokens: TokenStream) -> Vec<syn::Result<Item>> {
    pieces(tokens).into_iter().map(item).collect()
}

/// What stands between the commas.
pub(crate) fn pieces(tokens: TokenStream) -> Vec<Vec<TokenTree>> {
    let mut pieces = Vec::new();
    let mut piece = Vec::new();
    // Inside the angle brackets of a type, which are no group of tokens.
    let mut depth = 0_usize;
    let mut finish = |piece: &mut Vec<TokenTree>| {
        if !piece.is_empty() {
            pieces.push(mem::take(piece));
        }
    };
    for token in tokens {
        if let TokenTree::Punct(punct) = &token {
            match punct.as_char() {
                '<' => depth += 1,
                '>' => depth = depth.saturating_sub(1),
                ',' if depth == 0 => {
                    finish(&mut piece);
                    continue;
                }
                _ => {}
            }
        }
        piece.push(token);
    }
    finish(&mut piece);
    pieces
}

pub(crate) fn item(piece: Vec<TokenTree>) -> syn::Result<Item> {
    let mut tokens = piece.into_iter();
    let key = match tokens.next() {
        Some(TokenTree::Ident(key)) => key,
        other => return Err(syn::Error::new_spanned(other, messages::not_an_option())),
    };
    let value = match tokens.next() {
        None => Value::Nothing,
        Some(TokenTree::Punct(punct)) if punct.as_char() == '=' => Value::Assigned(tokens.by_ref().collect()),
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis => {
            Value::Listed(group.stream())
        }
        Some(other) => return Err(syn::Error::new_spanned(other, messages::no_comma(&key))),
    };
    match tokens.next() {
        None => Ok(Item { key, value }),
        Some(extra) => Err(syn::Error::new_spanned(extra, messages::no_comma(&key))),
    }
}

/// An option that its vocabulary knows, in a form that it allows.
pub(crate) struct Opt<K: 'static> {
    pub(crate) word: &'static Word<K>,
    vocabulary: &'static Vocabulary<K>,
    item: Item,
}

/// The options of all `#[model(..)]` among the attributes.
pub(crate) fn options<K: Copy + PartialEq>(
    attributes: &[Attribute],
    vocabulary: &'static Vocabulary<K>,
    elsewhere: impl Fn(&str) -> Option<&'static str>,
    diag: &Diag,
) -> Vec<Opt<K>> {
    let mut options: Vec<Opt<K>> = Vec::new();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("model")) {
        let Meta::List(list) = &attribute.meta else {
            diag.error(&attribute.meta, messages::not_a_list(vocabulary));
            continue;
        };
        known(items(list.tokens.clone()), vocabulary, &elsewhere, &mut options, diag);
    }
    options
}

/// Adds the options that the vocabulary knows; whatever else is there is reported.
pub(crate) fn known<K: Copy + PartialEq>(
    items: Vec<syn::Result<Item>>,
    vocabulary: &'static Vocabulary<K>,
    elsewhere: impl Fn(&str) -> Option<&'static str>,
    options: &mut Vec<Opt<K>>,
    diag: &Diag,
) {
    for item in items {
        let item = match item {
            Ok(item) => item,
            Err(error) => {
                diag.push(error);
                continue;
            }
        };
        let name = item.name();
        let Some(word) = vocabulary.find(&name) else {
            diag.error(&item.key, messages::unknown_option(&name, vocabulary, elsewhere(&name)));
            continue;
        };
        let form = match &item.value {
            Value::Nothing => Form::Flag,
            Value::Assigned(_) => Form::Value,
            Value::Listed(_) => Form::List,
        };
        if !word.forms.contains(&form) {
            diag.error(item.tokens(), messages::wrong_form(word, vocabulary, elsewhere(&name)));
        } else if !word.repeats && options.iter().any(|option| option.word.key == word.key) {
            diag.error(&item.key, messages::given_twice(&name));
        } else {
            options.push(Opt { word, vocabulary, item });
        }
    }
}

impl<K> Opt<K> {
    /// The option's name as written.
    pub(crate) fn key(&self) -> &Ident {
        &self.item.key
    }

    /// The value of `name = value`; `None` for a flag.
    pub(crate) fn value<T: Parse>(&self, diag: &Diag) -> Option<T> {
        let Value::Assigned(tokens) = &self.item.value else { return None };
        let tokens = ungrouped(tokens.clone());
        match syn::parse2(tokens.clone()) {
            Ok(value) => Some(value),
            Err(_) if tokens.is_empty() => {
                diag.error(self.key(), messages::wrong_value(self.word, self.vocabulary));
                None
            }
            Err(_) => {
                diag.error(tokens, messages::wrong_value(self.word, self.vocabulary));
                None
            }
        }
    }

    /// The names of `name(a, b)`.
    pub(crate) fn names(&self, diag: &Diag) -> Vec<Ident> {
        let Value::Listed(tokens) = &self.item.value else { return Vec::new() };
        match Punctuated::<Ident, Token![,]>::parse_terminated.parse2(tokens.clone()) {
            Ok(names) => names.into_iter().collect(),
            Err(_) => {
                diag.error(tokens, messages::wrong_value(self.word, self.vocabulary));
                Vec::new()
            }
        }
    }
}

/// Without the invisible brackets that `macro_rules!` puts around its fragments.
pub(crate) fn ungrouped(tokens: TokenStream) -> TokenStream {
    let mut inner = tokens.clone().into_iter();
    match (inner.next(), inner.next()) {
        (Some(TokenTree::Group(group)), None) if group.delimiter() == Delimiter::None => {
            ungrouped(group.stream())
        }
        _ => tokens,
    }
}

/// The string of `key = "string"`, if it is one.
pub(crate) fn text(value: &Value) -> Option<LitStr> {
    match value {
        Value::Assigned(tokens) => syn::parse2(ungrouped(tokens.clone())).ok(),
        _ => None,
    }
}

/// The well-formed pieces of a list; what is malformed its owner reports.
pub(crate) fn parts(tokens: &TokenStream) -> Vec<Item> {
    items(tokens.clone()).into_iter().filter_map(Result::ok).collect()
}

/// The pieces of all attributes with this name, as [`parts`].
pub(crate) fn foreign(attributes: &[Attribute], name: &str) -> Vec<Item> {
    let attributes = attributes.iter().filter(|attribute| attribute.path().is_ident(name));
    let lists = attributes.filter_map(|attribute| attribute.meta.require_list().ok());
    lists.flat_map(|list| parts(&list.tokens)).collect()
}
