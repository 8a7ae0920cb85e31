//! No name of the standard library is in scope. (The derives of schemars and validator want some, so that payloads are
//! written with those two traits by hand, and not as functions.)
#![no_implicit_prelude]
#![deny(warnings)]

/// A person.
#[derive(::serde::Serialize, ::serde::Deserialize, ::modeller::Model)]
#[model(scope = "declared")]
pub struct Pear {
    pub name: ::std::string::String,
}

/// A payload.
#[::modeller::method(Pear, name = "weigh")]
#[derive(::serde::Serialize, ::serde::Deserialize)]
pub struct Weigh {
    pub grams: u32,
}

impl ::modeller::engine::Method for Weigh {
    type Reply = u32;

    async fn call(self, _: &::modeller::Cx) -> ::modeller::Result<u32> {
        ::std::result::Result::Ok(self.grams)
    }
}

#[::modeller::job(Pear, attempts = 3)]
#[derive(::serde::Serialize, ::serde::Deserialize)]
struct Rot {}

impl ::modeller::engine::Job for Rot {
    async fn run(self, _: &::modeller::Cx) -> ::modeller::Result<()> {
        ::std::result::Result::Ok(())
    }
}

#[::modeller::hook(Pear, before(insert), order = 7)]
async fn ripen(pear: &mut Pear, _: &::modeller::Cx) -> ::modeller::Result<()> {
    pear.name.clear();
    ::std::result::Result::Ok(())
}

#[::modeller::worker(Pear, every = "5s")]
fn water(_: &::modeller::Cx) {}

#[::modeller::rule(Pear, topic = "pears.*")]
async fn pick(_: &::modeller::live::RuleEvent, _: &::modeller::Cx) -> ::modeller::Result<()> {
    ::std::result::Result::Ok(())
}

macro_rules! by_hand {
    ($($name:ident)+) => { $(
        impl ::schemars::JsonSchema for $name {
            fn schema_name() -> ::std::borrow::Cow<'static, str> {
                ::std::borrow::Cow::Borrowed("Pear")
            }

            fn json_schema(_: &mut ::schemars::SchemaGenerator) -> ::schemars::Schema {
                ::std::default::Default::default()
            }
        }

        impl ::validator::Validate for $name {
            fn validate(&self) -> ::std::result::Result<(), ::validator::ValidationErrors> {
                ::std::result::Result::Ok(())
            }
        }
    )+ };
}

by_hand! { Pear Weigh Rot }
