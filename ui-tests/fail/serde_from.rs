use modeller::Model;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

#[derive(Serialize, Deserialize, JsonSchema, Validate, Model)]
#[serde(from = "String")]
pub struct User {
    pub email: String,
}

impl From<String> for User {
    fn from(email: String) -> Self {
        User { email }
    }
}

fn main() {}
