//! The one name that generated code begins its paths with.

use proc_macro2::TokenStream;
use quote::quote;

use crate::cx::Cx;

/// Wraps items in an anonymous constant, inside which `__modeller` is the hidden surface of the framework.
pub(crate) fn in_const(cx: &Cx, items: TokenStream) -> TokenStream {
    let root = cx.root();
    quote! {
        const _: () = {
            use #root::__private as __modeller;
            #items
        };
    }
}
