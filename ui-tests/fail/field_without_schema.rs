use modeller::Model;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

#[derive(Serialize, Deserialize)]
pub struct Role;

#[derive(Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    pub role: Role,
}

fn main() {}
