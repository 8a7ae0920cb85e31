use modeller::Model;
use schemars::JsonSchema;
use serde::Serialize;
use validator::Validate;

#[derive(Serialize, JsonSchema, Validate, Model)]
pub struct User {
    pub email: String,
}

fn main() {}
