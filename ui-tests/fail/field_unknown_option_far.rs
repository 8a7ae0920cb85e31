use modeller::Model;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

#[derive(Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    #[model(comment = "where mail goes")]
    pub email: String,
}

fn main() {}
