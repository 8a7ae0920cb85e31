use modeller::Model;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

#[derive(Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(ttl = "999999999999d")]
pub struct User {
    pub email: String,
}

fn main() {}
