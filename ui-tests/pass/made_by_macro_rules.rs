//! Structs whose parts come from a `macro_rules!`, each kind of fragment once.
#![deny(warnings)]

use modeller::Model;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

macro_rules! models {
    ($($name:ident, $path:literal, $column:ident: $type:ty, $of:ty, $size:expr, $life:literal;)*) => { $(
        #[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
        #[model(scope = $path, max_size = $size, trash = $life, unique($column, other))]
        pub struct $name {
            pub $column: $type,
            #[model(references = $of)]
            #[serde(rename = $path)]
            pub other: Option<String>,
        }
    )* };
}

models! {
    Apple, "fruit", kind: Option<String>, Pear, 7, "7d";
    Pear, "fruit", r#type: Vec<i64>, Apple, 9, "9s";
}

#[test]
fn they_are_models() {
    assert_eq!(Apple::KIND.index(), Pear::TYPE.index());
    assert_eq!(Pear::descriptor().max_size, Some(9));
    assert_eq!(Pear::descriptor().fields[1].name, "fruit");
}
