//! Keywords as names.
#![deny(warnings)]

use modeller::Model;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

/// A struct that is called like a keyword in other languages, with fields that are called like some of Rust's.
#[allow(non_camel_case_types)]
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(unique(r#type, r#in), index(r#in, plain))]
#[serde(rename_all = "PascalCase")]
pub struct r#Trait {
    pub r#type: String,
    #[model(references = r#Trait::TYPE)]
    pub r#in: Option<String>,
    pub r#plain: Option<String>,
    #[model(renamed_from = "match")]
    pub r#async: bool,
    pub größe: u8,
}

#[test]
fn the_names_lose_their_marks() {
    let descriptor = Trait::descriptor();
    let names: Vec<(&str, &str)> = descriptor.fields.iter().map(|field| (field.rust, field.name)).collect();
    let expected =
        [("type", "Type"), ("in", "In"), ("plain", "Plain"), ("async", "Async"), ("größe", "Größe")];
    assert_eq!(names, expected);
    assert_eq!(descriptor.unique, [["type", "in"]]);
    assert_eq!((descriptor.name, descriptor.rust), ("trait", "Trait"));
    assert!(Trait::TYPE.index() < Trait::GRÖSSE.index());
}
