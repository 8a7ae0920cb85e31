//! The constants of a model's fields.

use proc_macro2::{Ident, Literal, TokenStream};
use quote::quote;

use crate::ir::model::Column;

/// `impl User { pub const EMAIL: Column<User, String> = ..; }`
pub(super) fn expand<'a>(ident: &Ident, columns: impl Iterator<Item = &'a Column>) -> TokenStream {
    let constants = columns.enumerate().map(|(index, column)| {
        let index = Literal::usize_unsuffixed(index);
        let Column { constant, visibility, docs, ty } = column;
        quote! {
            #(#docs)*
            #visibility const #constant: __modeller::Column<#ident, #ty> = __modeller::Column::field(#index);
        }
    });
    // The lints have said of the fields what they would say of their constants.
    quote! {
        #[allow(dead_code, private_interfaces, unreachable_pub)]
        impl #ident {
            #(#constants)*
        }
    }
}
