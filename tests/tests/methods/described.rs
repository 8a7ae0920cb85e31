//! What the listings say of what models do.

use modeller::doors::{metadata, openapi};
use modeller::engine::check;
use modeller::prelude::*;
use modeller::registry::Registry;
use serde_json::{Value as Json, json};

use crate::{Post, User, descriptors};

fn registry() -> Registry {
    let mut registry = Registry::of(&descriptors()).unwrap();
    registry.extend(&[(User::descriptor(), Post::descriptor())]).unwrap();
    registry
}

fn named<'a>(list: &'a Json, name: &str) -> &'a Json {
    list.as_array().unwrap().iter().find(|one| one["name"] == name).unwrap()
}

#[test]
fn the_metadata_says_what_models_do() {
    // HTT-03, RPC-04, RTE-11
    let document = metadata::document(&registry(), &Default::default());
    let users =
        document["models"].as_array().unwrap().iter().find(|model| model["path"] == "system/users").unwrap();
    let method = named(&users["methods"], "resetPassword");
    assert_eq!((&method["method"], &method["path"]), (&json!("POST"), &json!("/system/users/resetPassword")));
    assert_eq!(method["payload"]["properties"]["maxAttempts"]["maximum"], 10);
    assert_eq!(method["payload"]["additionalProperties"], false);
    assert_eq!(method["reply"]["properties"]["token"]["type"], "string");
    assert_eq!(named(&users["methods"], "ping")["payload"]["properties"], json!({}));
    assert_eq!(named(&users["queries"], "byRole")["method"], "GET");
    assert_eq!(users["events"], json!([]));
    assert_eq!(
        users["extensions"],
        json!([{ "name": "posts", "model": "content/posts", "path": "/system/users/posts" }])
    );
    let posts =
        document["models"].as_array().unwrap().iter().find(|model| model["path"] == "content/posts").unwrap();
    let event = named(&posts["events"], "sendMessage");
    assert_eq!(event["payload"]["properties"]["text"]["maxLength"], 20);
    assert_eq!(event["description"], "Says something to all who listen.");
    assert_eq!(event.get("path"), None);
}

#[test]
fn openapi_describes_every_method_and_query() {
    let document = openapi::document(&registry(), &openapi::About::default());
    let method = &document["paths"]["/system/users/resetPassword"]["post"];
    assert_eq!(method["summary"], "Starts over.");
    assert_eq!(method["description"], "The token is for one use.");
    assert_eq!(method["requestBody"]["required"], true);
    let follow = |reference: &Json| {
        let pointer = reference["$ref"].as_str().unwrap().strip_prefix('#').unwrap().to_owned();
        document.pointer(&pointer).unwrap_or_else(|| panic!("{pointer}")).clone()
    };
    let payload = follow(&method["requestBody"]["content"]["application/json"]["schema"]);
    assert_eq!(payload["required"], json!(["email"]));
    let reply = follow(&method["responses"]["200"]["content"]["application/json"]["schema"]);
    assert_eq!(reply["properties"]["attempts"]["type"], "integer");
    assert!(method["responses"]["400"].is_object() && method["responses"]["default"].is_object());
    assert_eq!(document["paths"]["/system/users/ping"]["post"]["requestBody"]["required"], false);
    let query = &document["paths"]["/system/users/byRole"]["get"];
    let role = named(&query["parameters"], "role");
    assert_eq!((&role["in"], &role["required"]), (&json!("query"), &json!(true)));
    assert_eq!(named(&query["parameters"], "atMost")["schema"]["maximum"], 100);
    // Extensions are there with all that they do.
    for path in ["/system/users/posts/insert", "/system/users/posts/ping", "/content/posts/ping"] {
        assert!(document["paths"][path]["post"].is_object(), "{path}");
    }
    let mut ids: Vec<String> = document["paths"]
        .as_object()
        .unwrap()
        .values()
        .flat_map(|item| item.as_object().unwrap().values())
        .map(|operation| operation["operationId"].as_str().unwrap().to_owned())
        .collect();
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count);
}

#[test]
fn every_reference_of_the_document_leads_somewhere() {
    fn references(value: &Json, out: &mut Vec<String>) {
        match value {
            Json::Object(members) => members.iter().for_each(|(name, value)| match value.as_str() {
                Some(target) if name == "$ref" => out.push(target.to_owned()),
                _ => references(value, out),
            }),
            Json::Array(items) => items.iter().for_each(|item| references(item, out)),
            _ => {}
        }
    }
    let document = openapi::document(&registry(), &openapi::About::default());
    let mut found = Vec::new();
    references(&document, &mut found);
    for target in found {
        assert!(document.pointer(target.strip_prefix('#').unwrap()).is_some(), "{target}");
    }
}

#[test]
fn the_report_lists_what_models_do() {
    let report = registry().report();
    for line in [
        "method resetPassword  [ResetPassword ",
        "query byRole  [ByRole ",
        "event sendMessage  [SendMessage ",
    ] {
        assert!(report.contains(line), "{line} in {report}");
    }
    check(&registry()).unwrap();
}
