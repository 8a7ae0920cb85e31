use modeller::Model;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::{Validate, ValidationErrors};

#[derive(Serialize, Deserialize, JsonSchema, Model)]
pub struct User(String, u32);

impl Validate for User {
    fn validate(&self) -> Result<(), ValidationErrors> {
        Ok(())
    }
}

fn main() {}
