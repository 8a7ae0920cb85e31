use modeller::Model;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

pub struct Role;

#[derive(Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    pub role: modeller::Ref<Role>,
}

fn main() {}
