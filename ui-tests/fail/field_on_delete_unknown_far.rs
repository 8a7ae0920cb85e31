use modeller::Model;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

#[derive(Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    pub email: String,
}

#[derive(Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct Comment {
    #[model(on_delete = "explode")]
    pub author: modeller::Ref<User>,
}

fn main() {}
