//! Models in a crate that has the framework under another name: nothing here is called `modeller`.
#![deny(missing_docs, warnings, unreachable_pub, missing_debug_implementations)]
#![forbid(unsafe_code)]

use backend::{Model, Ref};
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
