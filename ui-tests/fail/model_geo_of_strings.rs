use modeller::Model;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

#[derive(Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(geo("lat", "lng"))]
pub struct Shop {
    pub lat: f64,
    pub lng: f64,
}

fn main() {}
