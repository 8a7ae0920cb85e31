//! The constants of a model's fields.

use proc_macro2::{Ident, Literal, TokenStream};
use quote::quote;

use crate::ir::model::{Column, Pair};

/// `impl User { pub const EMAIL: Column<User, String> = ..; }`
pub(super) fn expand<'a>(
    ident: &Ident,
    columns: impl Iterator<Item = &'a Column>,
    pairs: &[Pair],
) -> TokenStream {
    let constants = columns.enumerate().map(|(index, column)| {
        let index = Literal::usize_unsuffixed(index);
        let Column { constant, visibility, docs, ty } = column;
        quote! {
            #(#docs)*
            #visibility const #constant: __modeller::Column<#ident, #ty> = __modeller::Column::field(#index);
        }
    });
    let pairs = pairs.iter().map(|pair| {
        let Pair { constant, visibility, .. } = pair;
        let [latitude, longitude] = [pair.latitude, pair.longitude].map(Literal::usize_unsuffixed);
        quote! {
            /// The position that two fields are together.
            #visibility const #constant: __modeller::Geo<#ident> = __modeller::Geo::fields(#latitude, #longitude);
        }
    });
    // The lints have said of the fields what they would say of their constants.
    quote! {
        #[allow(dead_code, private_interfaces, unreachable_pub)]
        impl #ident {
            #(#constants)*
            #(#pairs)*
        }
    }
}
