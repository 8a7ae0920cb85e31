//! HTT-07: what happens at the server, told to whoever listens.

use std::sync::{Arc, Mutex};

use modeller::doors::http::{HttpOptions, ServerEvent};
use serde_json::json;

use crate::program::Place;
use crate::{FEATURED, app, connected, start};

// HTT-07
#[tokio::test]
async fn a_mounted_server_says_where_it_listens() {
    let place = Place::new();
    std::fs::create_dir(place.path("assets")).unwrap();
    let server = place.serve(FEATURED, &["--port", "0"], &[]).await;
    // It was told before anybody else.
    assert_eq!(place.read("mounted.txt"), format!("{}\n", server.address));
    let mut client = server.client().await;
    assert_eq!(client.get("/hello").await.json(), "hello");
    client.get("/nowhere?token=abc").await;
    let expected = "GET /hello Some(127.0.0.1) false\nGET /nowhere Some(127.0.0.1) false\n";
    assert_eq!(place.read("requests.txt"), expected);
}

// HTT-07
#[tokio::test]
async fn every_request_is_told_whatever_comes_of_it() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let told = seen.clone();
    let app =
        app().http(HttpOptions::default().cors(["https://app.example.com"])).on_request(move |request| {
            let header = request.headers().get("x-mine").map(|value| value.to_str().unwrap().to_owned());
            assert!(request.remote().is_some_and(|remote| remote.ip().is_loopback()));
            assert!(!request.protected());
            told.lock().unwrap().push((request.method().to_string(), request.uri().to_string(), header));
        });
    let mut client = connected(app).await;
    client.post("/system/users/insert", &json!({ "email": "a@b.c" })).await;
    client.send("GET", "/system/users/list?count=1", &[("X-Mine", "yes")], b"").await;
    client.get("/system/users/nothing").await;
    client.get("/@health").await;
    let preflight = [("Origin", "https://app.example.com"), ("Access-Control-Request-Method", "POST")];
    client.send("OPTIONS", "/system/users/insert", &preflight, b"").await;
    let seen: Vec<(String, String, Option<String>)> = seen.lock().unwrap().clone();
    let seen: Vec<(&str, &str, Option<&str>)> =
        seen.iter().map(|(method, uri, header)| (method.as_str(), uri.as_str(), header.as_deref())).collect();
    assert_eq!(
        seen,
        [
            ("POST", "/system/users/insert", None),
            ("GET", "/system/users/list?count=1", Some("yes")),
            ("GET", "/system/users/nothing", None),
            ("GET", "/@health", None),
            ("OPTIONS", "/system/users/insert", None),
        ]
    );
}

// HTT-07
#[tokio::test]
async fn connections_that_stay_open_are_told_when_they_begin_and_end() {
    let (seen, mut told) = tokio::sync::mpsc::unbounded_channel();
    let (come, gone, all) = (seen.clone(), seen.clone(), seen);
    let app = app()
        .on_connection(move |connection| {
            assert!(connection.remote_address.is_some_and(|remote| remote.ip().is_loopback()));
            assert!(!connection.authenticated);
            come.send(("come", connection.id, connection.door)).unwrap();
        })
        .on_connection(|_| panic!("as a test"))
        .on_disconnection(move |connection| {
            gone.send(("gone", connection.id, connection.door)).unwrap();
        })
        .on(move |event| match event {
            ServerEvent::Connection(connection) => all.send(("any", connection.id, connection.door)).unwrap(),
            // A request for a page is none.
            ServerEvent::Disconnection(_) | ServerEvent::Request(_) => {}
            other => panic!("{other:?}"),
        });
    let address = start(app).await;
    let url = format!("ws://{address}/@ws");
    let (mut first, _) = tokio_tungstenite::connect_async(&url).await.unwrap();
    let (_, id, door) = told.recv().await.unwrap();
    assert_eq!(door, "ws");
    assert_eq!(told.recv().await.unwrap(), ("any", id, "ws"));
    let (second, _) = tokio_tungstenite::connect_async(&url).await.unwrap();
    let (_, other, _) = told.recv().await.unwrap();
    assert_ne!(id, other);
    assert_eq!(told.recv().await.unwrap().0, "any");
    // One says goodbye, the other one is cut.
    first.close(None).await.unwrap();
    assert_eq!(told.recv().await.unwrap(), ("gone", id, "ws"));
    drop(second);
    assert_eq!(told.recv().await.unwrap(), ("gone", other, "ws"));
    assert!(told.try_recv().is_err(), "each is told once");
}

// HTT-07
#[tokio::test]
async fn a_listener_that_panics_harms_nobody() {
    let seen = Arc::new(Mutex::new(0));
    let told = seen.clone();
    let app = app().on_request(|_| panic!("as a test")).on(move |event| {
        if let ServerEvent::Request(_) = event {
            *told.lock().unwrap() += 1;
        }
    });
    let mut client = connected(app).await;
    for _ in 0..3 {
        assert_eq!(client.get("/@health").await.status, 200);
    }
    assert_eq!(*seen.lock().unwrap(), 3);
}

// HTT-07, attacks: logging
#[tokio::test]
async fn a_request_is_shown_without_its_secrets() {
    let seen = Arc::new(Mutex::new(String::new()));
    let told = seen.clone();
    let app = app().on(move |event| *told.lock().unwrap() = format!("{event:?}"));
    let mut client = connected(app).await;
    client.send("GET", "/@health?token=abc", &[("Authorization", "Bearer abc")], b"").await;
    assert_eq!(*seen.lock().unwrap(), "Request(Requested(GET \"/@health\"))");
}
