//! Structs to rows and back, rows as JSON, schemas, updates, generated values.
#![allow(missing_docs)]

mod common;

use common::{Flat, Nested, Role, field, flat, nested, shape};
use modeller::model::{
    Cell, Doc, Field, Generated, Kind, Row, Shape, Value, View, accept, check_record, doc_from_row,
    doc_schema, fill_generated, from_row, id_of, merge, new_id, patch_schema, to_row, to_value, write_row,
};
use modeller::{Code, Model, Result};
use proptest::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use validator::{Validate, ValidationError};

fn typed<M: Model>(payload: &Json) -> M {
    *accept(shape::<M>(), payload.to_string().as_bytes()).unwrap().into_any().downcast::<M>().unwrap()
}

fn written<M: Model>(row: &Row, view: &View) -> Json {
    let mut out = Vec::new();
    write_row(shape::<M>(), row, view, &mut out);
    serde_json::from_slice(&out).unwrap()
}

fn stored<M: Model>(model: &M) -> Row {
    let mut row = to_row(model, shape::<M>()).unwrap();
    row[Shape::ID] = "u-1".into();
    for index in [Shape::VERSION, Shape::CREATED_AT, Shape::UPDATED_AT] {
        row[index] = (index as i64).into();
    }
    row
}

fn there_and_back<M: Model + PartialEq + std::fmt::Debug>(payload: &Json) {
    let model: M = typed(payload);
    let row = stored(&model);
    assert_eq!(from_row::<M>(shape::<M>(), &row).unwrap(), model);
    let mut expected = serde_json::to_value(&model).unwrap();
    let mut shown = written::<M>(&row, &View::Full);
    for (index, name) in ["_id", "_version", "_createdAt", "_updatedAt"].into_iter().enumerate() {
        let value = shown.as_object_mut().unwrap().remove(name).unwrap();
        assert_eq!(value, if index == 0 { json!("u-1") } else { json!(index) });
    }
    // A 32-bit float is shown as it is written, 0.1, and not as the nearest 64-bit one.
    if let Some(ratio) = expected.get("ratio").and_then(Json::as_f64) {
        assert_eq!(shown["ratio"].as_f64().unwrap() as f32, ratio as f32);
        expected["ratio"] = shown["ratio"].clone();
    }
    assert_eq!(shown, expected);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn structs_survive_their_row(
        name in "[^\u{0}]{3,20}", total: i64, price in 0.0..1e300_f64, ratio: f32, letter in prop::char::range('\u{1}', '\u{10ffff}'),
        millis in -60_000_000_000_000_i64..250_000_000_000_000, tags in prop::collection::vec("[^\u{0}]{0,5}", 0..4), role: bool,
        some: bool,
    ) {
        // SCH-14
        let mut model: Flat = typed(&flat());
        model.name = name.chars().take(20).collect();
        model.total = total;
        model.price = price;
        model.ratio = (some && ratio.is_finite()).then_some(ratio);
        model.letter = letter;
        model.seen = jiff::Timestamp::from_millisecond(millis).unwrap();
        model.tags = tags;
        model.role = if role { Role::Admin } else { Role::User };
        model.token = some.then_some(uuid::Uuid::from_u128(millis.unsigned_abs().into()));
        let row = stored(&model);
        prop_assert_eq!(&from_row::<Flat>(shape::<Flat>(), &row).unwrap(), &model);
        let shown = written::<Flat>(&row, &View::Full);
        prop_assert_eq!(&shown["name"], &json!(model.name));
        prop_assert_eq!(&shown["price"], &json!(price));
        prop_assert_eq!(&shown["seen"], &json!(model.seen));
    }
}

#[test]
fn rows_show_what_serde_would_and_the_metadata() {
    // SCH-13, SCH-14
    there_and_back::<Flat>(&flat());
    there_and_back::<Nested>(&nested());
    let mut payload = flat();
    payload["ratio"] = json!(0.1);
    payload["extra"] = json!(null);
    there_and_back::<Flat>(&payload);
    let shown = written::<Flat>(&stored(&typed::<Flat>(&payload)), &View::Full);
    assert_eq!(shown["ratio"], json!(0.1));
}

#[test]
fn views_leave_private_fields_out() {
    // SCH-04
    let row = stored(&typed::<Flat>(&flat()));
    let public = written::<Flat>(&row, &View::Public);
    assert!(public.get("code").is_none() && public["email"] == "ann@example.com");
    let mut out = Vec::new();
    let index = |name| shape::<Flat>().index_of(name).unwrap();
    write_row(shape::<Flat>(), &row, &View::Only(vec![index("name"), Shape::ID, index("age")]), &mut out);
    assert_eq!(String::from_utf8(out).unwrap(), r#"{"_id":"u-1","name":"Ann Lee","age":30}"#);
    let doc: Doc<Flat> = doc_from_row(shape::<Flat>(), &row).unwrap();
    assert_eq!((doc.id.as_str(), doc.version, doc.created_at, doc.updated_at), ("u-1", 1, 2, 3));
    assert_eq!(serde_json::to_value(&doc).unwrap(), public);
}

#[test]
fn every_type_has_its_kind() {
    // SCH-14
    let kind = |name: &str| shape::<Flat>().columns[shape::<Flat>().index_of(name).unwrap()].kind;
    for (name, expected) in [
        ("email", Kind::Text),
        ("role", Kind::Text),
        ("level", Kind::Text),
        ("born", Kind::Text),
        ("token", Kind::Text),
        ("letter", Kind::Text),
        ("age", Kind::Integer),
        ("size", Kind::Integer),
        ("price", Kind::Number),
        ("ratio", Kind::Number),
        ("active", Kind::Boolean),
        ("seen", Kind::DateTime),
        ("tags", Kind::Json),
        ("scores", Kind::Json),
        ("extra", Kind::Json),
    ] {
        assert_eq!(kind(name), expected, "{name}");
    }
    let column = |name: &str| &shape::<Flat>().columns[shape::<Flat>().index_of(name).unwrap()];
    assert!(column("level").nullable && column("extra").nullable && !column("role").nullable);
    assert!(column("tags").array && !column("scores").array);
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[validate(schema(function = "not_itself"))]
struct Article {
    #[serde(default)]
    slug: String,
    #[validate(custom(function = "no_shouting"))]
    head_line: String,
    #[serde(default = "draft")]
    state: String,
    #[serde(default)]
    number: i64,
    #[serde(default)]
    posted: Option<jiff::Timestamp>,
    #[validate(email)]
    author: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    tags: Vec<String>,
    #[serde(default)]
    views: u64,
    #[serde(default)]
    rating: f64,
}

fn draft() -> String {
    "draft".into()
}

fn no_shouting(text: &str) -> std::result::Result<(), ValidationError> {
    match text.chars().any(char::is_lowercase) {
        true => Ok(()),
        false => Err(ValidationError::new("shouting").with_message("don't shout".into())),
    }
}

fn not_itself(article: &Article) -> std::result::Result<(), ValidationError> {
    match article.head_line == article.state {
        true => Err(ValidationError::new("same")),
        false => Ok(()),
    }
}

model!(
    Article,
    "tests" / "articles",
    [
        field("slug").key().generated(Generated::Cuid),
        Field::new("head_line", "headLine"),
        field("state"),
        field("number").generated(Generated::Autoincrement),
        field("posted").generated(Generated::Timestamp),
        field("author").private().messages(&[("format", "that is no address")]),
        field("tags"),
        field("views"),
        field("rating"),
    ]
    .trash(1000)
    .ttl(1000)
);

fn article(payload: Json) -> Result<Row> {
    accept(shape::<Article>(), payload.to_string().as_bytes())?.to_row(shape::<Article>())
}

#[test]
fn the_published_schema_says_what_the_attributes_say() {
    // SCH-01, SCH-02, SCH-03, SCH-04, SCH-05, SCH-10, SCH-11, SCH-12, SCH-16
    let schema = &shape::<Article>().schema;
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert_eq!((&schema["title"], &schema["type"]), (&json!("Article"), &json!("object")));
    assert_eq!(schema["additionalProperties"], false);
    assert_eq!(schema["required"], json!(["headLine"]));
    let names: Vec<&String> = schema["properties"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["slug", "headLine", "state", "number", "posted", "author", "tags", "views", "rating"]);
    let slug = json!({"type": "string", "default": "", "unique": true, "generated": "cuid", "minLength": 1, "maxLength": 255});
    assert_eq!(schema["properties"]["slug"], slug);
    assert_eq!(schema["properties"]["state"]["default"], "draft");
    let author = json!({
        "type": ["string", "null"], "format": "email", "private": true, "writeOnly": true,
        "errorMessage": {"format": "that is no address"}
    });
    assert_eq!(schema["properties"]["author"], author);
    assert_eq!(schema["properties"]["views"]["maximum"], i64::MAX);
    let flat = &shape::<Flat>().schema["properties"];
    assert_eq!(flat["email"], json!({"type": "string", "format": "email", "unique": true}));

    let patch = patch_schema(shape::<Article>());
    assert!(patch.get("required").is_none() && patch["properties"]["state"].get("default").is_none());
    let answer = doc_schema(shape::<Article>(), &View::Public);
    assert!(answer["properties"].get("author").is_none());
    assert_eq!(answer["properties"]["_id"]["readOnly"], true);
    assert_eq!(
        answer["required"],
        json!(["_id", "_version", "_createdAt", "_updatedAt", "headLine", "_expiresAt"])
    );
    let validator = jsonschema::validator_for(&answer).unwrap();
    let row = stored(&typed::<Article>(&json!({"headLine": "Hello", "slug": "a"})));
    assert!(
        validator.is_valid(&written::<Article>(&row, &View::Public)),
        "{}",
        written::<Article>(&row, &View::Public)
    );
}

#[test]
fn rules_and_messages_of_the_fields_own_are_told() {
    // SCH-10, SCH-18
    let told = |payload: Json| -> Vec<(String, String, String)> {
        let error = article(payload).unwrap_err();
        let all = error.violations().iter();
        all.map(|one| (one.instance_path.clone(), one.keyword.clone(), one.message.clone())).collect()
    };
    let own =
        |path: &str, keyword: &str, message: &str| (path.to_owned(), keyword.to_owned(), message.to_owned());
    assert_eq!(told(json!({"headLine": "LOUD"})), [own("/headLine", "shouting", "don't shout")]);
    assert_eq!(told(json!({"headLine": "draft"})), [own("", "same", "must fulfil the rule \"same\"")]);
    assert_eq!(
        told(json!({"headLine": "LOUD", "author": "x"})),
        [own("/author", "format", "that is no address"), own("/headLine", "shouting", "don't shout")]
    );
    let mut bad: Article = typed(&json!({"headLine": "Hello"}));
    bad.author = Some("x".into());
    let error = check_record(&bad, shape::<Article>()).unwrap_err();
    assert!(error.is(Code::ValidationError) && error.violations()[0].instance_path == "/author");
}

#[test]
fn defaults_and_generated_values_are_filled_in() {
    // SCH-05, SCH-11, SCH-12
    let mut row = article(json!({"headLine": "Hello"})).unwrap();
    let index = |name| shape::<Article>().index_of(name).unwrap();
    assert_eq!(row[index("state")], "draft".into());
    assert_eq!(id_of(shape::<Article>(), &row), None);
    fill_generated(shape::<Article>(), &mut row, 1_790_000_000_123);
    assert_eq!(id_of(shape::<Article>(), &row).unwrap().len(), 25);
    assert_eq!(row[index("posted")], "2026-09-21T14:13:20.123000000Z".into());
    assert_eq!(row[index("number")], Value::Integer(0));
    assert_eq!(row[index("tags")], Value::Null);
    let before = row.clone();
    fill_generated(shape::<Article>(), &mut row, 0);
    assert_eq!(row, before);
    assert!(new_id() < new_id());
    assert!(from_row::<Article>(shape::<Article>(), &row).unwrap().tags.is_empty());
    assert!(written::<Article>(&row, &View::Full).get("tags").is_none());
}

#[test]
fn values_that_no_column_holds_are_violations() {
    let mut bad: Article = typed(&json!({"headLine": "Hello"}));
    let keyword =
        |article: &Article| to_row(article, shape::<Article>()).unwrap_err().violations()[0].clone();
    bad.views = u64::MAX;
    assert_eq!((keyword(&bad).instance_path, keyword(&bad).keyword), ("/views".into(), "maximum".into()));
    bad.views = 0;
    bad.rating = f64::NAN;
    assert_eq!(
        (keyword(&bad).instance_path, keyword(&bad).message),
        ("/rating".into(), "must be a finite number".into())
    );
    bad.rating = 0.0;
    bad.head_line = "a\0b".into();
    assert_eq!((keyword(&bad).instance_path, keyword(&bad).keyword), ("/headLine".into(), "nul".into()));
    assert!(to_value(&[1.0, f64::INFINITY], Kind::Json).is_err());
    assert!(to_value(&["a\0"], Kind::Json).is_err());
    assert!(to_value("\\u0000", Kind::Json).is_ok());
    assert!(to_value("2026-02-30T00:00:00Z", Kind::DateTime).is_err());
    assert_eq!(to_value(&Some(Role::Admin), Kind::Text).unwrap(), "admin".into());
    assert_eq!(to_value(&0.1_f32, Kind::Number).unwrap(), Value::Number(0.1));
    assert_eq!(to_value(&true, Kind::Boolean).unwrap(), Value::Integer(1));
    assert_eq!(
        to_value("2026-01-01T00:00:00+01:00", Kind::DateTime).unwrap(),
        "2025-12-31T23:00:00.000000000Z".into()
    );
}

#[test]
fn a_row_that_does_not_fit_is_an_error_without_its_values() {
    let mut row = stored(&typed::<Flat>(&flat()));
    row[shape::<Flat>().index_of("age").unwrap()] = "s3cret".into();
    let error = from_row::<Flat>(shape::<Flat>(), &row).unwrap_err();
    assert!(error.is(Code::InternalError) && !error.message().contains("s3cret"));
}

#[test]
fn a_patch_replaces_fields_and_nothing_else() {
    // SCH-17, QRY-05
    let current = stored(&typed::<Flat>(&flat()));
    let patched = |patch: &str| merge(shape::<Flat>(), &current, patch.as_bytes()).map(|(_, row)| row);
    let (mut record, row) =
        merge(shape::<Flat>(), &current, br#"{"name":"Bob","nick":"b","age":31.0}"#).unwrap();
    let bob = record.as_any().downcast_ref::<Flat>().unwrap();
    assert_eq!((bob.name.as_str(), bob.nick.as_deref(), bob.age), ("Bob", Some("b"), 31));
    assert_eq!(
        (row.0.len(), &row[Shape::ID], &row[Shape::VERSION]),
        (current.0.len(), &"u-1".into(), &Value::Integer(1))
    );
    assert_eq!(from_row::<Flat>(shape::<Flat>(), &row).unwrap(), *bob);
    assert_eq!(patched("{}").unwrap(), current);
    let code = shape::<Flat>().index_of("code").unwrap();
    assert_eq!(patched(r#"{"code":null}"#).unwrap()[code], Value::Null);
    for (patch, path, keyword) in [
        (r#"{"name":null}"#, "/name", "type"),
        (r#"{"age":200}"#, "/age", "maximum"),
        (r#"{"other":200}"#, "", "additionalProperties"),
        (r#"{"email":"x"}"#, "/email", "format"),
        ("[]", "", "type"),
        ("null", "", "type"),
    ] {
        let error = patched(patch).unwrap_err();
        assert_eq!(
            (error.violations()[0].instance_path.as_str(), error.violations()[0].keyword.as_str()),
            (path, keyword)
        );
    }
    assert_eq!(patched("{").unwrap_err().code(), "PARSE_ERROR");
    assert_eq!(patched(r#"{"age":1,"age":2}"#).unwrap_err().code(), "PARSE_ERROR");
}

#[test]
fn nested_models_are_patched_field_by_field() {
    let current = stored(&typed::<Nested>(&nested()));
    let (_, row) =
        merge(shape::<Nested>(), &current, br#"{"homeAddress":{"street":"New"},"codes":{}}"#).unwrap();
    let mut expected = written::<Nested>(&current, &View::Full);
    expected["homeAddress"] = json!({"street": "New", "number": null, "tags": []});
    expected["codes"] = json!({});
    assert_eq!(written::<Nested>(&row, &View::Full), expected);
    let error = merge(shape::<Nested>(), &current, br#"{"homeAddress":{"street":"New","x":1}}"#)
        .map(drop)
        .unwrap_err();
    assert_eq!(error.violations()[0].instance_path, "/homeAddress");
}

#[test]
fn a_key_never_changes() {
    // SCH-12
    let current = stored(&typed::<Article>(&json!({"headLine": "Hello", "slug": "a"})));
    let error = merge(shape::<Article>(), &current, br#"{"slug":"b"}"#).map(drop).unwrap_err();
    assert_eq!(
        (error.violations()[0].instance_path.as_str(), error.violations()[0].keyword.as_str()),
        ("/slug", "immutable")
    );
    assert!(merge(shape::<Article>(), &current, br#"{"slug":"a","state":"live"}"#).is_ok());
    assert!(article(json!({"headLine": "Hello", "slug": ""})).is_err());
    assert!(article(json!({"headLine": "Hello", "slug": "s".repeat(256)})).is_err());
}

#[test]
fn documents_of_models_with_ttl_and_trash_show_it() {
    // SCH-13, PER-04
    let mut row = stored(&typed::<Article>(&json!({"headLine": "Hello", "slug": "a"})));
    let shown = written::<Article>(&row, &View::Public);
    assert!(shown["_expiresAt"].is_null() && shown.get("_deletedAt").is_none());
    row[shape::<Article>().deleted_at.unwrap()] = 7.into();
    row[shape::<Article>().expires_at.unwrap()] = 8.into();
    let shown = written::<Article>(&row, &View::Public);
    assert_eq!((&shown["_expiresAt"], &shown["_deletedAt"]), (&json!(8), &json!(7)));
    assert_eq!(Row::copy(&row, 1).0, [Value::from("u-1")]);
    assert_eq!(row[0].view(), Cell::Text("u-1"));
}

macro_rules! faulty {
    ($name:ident { $($(#[$meta:meta])* $field:ident: $type:ty),* } [$($fields:expr),*]) => {{
        #[derive(Debug, Serialize, Deserialize, JsonSchema, Validate)]
        struct $name { $($(#[$meta])* $field: $type),* }
        model!($name, "tests" / "faulty", [$($fields),*]);
        $name::descriptor().try_shape().map(drop).expect_err("a fault").message.clone()
    }};
}

#[test]
fn structs_that_contradict_their_attributes_are_told_what_to_write() {
    let message = faulty!(A { id: String }[field("id").generated(Generated::Uuid)]);
    assert!(message.contains("add `#[serde(default)]`"), "{message}");
    let message = faulty!(
        B {
            #[serde(default)]
            id: bool
        }[field("id").generated(Generated::Uuid)]
    );
    assert!(message.contains("must be a `String` or `Uuid`"), "{message}");
    let message = faulty!(C { id: Option<String> } [field("id").key()]);
    assert!(message.contains("the key `id` must be a string or a whole number"), "{message}");
    let message = faulty!(D { id: u128 }[field("id")]);
    assert!(message.contains("128 bits"), "{message}");
    let message = faulty!(
        E {
            #[schemars(regex(pattern = "(?=a)"))]
            id: String
        }[field("id")]
    );
    assert!(message.contains("linear time"), "{message}");
    let message = faulty!(F { id: String, #[serde(flatten)] rest: std::collections::BTreeMap<String, Json> } [field("id")]);
    assert!(message.contains("flattened map"), "{message}");
    let message = faulty!(G { id: String, other: String }[field("id")]);
    assert!(message.contains("`other`"), "{message}");
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
struct Post {
    author: modeller::Ref<Flat>,
    editor: Option<modeller::Ref<Flat>>,
    mail: Option<String>,
    readers: Vec<modeller::Ref<Flat>>,
}

model!(
    Post,
    "tests" / "posts",
    [
        field("author"),
        field("editor"),
        field("mail")
            .references(modeller::model::Reference::column(modeller::Column::<Flat, String>::field(0))),
        field("readers"),
    ]
);

#[test]
fn references_are_published() {
    // SCH-15
    let properties = &shape::<Post>().schema["properties"];
    assert_eq!(properties["author"]["model"], "tests/flats");
    assert_eq!(properties["editor"]["model"], "tests/flats");
    assert_eq!(properties["mail"]["model"], "tests/flats.email");
    let target = |index: usize| shape::<Post>().fields()[index].references.clone();
    assert_eq!(target(0).unwrap().field, "_id");
    assert_eq!(target(2).unwrap().field, "email");
    assert_eq!(target(3).unwrap().model, "tests/flats");
    assert!(
        properties["readers"].get("model").is_none()
            && properties["readers"]["items"]["model"] == "tests/flats"
    );
    let valid = json!({"author": "a", "editor": null, "mail": "b", "readers": ["c"]});
    assert!(accept(shape::<Post>(), valid.to_string().as_bytes()).is_ok());
    assert!(accept(shape::<Post>(), br#"{"author": "", "readers": []}"#).is_err());
}

#[test]
fn the_schema_of_a_document_has_no_private_field() {
    // SCH-04
    let schema = Json::from(schemars::schema_for!(Doc<Flat>));
    assert!(schema["properties"].get("code").is_none());
    let doc: Doc<Flat> = doc_from_row(shape::<Flat>(), &stored(&typed::<Flat>(&flat()))).unwrap();
    assert!(jsonschema::validator_for(&schema).unwrap().is_valid(&serde_json::to_value(&doc).unwrap()));
}
