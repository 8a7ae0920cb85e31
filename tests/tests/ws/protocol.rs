//! What the protocol itself says: the welcome, envelopes, heartbeats.

use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use serde_json::json;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use super::*;

#[tokio::test]
async fn the_first_message_is_a_welcome() {
    // RWS-01, RWS-02
    let server = Server::start(LiveOptions::new()).await;
    let mut client = server.newcomer().await;
    let welcome = client.next().await;
    let time = welcome["serverTime"].as_i64().unwrap();
    assert_eq!(
        welcome,
        json!({"type": "welcome", "version": "1.0.0", "serverTime": time, "requiresAuth": false})
    );
    assert!(server.cx.engine().clock().now() - time < 10_000);
}

#[tokio::test]
async fn an_answer_has_the_id_of_its_request() {
    // RWS-03, RWS-04
    let server = Server::start(LiveOptions::new()).await;
    let mut client = server.client().await;
    for id in [json!(1), json!("a-7"), json!(-3.5), json!("\u{1F600} \"quoted\"")] {
        client.say(json!({"id": id, "type": "store.buckets"}).to_string()).await;
        assert_eq!(
            client.next().await,
            json!({"id": id, "type": "result", "data": ["app/notes", "system/users"]})
        );
    }
}

#[tokio::test]
async fn what_is_no_request_is_refused_and_nothing_else_happens() {
    // RWS-03, RWS-05, RWS-12, RWS-13
    let server = Server::start(LiveOptions::new()).await;
    let mut client = server.client().await;
    let long = format!(r#"{{"id":"{}","type":"store.buckets"}}"#, "x".repeat(300));
    let deep = format!(r#"{{"id":1,"type":"store.all","bucket":{}}}"#, "[".repeat(50_000));
    for (text, code, id) in [
        ("", "PARSE_ERROR", json!(null)),
        ("nonsense", "PARSE_ERROR", json!(null)),
        ("{\"id\":1,}", "PARSE_ERROR", json!(null)),
        (r#"{"id":1,"id":2,"type":"store.buckets"}"#, "PARSE_ERROR", json!(null)),
        (r#"{"id":1e999,"type":"store.buckets"}"#, "PARSE_ERROR", json!(null)),
        (&deep, "PARSE_ERROR", json!(null)),
        ("null", "INVALID_REQUEST", json!(null)),
        ("[1]", "INVALID_REQUEST", json!(null)),
        ("{}", "INVALID_REQUEST", json!(null)),
        (r#"{"type":"store.buckets"}"#, "INVALID_REQUEST", json!(null)),
        (r#"{"id":7}"#, "INVALID_REQUEST", json!(7)),
        (r#"{"id":7,"type":3}"#, "INVALID_REQUEST", json!(7)),
        (r#"{"id":null,"type":"store.buckets"}"#, "INVALID_REQUEST", json!(null)),
        (r#"{"id":{},"type":"store.buckets"}"#, "INVALID_REQUEST", json!(null)),
        (&long, "INVALID_REQUEST", json!(null)),
        (r#"{"id":7,"type":"store.bukkets"}"#, "UNKNOWN_OPERATION", json!(7)),
        (r#"{"id":7,"type":""}"#, "UNKNOWN_OPERATION", json!(7)),
        (r#"{"id":7,"type":"store.buckets","more":1}"#, "VALIDATION_ERROR", json!(7)),
    ] {
        client.say(text).await;
        let answer = client.next().await;
        let shown: String = text.chars().take(60).collect();
        assert_eq!(
            (&answer["type"], &answer["code"], &answer["id"]),
            (&json!("error"), &json!(code), &id),
            "{shown}"
        );
        assert!(answer["message"].is_string());
    }
    assert_eq!(client.data("store.buckets", json!({})).await, json!(["app/notes", "system/users"]));
    let (_, unknown) = client.code("store.fist", json!({})).await;
    assert!(unknown["message"].as_str().unwrap().contains("did you mean `store.first`"), "{unknown}");
}

#[tokio::test]
async fn a_client_that_answers_stays_and_one_that_does_not_goes() {
    // RWS-07, RWS-15, OPS-02
    let short = Duration::from_millis(300);
    let server = Server::start(LiveOptions::new().heartbeat(short, Duration::from_secs(10))).await;
    let mut client = server.client().await;
    for _ in 0..3 {
        // The next one comes only once the answer to this one was heard.
        let ping = client.next().await;
        let time = ping["timestamp"].as_i64().unwrap();
        assert_eq!(ping, json!({"type": "ping", "timestamp": time}));
        client.say(json!({"type": "pong", "timestamp": time}).to_string()).await;
    }
    assert_eq!(client.next().await["type"], "ping");

    let server = Server::start(LiveOptions::new().heartbeat(short, short)).await;
    let start = Instant::now();
    let mut client = server.client().await;
    assert_eq!(client.next().await["type"], "ping");
    assert_eq!(client.end().await, (4001, "heartbeat_timeout".to_owned()));
    // Not before it was asked and had its time. When exactly, the heartbeat's own tests say.
    let waited = start.elapsed();
    assert!(waited >= 2 * short, "{waited:?}");
    drop(client);
    server.until(0).await;
}

#[tokio::test]
async fn requests_are_no_sign_of_life() {
    // RWS-07
    let times = (Duration::from_millis(50), Duration::from_millis(200));
    let server = Server::start(LiveOptions::new().heartbeat(times.0, times.1)).await;
    let mut client = server.client().await;
    let ended = async {
        loop {
            client.say(r#"{"id":1,"type":"store.buckets"}"#).await;
            if let Message::Close(close) = client.message().await {
                return close.unwrap().code.into();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let code: u16 = timeout(PATIENCE, ended).await.unwrap();
    assert_eq!(code, 4001);
}

#[tokio::test]
async fn pings_of_websocket_are_answered() {
    let server = Server::start(LiveOptions::new()).await;
    let mut client = server.client().await;
    client.socket.send(Message::Ping("are you there".into())).await.unwrap();
    assert_eq!(client.message().await, Message::Pong("are you there".into()));
}

#[tokio::test]
async fn a_client_that_says_goodbye_is_answered_and_forgotten() {
    // RWS-15, RTE-13
    let server = Server::start(LiveOptions::new()).await;
    let mut client = server.client().await;
    server.until(1).await;
    client.socket.close(None).await.unwrap();
    assert_eq!(client.end().await, (1000, "normal_closure".to_owned()));
    assert!(client.socket.next().await.is_none());
    server.until(0).await;
}

#[tokio::test]
async fn rules_and_sign_in_say_that_they_are_not_there() {
    // RWS-10, RWS-11
    let server = Server::start(LiveOptions::new()).await;
    let mut client = server.client().await;
    for name in [
        "emit",
        "setFact",
        "getFact",
        "deleteFact",
        "queryFacts",
        "getAllFacts",
        "subscribe",
        "unsubscribe",
        "stats",
    ] {
        let (code, _) = client.code(&format!("rules.{name}"), json!({"topic": "a"})).await;
        assert_eq!(code, "RULES_NOT_AVAILABLE", "{name}");
    }
    assert_eq!(client.data("auth.whoami", json!({})).await, json!({"authenticated": false, "userId": null}));
    let (code, error) = client.code("auth.login", json!({"token": "abc"})).await;
    assert_eq!(code, "UNAUTHORIZED");
    assert!(error["message"].as_str().unwrap().contains("no sign-in"));
    assert_eq!(client.data("auth.logout", json!({})).await, json!({"loggedOut": true}));
}
