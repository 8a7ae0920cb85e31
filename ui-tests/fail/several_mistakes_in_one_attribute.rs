use modeller::Model;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

#[derive(Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scop = "system", name = 7, ttl, unique(email, nobody), "users", trash = "1y")]
pub struct User {
    pub email: String,
    pub name: String,
}

fn main() {}
