//! Runs a macro from tokens to tokens: stages in order, stubs if something is wrong, panics caught.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::DeriveInput;

use crate::cx::Cx;
use crate::diag::Diag;
use crate::syntax::attribute::RawAttribute;
use crate::syntax::function::RawFunction;
use crate::syntax::item::RawItem;
use crate::vocab::Kind;
use crate::{check, expand, messages, syntax};

/// `#[derive(Model)]`.
pub(crate) fn model(input: TokenStream) -> TokenStream {
    let input: DeriveInput = match syn::parse2(input) {
        Ok(input) => input,
        Err(error) => return error.into_compile_error(),
    };
    let diag = Diag::new();
    let raw = syntax::model::read(&input, &diag);
    let cx = Cx::new(raw.as_ref().ok().and_then(|raw| raw.krate.clone()));
    let model = raw.as_ref().map_err(|reported| *reported).and_then(|raw| check::model::check(raw, &diag));
    match (diag.finish(), model) {
        (None, Ok(model)) => expand::model::expand(&cx, &model),
        (errors, _) => {
            let stub = match raw {
                Ok(raw) => expand::stub::model(&cx, &check::stub::check(&raw)),
                Err(_) => expand::stub::shapeless(&cx, &input.ident, &input.generics),
            };
            [errors.unwrap_or_default(), stub].into_iter().collect()
        }
    }
}

/// An attribute; the item stays even if the macro panics.
pub(crate) fn attribute_or_item(kind: Kind, arguments: TokenStream, item: TokenStream) -> TokenStream {
    let name = format!("#[modeller::{}]", kind.name());
    let copy = item.clone();
    let mut failed = true;
    let expanded = caught(&name, || {
        let expanded = attribute(kind, arguments, item);
        failed = false;
        expanded
    });
    if failed { quote!(#expanded #copy) } else { expanded }
}

/// An attribute. The item comes back on every path, whatever is wrong.
pub(crate) fn attribute(kind: Kind, arguments: TokenStream, item: TokenStream) -> TokenStream {
    let diag = Diag::new();
    let raw = syntax::attribute::read(kind, arguments, &diag);
    let cx = Cx::new(raw.krate.clone());
    let expanded = match syntax::item::read(item.clone()) {
        Ok(RawItem::Struct(structure)) if kind.has_payload() => {
            let expanded = match check::handler::structure(&raw, &structure, &diag) {
                Ok(payload) => expand::payload::expand(&cx, &payload),
                Err(stub) => expand::payload::stub(&cx, &stub),
            };
            quote!(#item #expanded)
        }
        Ok(RawItem::Function(function)) => {
            let expanded = self::function(&raw, &function, &cx, &diag);
            let function = if kind.has_payload() { function.stripped() } else { *function };
            quote!(#function #expanded)
        }
        Ok(RawItem::Struct(structure)) => {
            diag.error(&structure.ident, messages::wrong_item(kind, "a struct"));
            item
        }
        Ok(RawItem::Other(at, what)) => {
            diag.push(syn::Error::new(at, messages::wrong_item(kind, what)));
            item
        }
        Err(error) => {
            diag.push(error);
            item
        }
    };
    [diag.finish().unwrap_or_default(), expanded].into_iter().collect()
}

fn function(raw: &RawAttribute, function: &RawFunction, cx: &Cx, diag: &Diag) -> TokenStream {
    match raw.kind {
        Kind::Hook => {
            let hook = check::handler::hook(raw, function, diag).filter(|_| diag.is_clean());
            hook.map(|hook| expand::handler::hook(cx, &hook)).unwrap_or_default()
        }
        Kind::Worker => {
            let worker = check::handler::worker(raw, function, diag).filter(|_| diag.is_clean());
            worker.map(|worker| expand::handler::worker(cx, &worker)).unwrap_or_default()
        }
        Kind::Rule => {
            let rule = check::handler::rule(raw, function, diag).filter(|_| diag.is_clean());
            rule.map(|rule| expand::handler::rule(cx, &rule)).unwrap_or_default()
        }
        _ => match check::handler::shorthand(raw, function, diag) {
            Ok(payload) => expand::payload::expand(cx, &payload),
            Err(stub) => stub.map(|stub| expand::payload::stub(cx, &stub)).unwrap_or_default(),
        },
    }
}

/// Runs a macro so that a panic in it shows as an error of ours, at the place of the call.
pub(crate) fn caught(name: &str, work: impl FnOnce() -> TokenStream) -> TokenStream {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let error = syn::Error::new(Span::call_site(), messages::panicked(name, reason(&*panic)));
        error.into_compile_error()
    })
}

fn reason(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no reason given")
}
