use modeller::Model;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

#[derive(Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct Shop {
    #[model(searchable = "name")]
    pub name: String,
}

fn main() {}
