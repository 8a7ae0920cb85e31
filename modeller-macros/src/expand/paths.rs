//! The one name that generated code begins its paths with.

use proc_macro2::TokenStream;
use quote::quote;
use syn::Attribute;

use crate::cx::Cx;

/// Wraps items in an anonymous constant, inside which `__modeller` is the hidden surface of the framework.
pub(crate) fn in_const(cx: &Cx, items: TokenStream) -> TokenStream {
    in_const_if(cx, &[], items)
}

/// The same, under the conditions that the user's item stands under.
pub(crate) fn in_const_if(cx: &Cx, conditions: &[Attribute], items: TokenStream) -> TokenStream {
    let root = cx.root();
    quote! {
        #(#conditions)*
        const _: () = {
            use #root::__private as __modeller;
            #items
        };
    }
}
