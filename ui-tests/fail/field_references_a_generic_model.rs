use modeller::Model;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

pub struct Page<A, B>(A, B);

#[derive(Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    #[model(references = Page<u8, u8>, unique)]
    pub email: String,
}

fn main() {}
