use modeller::Model;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

#[derive(Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    pub email: std::cell::Cell<u32>,
}

fn main() {}
