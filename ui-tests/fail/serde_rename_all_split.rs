use modeller::Model;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

#[derive(Serialize, Deserialize, JsonSchema, Validate, Model)]
#[serde(rename_all(serialize = "camelCase", deserialize = "snake_case"))]
pub struct User {
    pub email: String,
}

fn main() {}
