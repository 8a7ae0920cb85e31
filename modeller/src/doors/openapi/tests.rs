//! What the document says of hand-written models.

use std::collections::HashSet;

use super::*;
use crate::doors::sample;
use crate::doors::schemas::errors::meaning;
use crate::doors::schemas::walk;
use crate::engine::Operation;

fn sample_document() -> Json {
    document(&sample::registry(), &About { title: "Sample".into(), ..About::default() })
}

/// A component schema with all components as its definitions.
fn validator(document: &Json, name: &str) -> jsonschema::Validator {
    let root =
        json!({ "$ref": format!("#/components/schemas/{name}"), "components": document["components"] });
    jsonschema::validator_for(&root).unwrap()
}

#[test]
fn every_operation_of_every_model_is_described() {
    let document = sample_document();
    let mut ids = HashSet::new();
    for shape in sample::all() {
        for &operation in Operation::ALL {
            let path = format!("/{}/{}", shape.path, operation.name());
            let described = &document["paths"][&path][operation.method().to_ascii_lowercase()];
            assert_eq!(described.is_object(), operation.is_offered(shape), "{path}");
            if let Some(id) = described["operationId"].as_str() {
                assert!(ids.insert(id.to_owned()), "{id} twice");
            }
        }
    }
    assert!(ids.contains("system_users_insert"));
}

#[test]
fn procedures_are_described_with_errors_of_their_own() {
    // RPC-12
    let document = sample_document();
    let described = &document["paths"]["/@procedures/{name}"]["post"];
    assert_eq!(described["parameters"][0]["name"], "name");
    for status in ["400", "404", "409", "default"] {
        let schema = &described["responses"][status]["content"]["application/json"]["schema"];
        assert_eq!(*schema, serde_json::json!({ "$ref": "#/components/schemas/Error" }), "{status}");
    }
    assert!(described["responses"]["404"]["description"].as_str().unwrap().contains("METHOD_NOT_FOUND"));
}

#[test]
fn a_transaction_is_described_per_model_and_operation() {
    // TXN-01
    let document = sample_document();
    let body = &document["paths"]["/@transaction"]["post"]["requestBody"]["content"]["application/json"];
    let root = json!({ "allOf": [body["schema"]], "components": document["components"] });
    let validator = jsonschema::validator_for(&root).unwrap();
    let fits = |operation: Json| validator.is_valid(&json!({ "operations": [operation] }));
    assert!(validator.is_valid(&body["example"]));
    let guest = json!({ "role": "Hamlet" });
    for good in [
        json!({ "op": "insert", "model": "stage/users", "data": guest }),
        json!({ "op": "update", "model": "stage/users", "key": "k", "data": guest, "version": 3 }),
        json!({ "op": "delete", "model": "stage/users", "query": { "role": "Hamlet" } }),
        json!({ "op": "findOne", "model": "stage/users", "query": { "role": "Hamlet" } }),
        json!({ "op": "where", "model": "system/users" }),
        json!({ "op": "restore", "model": "system/users", "key": "k" }),
    ] {
        assert!(fits(good.clone()), "{good}");
    }
    for bad in [
        json!({ "op": "insert", "data": guest }),
        json!({ "op": "insert", "model": "system/users", "data": guest }),
        json!({ "op": "insert", "model": "system/nobody", "data": guest }),
        json!({ "op": "update", "model": "stage/users", "data": guest }),
        json!({ "op": "get", "model": "stage/users", "key": "k", "query": {} }),
        json!({ "op": "restore", "model": "stage/users", "key": "k" }),
        json!({ "op": "clear", "model": "stage/users" }),
    ] {
        assert!(!fits(bad.clone()), "{bad}");
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let document = sample_document();
    let mut found = Vec::new();
    walk::references(&document, &mut found);
    assert!(found.len() > 100);
    for target in found {
        let pointer = target.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{target}");
    }
}

#[test]
fn definitions_of_the_same_name_are_not_confused() {
    let document = sample_document();
    let schemas = &document["components"]["schemas"];
    let role = |component: &str| {
        let mut found = Vec::new();
        walk::references(&schemas[component]["properties"]["role"], &mut found);
        schemas[found[0].rsplit('/').next().unwrap()].to_string()
    };
    assert!(role("SystemUsersInsert").contains("admin"));
    assert!(role("StageUsersInsert").contains("Ophelia"));
}

#[test]
fn models_of_the_same_name_get_the_scope_before_theirs() {
    let document = sample_document();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for name in ["Posts", "PostsInsert", "SystemUsers", "StageUsersFilter", "Error", "Violation"] {
        assert!(schemas.contains_key(name), "{name}");
    }
    assert!(!schemas.contains_key("Users"));
}

#[test]
fn private_fields_can_be_written_and_nothing_else() {
    // SCH-04
    let document = sample_document();
    let schemas = &document["components"]["schemas"];
    for writable in ["SystemUsersInsert", "SystemUsersPatch"] {
        assert!(schemas[writable]["properties"].get("password").is_some(), "{writable}");
    }
    for hidden in ["SystemUsers", "SystemUsersPartial", "SystemUsersFilter", "SystemUsersWhich"] {
        assert!(!schemas[hidden].to_string().contains("password"), "{hidden}");
    }
    assert!(!document["components"]["parameters"].to_string().contains("password"));
    for (path, item) in document["paths"].as_object().unwrap() {
        for operation in item.as_object().unwrap().values() {
            assert!(!operation["responses"].to_string().contains("password"), "{path}");
        }
    }
}

#[test]
fn examples_are_valid() {
    let document = sample_document();
    let mut examples = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for operation in item.as_object().unwrap().values() {
            let media = &operation["requestBody"]["content"]["application/json"];
            let Some(example) = media.get("example") else { continue };
            let mut root = media["schema"].clone();
            root["components"] = document["components"].clone();
            let validator = jsonschema::validator_for(&root).unwrap();
            let faults: Vec<String> = validator.iter_errors(example).map(|fault| fault.to_string()).collect();
            assert!(faults.is_empty(), "{path}: {example} {faults:?}");
            examples += 1;
        }
    }
    assert!(examples >= 9, "{examples}");
}

#[test]
fn filters_take_the_operators_of_the_kind() {
    let document = sample_document();
    let filter = validator(&document, "SystemUsersFilter");
    for good in [
        json!({}),
        json!({ "email": "a@b.c" }),
        json!({ "age": { "$gt": 18, "$lte": 99.5, "$not": { "$in": [20, null] } }, "name": null }),
        json!({ "address": { "city": "Rome" } }),
        json!({ "$or": [{ "tags": "x" }, { "$not": { "role": { "$in": ["admin"] } } }] }),
        json!({ "address.city": "Berlin", "tags.0": { "$exists": true } }),
        json!({ "email": { "$like": "%@example.com" } }),
    ] {
        assert!(filter.is_valid(&good), "{good}");
    }
    for bad in [
        json!([]),
        json!({ "nobody": 1 }),
        json!({ "password": "x" }),
        json!({ "age": { "$contains": "1" } }),
        json!({ "age": {} }),
        json!({ "age": "old" }),
        json!({ "$or": [] }),
        json!({ "email": { "$gt": null } }),
        json!({ "tags": { "$is": 1 } }),
        json!({ "$where": "1" }),
    ] {
        assert!(!filter.is_valid(&bad), "{bad}");
    }
}

#[test]
fn every_error_has_the_published_shape() {
    // SCH-18, SCH-19
    use crate::model::{Code, Error, Violation};
    let document = sample_document();
    let schema = validator(&document, "Error");
    for &code in Code::ALL {
        let error = Error::new(code, "text").with_field("email").with_details(json!({ "more": 1 }));
        assert!(schema.is_valid(&error.to_json()), "{code}");
        assert!(!meaning(code).is_empty());
    }
    let error = Error::validation(vec![Violation {
        instance_path: "/email".into(),
        keyword: "format".into(),
        message: "must match format \"email\"".into(),
        params: json!({ "format": "email" }),
        schema_path: "#/properties/email/format".into(),
    }]);
    assert!(schema.is_valid(&error.to_json()));
}

#[test]
fn every_operation_lists_its_errors() {
    let document = sample_document();
    let responses = |path: &str, method: &str| {
        let all = document["paths"][path][method]["responses"].as_object().unwrap();
        let mut all: Vec<_> = all.keys().cloned().collect();
        all.sort();
        all.join(" ")
    };
    assert_eq!(responses("/system/users/insert", "post"), "201 400 403 408 409 413 415 431 503");
    assert_eq!(responses("/system/users/get", "get"), "200 304 400 408 413 431 503");
    assert_eq!(responses("/system/users/update", "put"), "200 400 403 404 408 409 412 413 415 431 503");
    assert_eq!(responses("/system/users/delete", "delete"), "200 400 403 404 408 409 412 413 431 503");
    assert_eq!(responses("/system/users/upsert", "post"), "200 201 400 403 404 408 409 413 415 431 503");
}

#[test]
fn pages_of_the_application_stand_beside_the_models() {
    // HTT-04
    let mut page = Page::new("get", "/report/{year}/{*rest}", "The report");
    page.schema = Some(json!({ "type": "object" }));
    let document =
        document(&crate::registry::Registry::default(), &About { pages: vec![page], ..About::default() });
    let described = &document["paths"]["/report/{year}/{rest}"]["get"];
    assert_eq!(described["operationId"], "get_report_year_rest");
    assert_eq!(described["parameters"][1]["name"], "rest");
    assert!(document["paths"]["/@health"]["get"].is_object());
}

#[test]
fn the_sample_can_be_looked_at() {
    // For tests/openapi/validate.sh and for the page: the document as a file, where somebody asks for it.
    if let Ok(path) = std::env::var("MODELLER_OPENAPI_SAMPLE") {
        std::fs::write(path, serde_json::to_vec_pretty(&sample_document()).unwrap()).unwrap();
    }
}

#[test]
fn sort_keys_do_not_come_twice() {
    let document = sample_document();
    let sort = validator(&document, "SystemUsersSort");
    assert!(sort.is_valid(&json!(["name", "-age"])));
    for bad in [json!(["name", "name"]), json!(["name", "-name"]), json!(["password"]), json!(["tags"])] {
        assert!(!sort.is_valid(&bad), "{bad}");
    }
}

#[test]
fn texts_have_no_nul_characters() {
    let document = sample_document();
    let insert = validator(&document, "SystemUsersInsert");
    assert!(insert.is_valid(&json!({ "email": "a@b.cd", "name": "Ada", "tags": ["x"] })));
    for bad in [json!({ "email": "a@b.cd", "name": "A\0" }), json!({ "email": "a@b.cd", "tags": ["\0"] })] {
        assert!(!insert.is_valid(&bad), "{bad}");
    }
}

#[test]
fn searches_and_areas_are_described_where_a_model_has_them() {
    // QRY-24 X-12
    let document = sample_document();
    let filter = validator(&document, "PostsFilter");
    let circle = json!({ "center": { "latitude": 48.9, "longitude": 2.4 }, "radius": 1000 });
    for good in [
        json!({ "$geoWithin": { "circle": circle } }),
        json!({ "$geoWithin": { "latitudeField": "north", "longitudeField": "east", "circle": circle }, "draft": false }),
        json!({ "$not": { "$geoWithin": { "box": { "south": -1, "west": 170, "north": 1, "east": -170 } } } }),
    ] {
        assert!(filter.is_valid(&good), "{good}");
    }
    for bad in [
        json!({ "$geoWithin": {} }),
        json!({ "$geoWithin": { "circle": circle, "polygon": [] } }),
        json!({ "$geoWithin": { "latitudeField": "stars", "circle": circle } }),
        json!({ "$geoWithin": { "circle": { "center": { "latitude": 91, "longitude": 0 }, "radius": 1 } } }),
        json!({ "$geoWithin": { "polygon": [{ "latitude": 1, "longitude": 0 }] } }),
    ] {
        assert!(!filter.is_valid(&bad), "{bad}");
    }
    assert!(
        !validator(&document, "SystemUsersFilter").is_valid(&json!({ "$geoWithin": { "circle": circle } }))
    );
    let find = |path: &str| document["paths"][path]["post"]["requestBody"].to_string();
    assert!(find("/blog/posts/find").contains("snippet") && !find("/system/users/find").contains("snippet"));
}
