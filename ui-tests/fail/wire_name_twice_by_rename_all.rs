use modeller::Model;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

#[derive(Serialize, Deserialize, JsonSchema, Validate, Model)]
#[serde(rename_all = "camelCase")]
pub struct User {
    pub first_name: String,
    #[allow(non_snake_case)]
    pub firstName: String,
}

fn main() {}
