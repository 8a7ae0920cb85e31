//! The derive and the attribute macros of modeller.

/// Makes a struct a model.
#[proc_macro_derive(Model, attributes(model))]
pub fn derive_model(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let _ = input;
    proc_macro::TokenStream::new()
}
