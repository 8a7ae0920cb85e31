//! What the types of fields must be able to do for their options, one check each, which fails at the type.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

use crate::ir::model::{Field, Model};

pub(super) fn expand(model: &Model) -> TokenStream {
    let in_pair = |at: usize| model.geo.iter().any(|pair| pair.latitude == at || pair.longitude == at);
    let checks = model.fields.iter().enumerate().map(|(at, field)| {
        let coordinate = in_pair(at).then(|| check(field, &quote!(coordinate)));
        let searchable = field.searchable.then(|| check(field, &quote!(searchable)));
        quote!(#coordinate #searchable)
    });
    checks.collect()
}

fn check(field: &Field, rule: &TokenStream) -> TokenStream {
    let ty = &field.column.ty;
    quote_spanned!(ty.span()=> const _: () = __modeller::#rule::<#ty>();)
}
