//! Models in modules and functions, with every visibility, and with fields nobody uses.
#![deny(warnings, private_interfaces, unreachable_pub, dead_code)]

use modeller::Model;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

pub(crate) mod inner {
    use super::*;

    #[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
    pub(super) struct Address {
        street: String,
    }

    #[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
    pub(crate) struct Shop {
        pub(crate) name: String,
        pub(super) address: Option<self::Address>,
        pub(in crate::anywhere) owner: String,
        secret: bool,
    }

    impl Shop {
        /// The struct's own constants stand beside those of its columns.
        pub(crate) const LIMIT: usize = Self::SECRET.index();
    }
}

#[test]
fn a_model_may_stand_in_a_function() {
    #[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
    struct Local {
        name: String,
        shop: Option<String>,
    }
    assert_eq!(Local::SHOP.index(), Local::NAME.index() + 1);
    assert_eq!(Local::descriptor().rust, "Local");
    let columns = (inner::Shop::NAME, inner::Shop::ADDRESS, inner::Shop::OWNER);
    assert_eq!(columns.2.index() + 1, inner::Shop::LIMIT);
}
