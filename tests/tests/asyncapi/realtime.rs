//! What a subscription of its own WebSocket tells, held against the document.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use jsonschema::Validator;
use modeller::doors::ws::RealtimeOptions;
use modeller_tests::http;
use serde_json::{Value as Json, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::{app, serve, validator};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// The schema of what the document has under this key.
fn described(document: &Json, key: &str) -> Validator {
    let channel = &document["channels"]["realtime"]["messages"];
    validator(document, &channel[format!("realtime.{key}")])
}

/// The next message, which fits what is said of it.
async fn told(socket: &mut Socket, described: &Validator) -> Json {
    let said: Json = loop {
        let message = timeout(Duration::from_secs(30), socket.next()).await.expect("something comes");
        match message.unwrap().unwrap() {
            Message::Text(text) => break serde_json::from_str(&text).unwrap(),
            Message::Ping(_) => {}
            other => panic!("{other:?} is no message"),
        }
    };
    assert!(described.is_valid(&said), "{said}");
    said
}

#[tokio::test]
async fn a_subscription_of_its_own_websocket_tells_what_is_described() {
    // X-14, LIV-12
    let options = RealtimeOptions::new().subscribe_path("/ask").websocket_path("/hear").protocol("notes.v1");
    let (address, document) = serve(app().realtime(options)).await;
    let channel = &document["channels"]["realtime"];
    assert_eq!(channel["address"], "/hear");
    let server = &document["servers"]["realtime"];
    let says = server["description"].as_str().unwrap();
    assert!(says.contains("POST /ask") && says.contains("notes.v1"), "{says}");
    let pings = validator(&document, &document["operations"]["realtime.ping"]["messages"][0]);
    let [pong, error, failure] = ["pong", "error", "query_error"].map(|key| described(&document, key));
    let mut http = http::Client::connect(address).await;
    for (query, args, key) in [
        ("app/notes/someText", json!({}), "query_update.app_notes.someText"),
        ("app/notes/list", json!({ "count": 3 }), "query_update.app_notes.list"),
        ("app/notes/count", json!({}), "query_update.app_notes.count"),
        ("app/notes/aggregate", json!({ "groupBy": "text" }), "query_update.app_notes.aggregate"),
        ("app/notes/paginate", json!({ "count": 100 }), "query_update.app_notes.paginate"),
        ("system/users/ofRole", json!({ "role": "user" }), "query_update.system_users.ofRole"),
    ] {
        let update = described(&document, key);
        let asked = http.post("/ask", &json!({ "queryName": query, "args": args })).await.json();
        let token = asked["token"].as_str().unwrap();
        let url = format!("ws://{address}{}?token={token}", channel["address"].as_str().unwrap());
        let parameters = &channel["bindings"]["ws"]["query"]["properties"];
        assert!(parameters["token"].is_object() && parameters["authToken"].is_object());
        let (mut socket, _) = connect_async(url).await.unwrap();
        // Of this one there is no answer yet.
        let first = if query.ends_with("someText") { &failure } else { &update };
        let first = told(&mut socket, first).await;
        assert_eq!(
            (&first["payload"]["queryName"], &first["payload"]["signature"]),
            (&json!(query), &asked["signature"])
        );
        let (path, body) = match query.starts_with("app") {
            true => ("/app/notes/insert", json!({ "text": query })),
            false => ("/system/users/insert", json!({ "email": "ada@example.org", "age": 36 })),
        };
        assert_eq!(http.post(path, &body).await.status, 201);
        let next = told(&mut socket, &update).await;
        assert_ne!(first["payload"]["data"], next["payload"]["data"]);
        for ping in [json!("ping"), json!({ "event": "ping" }), json!({ "type": "ping", "timestamp": 1 })] {
            assert!(pings.is_valid(&ping), "{ping}");
            socket.send(Message::text(ping.to_string())).await.unwrap();
            told(&mut socket, &pong).await;
        }
        for other in [json!("pong"), json!({ "event": "query" }), json!([])] {
            assert!(!pings.is_valid(&other), "{other}");
            socket.send(Message::text(other.to_string())).await.unwrap();
            told(&mut socket, &error).await;
        }
    }
}
