//! What an attribute stands on.

use proc_macro2::{Span, TokenStream};
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Signature, Token, Visibility};

use super::function::RawFunction;
use super::payload::RawStruct;

/// A struct, a function, or something that no attribute of ours goes on.
pub(crate) enum RawItem {
    Struct(Box<RawStruct>),
    Function(Box<RawFunction>),
    /// Its first token, and what it is called: "an enum".
    Other(Span, &'static str),
}

/// Reads an item as far as attributes, visibility and signature go.
pub(crate) fn read(item: TokenStream) -> syn::Result<RawItem> {
    let probe: Probe = syn::parse2(item.clone())?;
    Ok(match probe.what {
        "a struct" => RawItem::Struct(Box::new(syn::parse2(item)?)),
        "a function" => RawItem::Function(Box::new(syn::parse2(item)?)),
        what => RawItem::Other(probe.at, what),
    })
}

struct Probe {
    at: Span,
    what: &'static str,
}

impl Parse for Probe {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        Attribute::parse_outer(input)?;
        input.parse::<Visibility>()?;
        let at = input.span();
        let peek = input.lookahead1();
        // After `const`, `async`, `unsafe` or `extern` an `fn` may follow.
        let what = if input.fork().parse::<Signature>().is_ok() {
            "a function"
        } else if peek.peek(Token![struct]) {
            "a struct"
        } else if peek.peek(Token![enum]) {
            "an enum"
        } else if peek.peek(Token![union]) {
            "a union"
        } else if peek.peek(Token![trait]) {
            "a trait"
        } else if peek.peek(Token![impl]) {
            "an `impl` block"
        } else if peek.peek(Token![mod]) {
            "a module"
        } else if peek.peek(Token![type]) {
            "a type alias"
        } else if peek.peek(Token![static]) {
            "a static"
        } else if peek.peek(Token![const]) {
            "a constant"
        } else {
            "this"
        };
        input.parse::<TokenStream>()?;
        Ok(Probe { at, what })
    }
}
