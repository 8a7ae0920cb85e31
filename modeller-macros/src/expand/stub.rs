//! What stands in for a model with errors, so that they are the only ones.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::Generics;

use super::{columns, paths};
use crate::cx::Cx;
use crate::ir::Stub;

/// Of a struct with named fields.
pub(crate) fn model(cx: &Cx, stub: &Stub) -> TokenStream {
    let ident = &stub.ident;
    let descriptor = descriptor();
    let columns = columns::expand(ident, stub.columns.iter());
    paths::in_const(
        cx,
        quote! {
            impl __modeller::Model for #ident { #descriptor }
            #columns
        },
    )
}

/// Of something that no model can be. It holds only where the other derives gave what a model needs, which nobody
/// can expect of an enum; the unused lifetime keeps rustc from asking at once.
pub(crate) fn shapeless(cx: &Cx, ident: &Ident, generics: &Generics) -> TokenStream {
    let descriptor = descriptor();
    let (params, arguments, bounds) = generics.split_for_impl();
    let bounds = bounds.map(|bounds| {
        let predicates = bounds.predicates.iter();
        quote!(#(#predicates,)*)
    });
    paths::in_const(
        cx,
        quote! {
            impl #params __modeller::Model for #ident #arguments
            where
                #bounds
                for<'__any> #ident #arguments: __modeller::Stub + 'static
            { #descriptor }
        },
    )
}

fn descriptor() -> TokenStream {
    quote! {
        fn descriptor() -> &'static __modeller::Descriptor {
            ::core::panic!("this model has errors")
        }
    }
}
