//! What a declaration leaves for the registry.

use proc_macro2::TokenStream;
use quote::quote;

use crate::ir::handler::{Listed, Names};

/// `names!("resetPassword", "ResetPassword", "..")`, and the fields of which there is something to say.
pub(super) fn names(names: &Names) -> TokenStream {
    let Names { wire, rust, docs, fields, .. } = names;
    let fields = fields.iter().map(|Listed { rust, wire, messages }| {
        let messages = messages.iter().map(|(keyword, text)| quote!(#keyword => #text));
        quote!(, #rust as #wire { #(#messages),* })
    });
    quote!(__modeller::names!(#wire, #rust, #docs #(#fields)*))
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
