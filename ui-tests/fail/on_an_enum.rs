use modeller::Model;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::{Validate, ValidationErrors};

#[derive(Serialize, Deserialize, JsonSchema, Model)]
pub enum Role {
    Admin,
    Guest,
}

impl Validate for Role {
    fn validate(&self) -> Result<(), ValidationErrors> {
        Ok(())
    }
}

fn main() {}
