//! `impl Model for User`.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::Generics;

/// The implementation holds where the struct has its other derives, instead of asking for them: a forgotten one is
/// then reported once, by the descriptor, in words of its own. The lifetime that nothing uses keeps rustc from
/// asking all the same.
pub(super) fn expand(ident: &Ident, generics: &Generics, descriptor: &TokenStream) -> TokenStream {
    let (params, arguments, bounds) = generics.split_for_impl();
    let bounds = bounds.map(|bounds| {
        let predicates = bounds.predicates.iter();
        quote!(#(#predicates,)*)
    });
    // Whatever has errors may have lifetimes, which a model can't.
    let owned = generics.lt_token.map(|_| quote!(+ 'static));
    quote! {
        #[automatically_derived]
        impl #params __modeller::Model for #ident #arguments
        where
            #bounds
            for<'__any> #ident #arguments: __modeller::Derived #owned,
        {
            fn descriptor() -> &'static __modeller::Descriptor {
                #descriptor
            }
        }
    }
}
