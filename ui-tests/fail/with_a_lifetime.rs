use modeller::Model;
use schemars::JsonSchema;
use serde::Serialize;
use validator::Validate;

#[derive(Serialize, JsonSchema, Validate, Model)]
pub struct Page<'a> {
    pub content: &'a str,
}

fn main() {}
