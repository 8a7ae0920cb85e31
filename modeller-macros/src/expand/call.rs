//! Calls the user's function: each argument is taken by one call, which stands where the argument's type does, so that
//! rustc shows what is wrong with an argument there, and what is wrong with the answer at the answer.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::Type;

use crate::ir::handler::{Argument, Call};

/// `function(given, self.field).await`
pub(super) fn expand(call: &Call, given: impl Fn(&Type) -> TokenStream) -> TokenStream {
    let arguments = call.arguments.iter().map(|argument| match argument {
        Argument::Given(ty) => given(ty),
        Argument::Field(field) => quote!(self.#field),
    });
    let (first, last) = answer(call);
    let mut function: Ident = call.function.clone();
    function.set_span(first.resolved_at(function.span()));
    let wait = call.is_async.then(|| quote_spanned!(last=> .await));
    let arguments = quote_spanned!(last=> (#(#arguments),*));
    quote!(#function #arguments #wait)
}

/// Where the answer's type begins and ends; the function's name if it has none.
pub(super) fn answer(call: &Call) -> (Span, Span) {
    match &call.output {
        Some(output) => ends(output),
        None => ends(&call.function),
    }
}

/// Calls something of ours so that it is shown where these tokens stand.
pub(super) fn shown_at(
    (first, last): (Span, Span),
    callee: impl Fn(Span) -> TokenStream,
    arguments: &TokenStream,
) -> TokenStream {
    let callee = callee(first);
    let arguments = quote_spanned!(last=> (#arguments));
    quote!(#callee #arguments)
}

/// A future in a box, shown where the function's name stands.
pub(super) fn boxed(call: &Call, result: &TokenStream) -> TokenStream {
    let name = call.function.span();
    quote_spanned!(name=> __modeller::boxed(async move { #result }))
}

/// Whether something is taken from the context.
pub(super) fn takes_context(call: &Call) -> bool {
    call.arguments.iter().any(|argument| matches!(argument, Argument::Given(_)))
}

/// Where something begins and ends, for tokens that are ours but shall be shown there: rustc shows an expression from its
/// first token to its last one. Only paths may have such a place; a variable of ours would not be found where the user's
/// tokens come out of a `macro_rules!`.
pub(super) fn ends(tokens: &impl ToTokens) -> (Span, Span) {
    let mut tokens = tokens.to_token_stream().into_iter();
    let first = tokens.next().map_or_else(Span::call_site, |token| token.span());
    (first, tokens.last().map_or(first, |token| token.span()))
}
