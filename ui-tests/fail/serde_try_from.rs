use modeller::Model;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

#[derive(Serialize, Deserialize, JsonSchema, Validate, Model)]
#[serde(try_from = "String")]
pub struct User {
    pub email: String,
}

impl TryFrom<String> for User {
    type Error = std::fmt::Error;

    fn try_from(email: String) -> Result<Self, Self::Error> {
        Ok(User { email })
    }
}

fn main() {}
