use modeller::Model;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

#[derive(Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(unique(email, name), unique(email, name))]
pub struct User {
    pub email: String,
    pub name: String,
}

fn main() {}
