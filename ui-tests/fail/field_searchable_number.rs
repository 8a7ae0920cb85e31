use modeller::Model;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

#[derive(Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct Shop {
    #[model(searchable)]
    pub age: Option<i64>,
    pub name: String,
}

fn main() {}
