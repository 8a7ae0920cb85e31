use modeller::Model;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

#[derive(Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    #[model(generated = "uuid")]
    #[model(generated = "cuid")]
    pub email: String,
}

fn main() {}
