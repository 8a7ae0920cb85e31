//! What doors say is written down, all of it, under names that may be used.

use super::*;
use crate::doors::protocol::Server;
use crate::doors::sample;
use crate::doors::schemas::reference as schema;

fn door(_: &mut Catalog<'_>) -> Vec<Protocol> {
    let error = || Message::new("error", "error", "It did not work", schema("Error"));
    let ask = |key: &str| {
        let done = Message::new(&format!("done.{key}"), "done", "It is done", json!({ "const": true }));
        Message::new(key, "ask", "Ask something", json!({ "const": key })).answered(vec![done, error()])
    };
    let tuple = json!({ "prefixItems": [{ "type": "string" }] });
    vec![Protocol {
        key: "pigeons",
        server: Server {
            title: "Pigeons",
            description: "They fly.".into(),
            protocol: "ipoac",
            version: None,
            path: Some("/roof"),
        },
        channels: vec![Channel {
            key: "roof/top".into(),
            address: "/".into(),
            title: "The roof".into(),
            description: String::new(),
            heard: vec![ask("a/b"), ask("a_b")],
            said: vec![Message::new("coo", "coo", "A sound", tuple).about("system/users")],
            bindings: None,
            operation_bindings: None,
        }],
    }]
}

#[test]
fn what_a_door_says_is_written_down() {
    let info =
        Info { title: "Birds".into(), version: "2.0.0".into(), description: Some("All of them.".into()) };
    let document = document(&sample::registry(), &info, &door);
    assert_eq!(document["asyncapi"], "3.0.0");
    assert_eq!(document["info"]["title"], "Birds");
    assert!(document["info"]["description"].as_str().unwrap().starts_with("All of them."));
    let server = &document["servers"]["pigeons"];
    assert_eq!((&server["protocol"], &server["pathname"]), (&json!("ipoac"), &json!("/roof")));
    let operations = document["operations"].as_object().unwrap();
    // Two keys that look the same once they are names stay two.
    let names: Vec<&String> = operations.keys().collect();
    assert_eq!(names, ["roof_top.a_b", "roof_top.a_b2", "roof_top.coo"]);
    let ask = &operations["roof_top.a_b"];
    assert_eq!((&ask["action"], &operations["roof_top.coo"]["action"]), (&json!("receive"), &json!("send")));
    assert_eq!(ask["reply"]["messages"].as_array().unwrap().len(), 2);
    // What is answered alike is one message; what is asked is not.
    let messages = document["components"]["messages"].as_object().unwrap();
    let names: Vec<&String> = messages.keys().collect();
    assert_eq!(
        names,
        ["roof_top.a_b", "roof_top.done.a_b", "roof_top.error", "roof_top.a_b2", "roof_top.coo"]
    );
    assert_eq!(document["channels"]["roof_top"]["messages"].as_object().unwrap().len(), messages.len());
    assert_eq!(messages["roof_top.coo"]["payload"], json!({ "items": [{ "type": "string" }] }));
    assert_eq!(messages["roof_top.coo"]["tags"], json!([{ "name": "system/users" }]));
    // Of the schemas there are those that something leads to.
    let schemas: Vec<&String> = document["components"]["schemas"].as_object().unwrap().keys().collect();
    assert_eq!(schemas, ["Error", "Violation"]);
}
