//! Calls the user's function: each argument is taken by one call, which stands where the argument's type does, so that
//! rustc shows what is wrong with an argument there, and what is wrong with the answer at the answer.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::Type;
use syn::spanned::Spanned;

use crate::ir::handler::{Argument, Call};

/// `function(given, self.field).await`
pub(super) fn expand(call: &Call, given: impl Fn(&Type) -> TokenStream) -> TokenStream {
    let arguments = call.arguments.iter().map(|argument| match argument {
        Argument::Given(ty) => given(ty),
        Argument::Field(field) => quote!(self.#field),
    });
    let span = answer(call);
    let mut function: Ident = call.function.clone();
    function.set_span(span.resolved_at(function.span()));
    let wait = call.is_async.then(|| quote_spanned!(span=> .await));
    quote_spanned!(span=> #function(#(#arguments),*)#wait)
}

/// Where the answer's type stands; the function's name if it has none.
pub(super) fn answer(call: &Call) -> Span {
    match call.output.clone().into_iter().next() {
        Some(proc_macro2::TokenTree::Group(group)) if group.stream().is_empty() => call.function.span(),
        _ => call.output.span(),
    }
}

/// Whether something is taken from the context.
pub(super) fn takes_context(call: &Call) -> bool {
    call.arguments.iter().any(|argument| matches!(argument, Argument::Given(_)))
}

/// The span that stands for a type.
pub(super) fn at(ty: &Type) -> Span {
    ty.to_token_stream().span()
}
