//! Runs a macro from tokens to tokens: stages in order, stubs if something is wrong, panics caught.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use proc_macro2::{Span, TokenStream};
use syn::DeriveInput;

use crate::cx::Cx;
use crate::diag::Diag;
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
