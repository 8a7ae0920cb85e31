use modeller::Model;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

#[derive(Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(searchable)]
pub struct Shop {
    pub name: String,
}

fn main() {}
