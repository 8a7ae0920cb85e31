use modeller::Model;
use schemars::JsonSchema;
use serde::Deserialize;
use validator::Validate;

#[derive(Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    pub email: String,
}

fn main() {}
