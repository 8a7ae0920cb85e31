//! No name of the standard library is in scope. (The derives of schemars and validator want some, so those two traits
//! are implemented by hand.)
#![no_implicit_prelude]
#![deny(warnings)]

/// A person.
#[derive(::serde::Serialize, ::serde::Deserialize, ::modeller::Model)]
#[model(scope = "system", trash, ttl = "1s", max_size = 7, unique(email, name), renamed_from = "app/old")]
pub struct Person {
    /// Where mail goes.
    #[model(key, generated = "uuid", renamed_from = "old")]
    pub email: ::std::string::String,
    #[model(references = Person::EMAIL)]
    name: ::std::option::Option<::std::string::String>,
    #[model(references = Person, index)]
    other: ::std::option::Option<::std::string::String>,
}

impl ::schemars::JsonSchema for Person {
    fn schema_name() -> ::std::borrow::Cow<'static, str> {
        ::std::borrow::Cow::Borrowed("Person")
    }

    fn json_schema(_: &mut ::schemars::SchemaGenerator) -> ::schemars::Schema {
        ::std::default::Default::default()
    }
}

impl ::validator::Validate for Person {
    fn validate(&self) -> ::std::result::Result<(), ::validator::ValidationErrors> {
        ::std::result::Result::Ok(())
    }
}

#[test]
fn it_is_a_model() {
    let person = Person { email: ::std::default::Default::default(), name: nobody(), other: nobody() };
    ::std::assert!(person.name == person.other);
    ::std::assert_eq!(<Person as ::modeller::Model>::descriptor().fields.len(), 3);
}

fn nobody() -> ::std::option::Option<::std::string::String> {
    ::std::option::Option::None
}
