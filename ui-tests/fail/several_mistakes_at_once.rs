use modeller::Model;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

#[derive(Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(name = "Users", max_size = 0)]
pub struct User {
    #[model(uniqe)]
    pub email: String,
    #[serde(alias = "n")]
    pub name: String,
}

fn main() {}
