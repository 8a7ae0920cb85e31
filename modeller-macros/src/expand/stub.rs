//! What stands in for a model with errors, so that they are the only ones.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::Generics;

use super::{columns, implementation, paths};
use crate::cx::Cx;
use crate::ir::model::Stub;

/// Of a struct with named fields.
pub(crate) fn model(cx: &Cx, stub: &Stub) -> TokenStream {
    let implementation = implementation::expand(&stub.ident, &Generics::default(), &descriptor());
    let columns = columns::expand(&stub.ident, stub.columns.iter(), &stub.geo);
    paths::in_const(cx, quote!(#implementation #columns))
}

/// Of something that no model can be.
pub(crate) fn shapeless(cx: &Cx, ident: &Ident, generics: &Generics) -> TokenStream {
    paths::in_const(cx, implementation::expand(ident, generics, &descriptor()))
}

fn descriptor() -> TokenStream {
    quote!(::core::panic!("this model has errors"))
}
