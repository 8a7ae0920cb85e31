use modeller::Model;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

#[derive(Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    pub email: String,
    #[serde(skip)]
    #[model(unique)]
    pub name: String,
}

fn main() {}
