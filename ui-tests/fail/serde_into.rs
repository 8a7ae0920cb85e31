use modeller::Model;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

#[derive(Clone, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[serde(into = "String")]
pub struct User {
    pub email: String,
}

impl From<User> for String {
    fn from(user: User) -> Self {
        user.email
    }
}

fn main() {}
