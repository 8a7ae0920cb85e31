//! What a declaration leaves for the registry.

use proc_macro2::TokenStream;
use quote::quote;

use crate::ir::handler::Names;

/// `names!("resetPassword", "ResetPassword", "..")`
pub(super) fn names(names: &Names) -> TokenStream {
    let Names { wire, rust, docs, .. } = names;
    quote!(__modeller::names!(#wire, #rust, #docs))
}

/// Leaves what this expression makes, under a name.
pub(super) fn named(made: &TokenStream) -> TokenStream {
    quote! {
        static BEHAVIOUR: __modeller::Behaviour = #made;
        __modeller::submit!(BEHAVIOUR);
    }
}

/// Leaves what this expression makes; nothing else has to name it.
pub(super) fn unnamed(made: &TokenStream) -> TokenStream {
    quote!(__modeller::submit! { #made })
}
