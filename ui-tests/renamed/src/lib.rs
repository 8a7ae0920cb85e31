//! Models in a crate that has the framework under another name: nothing here is called `modeller`.
#![deny(missing_docs, warnings, unreachable_pub, missing_debug_implementations)]
#![forbid(unsafe_code)]

use backend::engine::{Method, Subscription};
use backend::{Cx, Model, Ref, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

/// A person.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(crate = ::backend, scope = "crm", trash, unique(first_name, last_name))]
pub struct Person {
    /// Where mail goes.
    #[validate(email(message = "no address"))]
    #[model(unique)]
    pub email: String,
    /// The first name.
    pub first_name: String,
    /// The last name.
    pub last_name: String,
    /// Whom they report to.
    #[model(references = Self::EMAIL)]
    pub boss: Option<String>,
    /// Who brought them.
    pub by: Option<Ref<Person>>,
}

/// Names are written without blanks around them.
#[backend::hook(Person, before(insert, update), crate = ::backend)]
async fn trim(person: &mut Person) -> Result<()> {
    person.first_name = person.first_name.trim().to_owned();
    Ok(())
}

/// Says hello.
#[backend::method(Person, crate = ::backend)]
#[derive(Debug, Serialize, Deserialize, JsonSchema, Validate)]
pub struct Greet {
    /// In which words.
    pub words: String,
}

impl Method for Greet {
    type Reply = String;

    async fn call(self, _: &Cx) -> Result<String> {
        Ok(self.words)
    }
}

/// Says goodbye.
#[backend::query(Person, crate = ::backend)]
pub async fn part(cx: &Cx, words: String) -> Result<String> {
    let _ = cx;
    Ok(words)
}

/// Waves.
#[backend::event(Person, crate = ::backend)]
pub fn wave(to: &Subscription) {
    let _ = to;
}

/// Counts.
#[backend::job(crate = ::backend)]
pub fn count(upto: u32) {
    let _ = upto;
}

#[backend::worker(Person, every = "5s", crate = ::backend)]
async fn look() {}

/// Hears.
#[backend::rule(Person, topic = "people.*", crate = ::backend)]
async fn hear(event: &backend::live::RuleEvent) {
    let _ = event;
}

/// The path may come through another crate's or module's re-export.
pub mod reexported {
    use super::{Deserialize, JsonSchema, Serialize, Validate};

    /// The framework, once more.
    pub mod framework {
        pub use backend::*;
    }

    /// A thing.
    #[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, framework::Model)]
    #[model(crate = crate::reexported::framework)]
    pub struct Thing {
        /// Its name.
        pub name: String,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_derive_works_under_another_name() {
        assert_eq!(Person::descriptor().name, "person");
        assert_eq!(reexported::Thing::descriptor().fields.len(), 1);
        assert_eq!(Person::BOSS.index(), Person::EMAIL.index() + 3);
    }
}
