use modeller::Model;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

pub struct Role;

#[derive(Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    #[model(references = Role)]
    pub email: String,
}

fn main() {}
