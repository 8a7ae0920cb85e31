//! A function as written. Its body stays tokens.

use proc_macro2::TokenStream;
use quote::{ToTokens, TokenStreamExt};
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, FnArg, Meta, Signature, Visibility};

use crate::vocab::MOVED;

/// Attributes, visibility, signature, and the rest.
#[derive(Clone)]
pub(crate) struct RawFunction {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) visibility: Visibility,
    pub(crate) signature: Signature,
    /// The body in braces; a semicolon where there is none.
    body: TokenStream,
}

impl Parse for RawFunction {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        Ok(RawFunction {
            attributes: input.call(Attribute::parse_outer)?,
            visibility: input.parse()?,
            signature: input.parse()?,
            body: input.parse()?,
        })
    }
}

impl RawFunction {
    /// The function without the attributes of its arguments that belong to a payload.
    pub(crate) fn stripped(&self) -> Self {
        let mut function = self.clone();
        for argument in &mut function.signature.inputs {
            let (FnArg::Receiver(syn::Receiver { attrs, .. }) | FnArg::Typed(syn::PatType { attrs, .. })) =
                argument;
            attrs.retain(|attribute| !is_moved(attribute));
        }
        function
    }
}

impl ToTokens for RawFunction {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        tokens.append_all(&self.attributes);
        self.visibility.to_tokens(tokens);
        self.signature.to_tokens(tokens);
        self.body.to_tokens(tokens);
    }
}

/// Whether an attribute of an argument goes into the payload's struct.
pub(crate) fn is_moved(attribute: &Attribute) -> bool {
    MOVED.iter().any(|name| attribute.path().is_ident(name))
}

/// The documentation comments.
pub(crate) fn docs(attributes: &[Attribute]) -> Vec<Attribute> {
    let is_doc = |attribute: &&Attribute| {
        attribute.path().is_ident("doc") && matches!(attribute.meta, Meta::NameValue(_))
    };
    attributes.iter().filter(is_doc).cloned().collect()
}

/// The conditions under which the item is there at all.
pub(crate) fn conditions(attributes: &[Attribute]) -> Vec<Attribute> {
    attributes.iter().filter(|attribute| attribute.path().is_ident("cfg")).cloned().collect()
}
