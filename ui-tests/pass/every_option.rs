//! Every option once, in every form, without a warning.
#![deny(warnings, missing_docs, clippy::all)]
#![forbid(unsafe_code)]

use modeller::{Model, Ref};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

/// All of a struct's.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[allow(clippy::duplicated_attributes)]
#[model(scope = "system", name = "all-of_It")]
#[model(unique(name, age), unique(name, size), index(age, size), index(size, age,))]
#[model(geo(north, east), geo(south, r#east))]
#[model(trash = "90d", ttl = 1_800_000, max_size = 1_000, renamed_from = "_old/all", crate = ::modeller)]
#[model()]
#[serde(
    deny_unknown_fields,
    rename = "Everything",
    rename_all = "SCREAMING-KEBAB-CASE",
    default,
    expecting = "all"
)]
pub struct Everything {
    /// The id.
    #[model(key, generated = "cuid", references = Self)]
    #[cfg(any())]
    gone: u128,
    /// The id.
    #[model(key, generated = "cuid", renamed_from = "code")]
    pub id: String,
    #[model(unique, private)]
    #[serde(default)]
    name: String,
    #[model(index, generated = "autoincrement")]
    #[serde(default = "seven", skip_serializing_if = "is_seven")]
    age: u32,
    #[model(references = super::every_option::Everything)]
    #[serde(rename = "SIZE/größe")]
    size: Option<String>,
    #[model(references = <Everything>::NAME, renamed_from = "type")]
    other: Option<String>,
    /// Where it is.
    pub north: Option<f64>,
    /// Where it is.
    pub east: Option<f64>,
    south: f32,
    #[model(searchable, index)]
    title: Option<String>,
    #[model(searchable)]
    words: Vec<String>,
    #[serde(rename(serialize = "x", deserialize = "x"))]
    friends: Vec<Ref<Self>>,
    #[model(on_delete = "set_null")]
    foes: Option<Vec<Ref<Self>>>,
    #[model(references = Self, on_delete = "set_null")]
    parent: Option<String>,
    #[model(on_delete = "cascade", index)]
    owner: Option<Ref<Everything>>,
    #[model(references = Everything::NAME, on_delete = "restrict")]
    keeper: Option<String>,
    #[serde(with = "wide")]
    #[schemars(with = "String")]
    wide: u128,
    #[serde(skip)]
    _cache: u128,
    #[serde(skip_serializing, skip_deserializing)]
    version: u128,
}

fn seven() -> u32 {
    7
}

fn is_seven(number: &u32) -> bool {
    *number == 7
}

mod wide {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(number: &u128, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(number)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u128, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// What the framework itself brings may begin with an underscore.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(builtin, scope = "_system", name = "_jobs")]
pub struct Job {
    /// What to do.
    pub task: String,
}

#[test]
fn it_says_all_of_it() {
    let everything = Everything { version: 1, ..Everything::default() };
    assert_eq!(everything.version + everything._cache, 1);
    let descriptor = Everything::descriptor();
    let names: Vec<&str> = descriptor.fields.iter().map(|field| field.name).collect();
    assert_eq!(
        names[..10],
        ["ID", "NAME", "AGE", "SIZE/größe", "OTHER", "NORTH", "EAST", "SOUTH", "TITLE", "WORDS"]
    );
    assert_eq!(names[10..], ["x", "FOES", "PARENT", "OWNER", "KEEPER", "WIDE"]);
    let on_delete: Vec<&str> = descriptor.fields[10..].iter().map(|field| field.on_delete.name()).collect();
    assert_eq!(on_delete, ["restrict", "set_null", "set_null", "cascade", "restrict", "restrict"]);
    assert_eq!(descriptor.unique, [["name", "age"], ["name", "size"]]);
    assert_eq!(descriptor.fields[4].references.map(|to| to.column), Some(Everything::NAME.index()));
    assert_eq!(descriptor.geo, [("north", "east"), ("south", "east")]);
    assert_eq!(Everything::SOUTH_EAST.longitude(), Everything::EAST.index());
    assert!(descriptor.fields.iter().filter(|field| field.searchable).count() == 2);
    assert_eq!(Job::descriptor().name, "_jobs");
}
