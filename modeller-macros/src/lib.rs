//! The derive and the attribute macros of modeller. They are documented where `modeller` re-exports them.
//!
//! One direction: `syntax` (as written, spans kept) → `check` → `ir` (can't be wrong) → `expand` (can't fail).

mod check;
mod cx;
mod diag;
mod entry;
mod expand;
mod ir;
mod messages;
mod meta;
mod names;
mod syntax;
#[cfg(test)]
mod tests;
mod vocab;

/// Makes a struct a model. Its documentation stands at `modeller::Model`.
#[proc_macro_derive(Model, attributes(model))]
pub fn derive_model(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    entry::caught("derive(Model)", || entry::model(input.into())).into()
}
