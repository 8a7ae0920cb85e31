//! What a declaration leaves for the registry.

use proc_macro2::TokenStream;
use quote::quote;

use crate::ir::handler::Names;

/// `Names::new("resetPassword", "ResetPassword", "..")`
pub(super) fn names(names: &Names) -> TokenStream {
    let Names { wire, rust, docs, .. } = names;
    quote!(__modeller::Names::new(#wire, #rust, #docs))
}

/// The static that the registry gets, made by this expression.
pub(super) fn behaviour(made: &TokenStream) -> TokenStream {
    quote! {
        static BEHAVIOUR: __modeller::Behaviour = #made;
        __modeller::submit!(BEHAVIOUR);
    }
}
