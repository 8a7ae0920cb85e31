//! Every name that generated code could want is the user's own, and means something else.
#![allow(dead_code, unused_macros)]
#![deny(warnings)]

struct Model;
struct Result;
struct Vec;
struct Column;
struct Descriptor;
struct Field;
struct Site;
struct Entry;
enum Option {
    Some,
    None,
}
mod core {}
mod std {}
mod modeller {}
mod inventory {}
fn site() {}
macro_rules! panic {
    () => {};
}
macro_rules! concat {
    () => {};
}

/// A person.
#[derive(
    ::serde::Serialize, ::serde::Deserialize, ::schemars::JsonSchema, ::validator::Validate, ::modeller::Model,
)]
#[model(trash, unique(email, name))]
pub struct Person {
    /// Where mail goes.
    #[model(unique)]
    email: String,
    #[model(references = Person)]
    name: String,
    // A constant of the trait `Model`, which is not in scope here.
    #[model(references = Person::ID)]
    other: String,
}

#[test]
fn it_is_a_model() {
    assert_eq!(<Person as ::modeller::Model>::descriptor().fields.len(), 3);
}
