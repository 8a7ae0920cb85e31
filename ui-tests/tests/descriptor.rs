//! What the derive leaves for the registry.

use std::time::Duration;

use modeller::model::{Field, Generated, Shape};
use modeller::{Column, Id, Model, Ref};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

/// A person who can sign in.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "system", name = "users", trash, ttl = "30m", max_size = 1000, renamed_from = "app/people")]
#[allow(clippy::duplicated_attributes)]
#[model(unique(first_name, last_name), index(email, last_name))]
#[model(index(last_name, first_name))]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
pub struct User {
    /// Where mail goes.
    #[validate(email(message = "no address"), length(min = 3, max = 9, message = "3 to 9"))]
    #[model(unique)]
    pub email: String,
    pub first_name: Option<String>,
    #[serde(rename = "family")]
    last_name: String,
    #[model(private, renamed_from = "pass")]
    pub password: Option<String>,
    #[serde(skip)]
    pub cache: u128,
    #[model(references = User::EMAIL)]
    pub boss: Option<String>,
    #[model(references = Self)]
    pub friend: Option<String>,
    pub peer: Option<Ref<Self>>,
    #[model(generated = "autoincrement", index)]
    #[validate(range(min = 1, exclusive_max = 9, message = "small"))]
    pub r#type: Option<u32>,
}

/// Nothing special.
#[derive(Serialize, Deserialize, JsonSchema, Validate, Model)]
#[serde(rename_all(serialize = "kebab-case", deserialize = "kebab-case"))]
pub struct HTTPRequest {
    #[model(key, generated = "uuid")]
    id: String,
    #[serde(rename(serialize = "way", deserialize = "way"))]
    #[validate(regex(path = *WAY, message = "no way"))]
    http_method: String,
    #[validate(length(equal = 2, message = "two"), custom(function = "fine", message = "fine"))]
    status_words: Vec<String>,
    #[model(generated = "timestamp")]
    seen_at: Option<String>,
    #[model(references = User)]
    #[validate(does_not_contain(pattern = "x", message = "no x"))]
    by: Option<String>,
}

static WAY: std::sync::LazyLock<regex::Regex> =
    std::sync::LazyLock::new(|| regex::Regex::new("^[A-Z]+$").unwrap());

fn fine(_: &[String]) -> Result<(), validator::ValidationError> {
    Ok(())
}

fn field<M: Model>(rust: &str) -> &'static Field {
    M::descriptor().fields.iter().find(|field| field.rust == rust).unwrap()
}

fn names<M: Model>() -> Vec<(&'static str, &'static str)> {
    M::descriptor().fields.iter().map(|field| (field.rust, field.name)).collect()
}

// SCH-01
#[test]
fn the_descriptor_says_what_the_struct_says() {
    let descriptor = User::descriptor();
    assert_eq!((descriptor.scope, descriptor.name, descriptor.rust), ("system", "users", "User"));
    assert_eq!(descriptor.trash, Some(Duration::from_secs(30 * 86_400)));
    assert_eq!(descriptor.ttl, Some(Duration::from_secs(30 * 60)));
    assert_eq!(descriptor.max_size, Some(1000));
    assert_eq!(descriptor.renamed_from, Some("app/people"));
    assert_eq!(descriptor.site.package, "modeller-ui-tests");
    assert_eq!(descriptor.site.module, "descriptor");
    assert!(descriptor.site.file.ends_with("descriptor.rs"));
    assert_eq!(descriptor.site.line, 12);
}

// SCH-25
#[test]
fn sets_are_kept_in_order_and_by_their_names_in_rust() {
    let descriptor = User::descriptor();
    assert_eq!(descriptor.unique, [["first_name", "last_name"]]);
    assert_eq!(descriptor.index, [["email", "last_name"], ["last_name", "first_name"]]);
}

#[test]
fn names_on_the_wire_are_serdes_and_skipped_fields_are_gone() {
    let expected = [
        ("email", "email"),
        ("first_name", "firstName"),
        ("last_name", "family"),
        ("password", "password"),
        ("boss", "boss"),
        ("friend", "friend"),
        ("peer", "peer"),
        ("type", "type"),
    ];
    assert_eq!(names::<User>(), expected);
    let json = serde_json::to_value(User::default()).unwrap();
    let written: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(written, expected.map(|(_, wire)| wire));
}

#[test]
fn defaults_are_the_scope_app_and_the_name_in_lower_camel_case() {
    let descriptor = HTTPRequest::descriptor();
    assert_eq!((descriptor.scope, descriptor.name, descriptor.rust), ("app", "httpRequest", "HTTPRequest"));
    assert_eq!((descriptor.trash, descriptor.ttl, descriptor.max_size), (None, None, None));
    assert!(descriptor.unique.is_empty() && descriptor.index.is_empty());
    let expected = [
        ("id", "id"),
        ("http_method", "way"),
        ("status_words", "status-words"),
        ("seen_at", "seen-at"),
        ("by", "by"),
    ];
    assert_eq!(names::<HTTPRequest>(), expected);
}

// SCH-03, SCH-04, SCH-12
#[test]
fn flags_are_where_they_were_written() {
    let flags = |field: &Field| (field.key, field.unique, field.index, field.private);
    assert_eq!(flags(field::<User>("email")), (false, true, false, false));
    assert_eq!(flags(field::<User>("first_name")), (false, false, false, false));
    assert_eq!(flags(field::<User>("password")), (false, false, false, true));
    assert_eq!(flags(field::<User>("type")), (false, false, true, false));
    assert_eq!(flags(field::<HTTPRequest>("id")), (true, false, false, false));
    assert_eq!(field::<User>("password").renamed_from, Some("pass"));
}

// SCH-11
#[test]
fn generators_are_named() {
    assert_eq!(field::<User>("type").generated, Some(Generated::Autoincrement));
    assert_eq!(field::<HTTPRequest>("id").generated, Some(Generated::Uuid));
    assert_eq!(field::<HTTPRequest>("seen_at").generated, Some(Generated::Timestamp));
    assert_eq!(field::<User>("email").generated, None);
}

// SCH-15
#[test]
fn references_name_a_model_or_a_column() {
    let target = |field: &Field| field.references.map(|to| ((to.model)().name, to.column));
    assert_eq!(target(field::<User>("boss")), Some(("users", Shape::FIELDS)));
    assert_eq!(target(field::<User>("friend")), Some(("users", Shape::ID)));
    assert_eq!(target(field::<HTTPRequest>("by")), Some(("users", Shape::ID)));
    assert_eq!(target(field::<User>("peer")), None);
}

// SCH-10
#[test]
fn messages_stand_under_their_schema_keywords() {
    let email = [
        ("format", "no address"),
        ("minLength", "3 to 9"),
        ("minItems", "3 to 9"),
        ("minProperties", "3 to 9"),
        ("maxLength", "3 to 9"),
        ("maxItems", "3 to 9"),
        ("maxProperties", "3 to 9"),
    ];
    assert_eq!(field::<User>("email").messages, email);
    assert_eq!(field::<User>("type").messages, [("minimum", "small"), ("exclusiveMaximum", "small")]);
    assert_eq!(field::<HTTPRequest>("http_method").messages, [("pattern", "no way")]);
    let words = field::<HTTPRequest>("status_words").messages;
    assert_eq!(words.len(), 7);
    assert_eq!(words[6], ("custom", "fine"));
    assert_eq!(field::<HTTPRequest>("by").messages, [("does_not_contain", "no x")]);
}

#[test]
fn columns_are_constants_in_the_order_of_the_descriptor() {
    let id: Column<User, Id<User>> = User::ID;
    let email: Column<User, String> = User::EMAIL;
    let kind: Column<User, Option<u32>> = User::TYPE;
    assert_eq!(id.index(), Shape::ID);
    assert_eq!(email.index(), Shape::FIELDS);
    assert_eq!(User::LAST_NAME.index(), Shape::FIELDS + 2);
    assert_eq!(User::BOSS.index(), Shape::FIELDS + 4);
    assert_eq!(kind.index(), Shape::FIELDS + 7);
    // A key called `id` brings the constant itself.
    let own: Column<HTTPRequest, String> = HTTPRequest::ID;
    assert_eq!(own.index(), Shape::FIELDS);
}
