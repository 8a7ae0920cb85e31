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

/// Runs a function around the operations of a model. Its documentation stands at `modeller::hook`.
#[proc_macro_attribute]
pub fn hook(arguments: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    entry::attribute_or_item(vocab::Kind::Hook, arguments.into(), item.into()).into()
}

/// Declares something that callers of a model can call by name. Its documentation stands at `modeller::method`.
#[proc_macro_attribute]
pub fn method(arguments: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    entry::attribute_or_item(vocab::Kind::Method, arguments.into(), item.into()).into()
}

/// Declares something that callers of a model can ask by name. Its documentation stands at `modeller::query`.
#[proc_macro_attribute]
pub fn query(arguments: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    entry::attribute_or_item(vocab::Kind::Query, arguments.into(), item.into()).into()
}

/// Declares something that can be dispatched to the subscriptions of a model. Its documentation stands at `modeller::event`.
#[proc_macro_attribute]
pub fn event(arguments: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    entry::attribute_or_item(vocab::Kind::Event, arguments.into(), item.into()).into()
}

/// Runs a function at an interval. Its documentation stands at `modeller::worker`.
#[proc_macro_attribute]
pub fn worker(arguments: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    entry::attribute_or_item(vocab::Kind::Worker, arguments.into(), item.into()).into()
}

/// Declares work that outlives its caller. Its documentation stands at `modeller::job`.
#[proc_macro_attribute]
pub fn job(arguments: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    entry::attribute_or_item(vocab::Kind::Job, arguments.into(), item.into()).into()
}

/// Runs a function when an event is emitted. Its documentation stands at `modeller::rule`.
#[proc_macro_attribute]
pub fn rule(arguments: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    entry::attribute_or_item(vocab::Kind::Rule, arguments.into(), item.into()).into()
}
