use modeller::Model;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

#[derive(Serialize, Deserialize, JsonSchema, Validate)]
pub struct Address {
    pub street: String,
}

#[derive(Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    pub email: String,
    #[serde(flatten)]
    pub address: Address,
}

fn main() {}
