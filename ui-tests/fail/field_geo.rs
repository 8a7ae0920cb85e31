use modeller::Model;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

#[derive(Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct Shop {
    #[model(geo)]
    pub lat: f64,
    pub lng: f64,
}

fn main() {}
