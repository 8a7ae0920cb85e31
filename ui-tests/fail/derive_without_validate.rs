use modeller::Model;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, JsonSchema, Model)]
pub struct User {
    pub email: String,
}

fn main() {}
