use modeller::Model;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::{Validate, ValidationErrors};

#[derive(Serialize, Deserialize, JsonSchema, Model)]
pub enum Role {
    Admin,
}

impl Validate for Role {
    fn validate(&self) -> Result<(), ValidationErrors> {
        Ok(())
    }
}

fn needs_a_model<M: Model>() {}

fn main() {
    needs_a_model::<Role>();
}
