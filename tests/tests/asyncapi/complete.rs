//! All is in the document that there is.

use std::collections::BTreeSet;

use modeller::doors::socketio::SocketIoOptions;
use modeller::doors::ws::RealtimeOptions;
use modeller::engine::Operation;
use modeller::live::{CHANNEL_OPERATIONS, ChannelEventKind};
use modeller::prelude::*;
use modeller::registry::BehaviourKind;
use serde_json::Value as Json;

use super::{app, follow, validator};

async fn document(app: App) -> Json {
    app.test().await.unwrap().get("/@asyncapi.json").await.expect(200)
}

/// What is received (by clients: sent) and what is sent, by the names of operations.
fn operations(document: &Json, action: &str) -> BTreeSet<String> {
    let all = document["operations"].as_object().unwrap();
    all.iter().filter(|(_, one)| one["action"] == action).map(|(name, _)| name.clone()).collect()
}

#[tokio::test]
async fn every_operation_method_query_and_event_of_every_model_is_there() {
    //
    let registry = app().registry().unwrap();
    let document = document(app()).await;
    assert_eq!(document["asyncapi"], "3.0.0");
    let (received, sent) = (operations(&document, "receive"), operations(&document, "send"));
    let has =
        |all: &BTreeSet<String>, name: String| assert!(all.contains(&name), "{name} is missing in {all:#?}");
    for &shape in registry.models() {
        let model = shape.path.replace('/', "_");
        for operation in Operation::ALL.iter().filter(|operation| operation.is_offered(shape)) {
            has(&received, format!("socketio.call.{model}.{operation}"));
        }
        for kind in [BehaviourKind::Method, BehaviourKind::Query] {
            for behaviour in registry.behaviours_of(shape, kind) {
                has(&received, format!("websocket.store.call.{model}.{}", behaviour.name));
                has(&received, format!("socketio.call.{model}.{}", behaviour.name));
            }
        }
        for query in registry.behaviours_of(shape, BehaviourKind::Query) {
            has(&received, format!("websocket.store.subscribe.{model}.{}", query.name));
            has(&received, format!("socketio.live.{model}.{}", query.name));
            has(&sent, format!("websocket.push.subscription.{model}.{}", query.name));
            has(&sent, format!("socketio.told.live.{model}.{}", query.name));
        }
        for event in registry.behaviours_of(shape, BehaviourKind::Event) {
            has(&received, format!("socketio.dispatch.{model}.{}", event.name));
        }
        for figures in ["count", "aggregate"] {
            has(&received, format!("websocket.store.subscribe.{model}.{figures}"));
            has(&sent, format!("websocket.push.subscription.{model}.{figures}"));
            has(&received, format!("socketio.live.{model}.{figures}"));
            has(&sent, format!("socketio.told.live.{model}.{figures}"));
        }
        let reading =
            Operation::ALL.iter().filter(|operation| !operation.is_write()).map(Operation::to_string);
        let queries = registry.behaviours_of(shape, BehaviourKind::Query).map(|query| query.name.to_owned());
        for query in reading.chain(queries) {
            has(&sent, format!("realtime.query_update.{model}.{query}"));
        }
        has(&received, format!("websocket.store.subscribe.{model}"));
        has(&received, format!("socketio.live.{model}"));
        has(&received, format!("socketio.subscribe.{model}"));
        has(&sent, format!("websocket.push.subscription.{model}"));
        has(&sent, format!("websocket.push.channel.{}.{model}", ChannelEventKind::Changes.name()));
        has(&sent, format!("socketio.told.live.{model}"));
    }
    for (place, of) in
        [("system_users", "system_users"), ("app_notes", "app_notes"), ("system_users_notes", "app_notes")]
    {
        for event in ["documents", "changes", "error"] {
            has(&sent, format!("live.{place}.{event}.{of}"));
        }
        for event in ["count.data", "aggregate.data", "aggregate.groups", "aggregate.changes"] {
            has(&sent, format!("live.{place}.{event}.{of}"));
        }
    }
    for operation in CHANNEL_OPERATIONS {
        has(&received, format!("websocket.channel.{}", operation.replace(':', "_")));
        has(&received, format!("socketio.realtime_{}", operation.replace(':', "_")));
    }
    for kind in ChannelEventKind::ALL.into_iter().filter(|kind| *kind != ChannelEventKind::Changes) {
        has(&sent, format!("websocket.push.channel.{}", kind.name()));
        has(&sent, format!("socketio.told.channel.{}", kind.name()));
    }
    for name in ["rules.emit", "rules.setFact", "rules.subscribe", "rules.unsubscribe", "pong"] {
        has(&received, format!("websocket.{name}"));
        assert!(name == "pong" || received.contains(&format!("socketio.{name}")), "{name}");
    }
    for name in
        ["welcome", "ping", "system.shutdown", "push.event", "push.channel.missed", "push.subscription.ended"]
    {
        has(&sent, format!("websocket.{name}"));
    }
    has(&received, "realtime.ping".into());
    for name in ["query_error", "shutdown", "error"] {
        has(&sent, format!("realtime.{name}"));
    }
    for private in ["Users", "UsersPartial", "UsersFilter", "UsersDocuments", "UsersChanges"] {
        let schema = &document["components"]["schemas"][private];
        assert!(schema.is_object() && !schema.to_string().contains("secret"), "{private}");
    }
}

#[tokio::test]
async fn all_the_references_lead_somewhere_and_all_schemas_are_schemas() {
    let document = document(app()).await;
    fn references(json: &Json, found: &mut Vec<Json>) {
        match json {
            Json::Object(members) => {
                if members.get("$ref").is_some_and(Json::is_string) {
                    found.push(json.clone());
                }
                members.values().for_each(|member| references(member, found));
            }
            Json::Array(all) => all.iter().for_each(|one| references(one, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 500, "{}", found.len());
    for reference in &found {
        assert!(!follow(&document, reference).is_null());
    }
    for (name, message) in document["components"]["messages"].as_object().unwrap() {
        validator(&document, &serde_json::json!({ "$ref": format!("#/components/messages/{name}") }));
        assert!(!message["title"].as_str().unwrap().is_empty(), "{name}");
    }
    // What an operation and its answer refer to is of the operation's own channel.
    for (name, operation) in document["operations"].as_object().unwrap() {
        let channel = operation["channel"]["$ref"].as_str().unwrap();
        let replies = operation["reply"]["messages"].as_array().into_iter().flatten();
        for message in operation["messages"].as_array().unwrap().iter().chain(replies) {
            assert!(message["$ref"].as_str().unwrap().starts_with(&format!("{channel}/messages/")), "{name}");
        }
        let is_answered = operation["action"] == "receive" && name != "websocket.pong";
        assert_eq!(operation.get("reply").is_some(), is_answered, "{name}");
    }
}

#[tokio::test]
async fn only_what_is_switched_on_is_there() {
    let all = document(app()).await;
    assert_eq!(all["servers"].as_object().unwrap().len(), 4);
    let plain = App::isolated()
        .models::<(super::Note,)>()
        .socketio(SocketIoOptions::new().enabled(false))
        .realtime(RealtimeOptions::new().enabled(false));
    let plain = document(plain).await;
    let servers: Vec<&String> = plain["servers"].as_object().unwrap().keys().collect();
    assert_eq!(servers, ["websocket", "http"]);
    let text = plain.to_string();
    for absent in ["rules.", "push.event", "system/users", "#/channels/socketio", "query:update"] {
        assert!(!text.contains(absent), "{absent}");
    }
}

#[tokio::test]
async fn the_document_is_served_as_the_one_of_http_is() {
    let kit = app().title("Notes").version("1.2.3").test().await.unwrap();
    let (openapi, asyncapi) = (kit.get("/@openapi.json").await, kit.get("/@asyncapi.json").await);
    for name in ["content-type", "cache-control", "x-content-type-options", "content-security-policy"] {
        assert_eq!(openapi.header(name), asyncapi.header(name), "{name}");
    }
    let info = &asyncapi.expect(200)["info"];
    assert_eq!((info["title"].as_str(), info["version"].as_str()), (Some("Notes"), Some("1.2.3")));
}
