//! A payload's struct as written.

use proc_macro2::{Ident, Span, TokenStream};
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::{Attribute, Fields, Generics, ItemStruct};

/// A struct, as far as it matters.
pub(crate) struct RawStruct {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) ident: Ident,
    pub(crate) generics: Generics,
    pub(crate) shape: RawShape,
    /// The fields that have names, with their attributes.
    pub(crate) fields: Vec<(Ident, Vec<Attribute>)>,
}

/// What fields a struct has.
pub(crate) enum RawShape {
    Named,
    /// Where they stand.
    Unnamed(Span),
    Unit,
}

impl Parse for RawStruct {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let ItemStruct { attrs, ident, generics, fields, .. } = input.parse()?;
        input.parse::<TokenStream>()?;
        let shape = match &fields {
            Fields::Named(_) => RawShape::Named,
            Fields::Unnamed(fields) => RawShape::Unnamed(fields.span()),
            Fields::Unit => RawShape::Unit,
        };
        let named = fields.into_iter().filter_map(|field| Some((field.ident?, field.attrs)));
        Ok(RawStruct { attributes: attrs, ident, generics, shape, fields: named.collect() })
    }
}
