//! Who gets a subscription, and who may take it up: all of it is decided before there is a WebSocket.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use modeller::engine::{Clock, Identity};
use modeller::live::RateLimit;
use modeller::{Code, Error};
use modeller_tests::http;
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use super::endpoint::{open, subscribe};
use super::*;

/// What a request for a WebSocket is refused with.
async fn refused(server: &Server, query: &str) -> (u16, String) {
    let url = format!("ws://{}/realtime/ws{query}", server.address);
    let tungstenite::Error::Http(answer) = connect_async(url).await.unwrap_err() else {
        panic!("it is no answer over HTTP")
    };
    let error: Json = serde_json::from_slice(answer.body().as_deref().unwrap_or_default()).unwrap();
    (answer.status().as_u16(), error["code"].as_str().unwrap().to_owned())
}

fn unauthorized() -> (u16, String) {
    (401, "UNAUTHORIZED".to_owned())
}

/// An application that knows `root`, and lets everybody in who says nothing.
async fn guarded(app: App) -> Server {
    let options = RealtimeOptions::new().authenticate(async |caller| match caller.token() {
        Some("root+1") => Ok(Identity::System),
        None => Ok(Identity::Anonymous),
        Some("broken") => Err(Error::new(Code::InternalError, "no disk at /secret")),
        Some(_) => Err(Error::new(Code::Unauthorized, "nobody is called so")),
    });
    Server::with(app, LiveOptions::new(), options).await
}

#[tokio::test]
async fn what_is_no_query_or_does_not_fit_it_is_refused() {
    // LIV-03
    let server = Server::start(LiveOptions::new()).await;
    let mut http = http::Client::connect(server.address).await;
    let long = "x".repeat(5_000);
    for (body, status, code) in [
        (json!({ "queryName": "system/nobody/list" }), 404, "MODEL_NOT_FOUND"),
        (json!({ "queryName": "list" }), 404, "MODEL_NOT_FOUND"),
        (json!({ "queryName": "" }), 404, "MODEL_NOT_FOUND"),
        (json!({ "queryName": "system/users/nothing" }), 404, "METHOD_NOT_FOUND"),
        // What writes is no query.
        (json!({ "queryName": "system/users/insert" }), 404, "METHOD_NOT_FOUND"),
        (json!({ "queryName": "system/users/clear" }), 404, "METHOD_NOT_FOUND"),
        (json!({ "queryName": "system/users/behave", "args": { "how": "x" } }), 404, "METHOD_NOT_FOUND"),
        (json!({ "queryName": "system/users/ofAge" }), 400, "VALIDATION_ERROR"),
        (json!({ "queryName": "system/users/ofAge", "args": { "age": "x" } }), 400, "VALIDATION_ERROR"),
        (json!({ "queryName": "system/users/ofAge", "args": [1] }), 400, "VALIDATION_ERROR"),
        (
            json!({ "queryName": "system/users/list", "args": { "query": { "nobody": 1 } } }),
            400,
            "INVALID_QUERY",
        ),
        // As over every door there is no such field.
        (
            json!({ "queryName": "system/users/list", "args": { "query": { "secret": "x" } } }),
            400,
            "INVALID_QUERY",
        ),
        (json!({ "queryName": "system/users/list", "args": { "sort": "secret" } }), 400, "INVALID_QUERY"),
        (json!({ "queryName": "system/users/list", "args": { "after": "forged" } }), 400, "INVALID_CURSOR"),
        (
            json!({ "queryName": "system/users/list", "args": { "query": { "email": long } } }),
            413,
            "PAYLOAD_TOO_LARGE",
        ),
        (json!({ "queryName": "system/users/list", "authToken": "somebody" }), 401, "UNAUTHORIZED"),
        (json!({ "queryName": "system/nobody/list", "authToken": "somebody" }), 401, "UNAUTHORIZED"),
        (json!({ "queryName": "system/users/list", "more": 1 }), 400, "VALIDATION_ERROR"),
        (json!({ "queryName": 7 }), 400, "VALIDATION_ERROR"),
    ] {
        let answer = http.post("/realtime/subscribe", &body).await;
        assert_eq!((answer.status, &*answer.code()), (status, code), "{body}");
    }
    let near = http.post("/realtime/subscribe", &json!({ "queryName": "system/users/lst" })).await.json();
    assert!(near["message"].as_str().unwrap().contains("did you mean `list`?"), "{near}");
    assert!(near["details"]["queries"].as_array().unwrap().contains(&json!("ofAge")));

    let body = json!({ "queryName": "system/users/list" }).to_string();
    let said = [("Content-Type", "application/json"), ("Authorization", "Bearer somebody")];
    assert_eq!(http.send("POST", "/realtime/subscribe", &said, body.as_bytes()).await.status, 401);
    let form = [("Content-Type", "text/plain")];
    assert_eq!(http.send("POST", "/realtime/subscribe", &form, body.as_bytes()).await.status, 415);
    assert_eq!(http.post("/realtime/subscribe", &Json::Null).await.status, 400);
    assert_eq!(http.get("/realtime/subscribe").await.code(), "METHOD_NOT_ALLOWED");
    let foreign = [("Content-Type", "application/json"), ("Origin", "https://evil.example")];
    assert_eq!(http.send("POST", "/realtime/subscribe", &foreign, body.as_bytes()).await.status, 403);
    // As a page that is no WebSocket's.
    assert_eq!(http.get("/realtime/ws").await.status, 426);
    assert_eq!(server.live.connections().count(), 0);
}

#[tokio::test]
async fn a_token_is_good_once_for_a_short_time_and_as_it_is() {
    // LIV-04
    let clock = Clock::manual(1_700_000_000_000);
    let server = Server::of(App::isolated().clock(clock.clone()), LiveOptions::new()).await;
    let query = async || {
        let asked = subscribe(&server, "app/notes/count", json!({})).await;
        asked["token"].as_str().unwrap().to_owned()
    };
    for none in
        ["", "?token=", "?token=x", "?authToken=", "?token=%00", &format!("?token={}", "A".repeat(20_000))]
    {
        assert_eq!(refused(&server, none).await, unauthorized(), "{none}");
    }
    let token = query().await;
    let changed = match token.strip_suffix('A') {
        Some(rest) => format!("{rest}B"),
        None => format!("{}A", &token[..token.len() - 1]),
    };
    assert_eq!(refused(&server, &format!("?token={changed}")).await, unauthorized());
    let twice = refused(&server, &format!("?token={token}&token={changed}")).await;
    assert_eq!(twice, (400, "INVALID_REQUEST".to_owned()));
    // Whatever came before: it is still good, and then it is not.
    let url = format!("ws://{}/realtime/ws?token={token}", server.address);
    let (socket, _) = connect_async(url).await.unwrap();
    assert_eq!(Client { socket, last: 0 }.update().await, 0);
    assert_eq!(refused(&server, &format!("?token={token}")).await, unauthorized());

    let token = query().await;
    clock.advance(Duration::from_secs(30));
    assert_eq!(refused(&server, &format!("?token={token}")).await, unauthorized());
    // Of many who use the same at once one gets in.
    let token = query().await;
    let url = format!("ws://{}/realtime/ws?token={token}", server.address);
    let all = futures_util::future::join_all((0..8).map(|_| connect_async(url.clone()))).await;
    assert_eq!(all.iter().filter(|one| one.is_ok()).count(), 1);
    server.until(1).await;
}

#[tokio::test]
async fn a_token_is_its_callers_alone() {
    // LIV-03, LIV-04
    let server = guarded(App::isolated()).await;
    let mut http = http::Client::connect(server.address).await;
    let mut ask = async |said: Json, bearer: Option<&str>| {
        let mut body = json!({ "queryName": "app/notes/count" });
        body["authToken"] = said;
        let bearer = bearer.map(|token| format!("Bearer {token}"));
        let mut headers = vec![("Content-Type", "application/json")];
        headers.extend(bearer.as_deref().map(|bearer| ("Authorization", bearer)));
        let answer = http.send("POST", "/realtime/subscribe", &headers, body.to_string().as_bytes()).await;
        (answer.status, answer.json())
    };
    assert_eq!(ask(json!("nobody"), None).await.0, 401);
    assert_eq!(ask(json!(null), Some("nobody")).await.0, 401);
    assert_eq!(ask(json!("root+1"), Some("other")).await.0, 400);
    // What goes wrong inside is nobody's business.
    let (status, error) = ask(json!("broken"), None).await;
    assert!(status == 500 && !error.to_string().contains("/secret"), "{error}");
    let (status, error) = (refused(&server, "?authToken=broken").await, "INTERNAL_ERROR".to_owned());
    assert_eq!(status, (500, error));

    for (said, bearer) in
        [(json!("root+1"), None), (json!(null), Some("root+1")), (json!("root+1"), Some("root+1"))]
    {
        let (status, asked) = ask(said, bearer).await;
        assert_eq!(status, 200, "{asked}");
        let token = asked["token"].as_str().unwrap();
        // Without the caller's own token, and with somebody else's, it is worth nothing.
        for query in [format!("?token={token}"), format!("?token={token}&authToken=nobody")] {
            assert_eq!(refused(&server, &query).await, unauthorized());
        }
        assert_eq!(server.live.connections().count(), 0);
        let url = format!("ws://{}/realtime/ws?token={token}&authToken=root%2B1", server.address);
        let (socket, _) = connect_async(url).await.unwrap();
        let mut client = Client { socket, last: 0 };
        assert_eq!(client.update().await, 0);
        let list = server.live.connections().list();
        assert!(list[0].authenticated && list[0].user_id.as_deref() == Some("system"));
        drop(client);
        server.until(0).await;
    }
    // Nobody's is no good to somebody.
    let (_, nobodys) = ask(json!(null), None).await;
    let query = format!("?token={}&authToken=root%2B1", nobodys["token"].as_str().unwrap());
    assert_eq!(refused(&server, &query).await, unauthorized());
    assert_eq!(open(&nobodys).await.update().await, 0);
}

#[tokio::test]
async fn all_that_is_secret_can_stay_out_of_the_url() {
    // LIV-04
    let server = guarded(App::isolated()).await;
    let mut http = http::Client::connect(server.address).await;
    let body = json!({ "queryName": "app/notes/count", "authToken": "root+1" });
    let asked = http.post("/realtime/subscribe", &body).await.json();
    let token = asked["token"].as_str().unwrap();
    let request = |headers: &[(&'static str, &str)]| {
        let mut request = format!("ws://{}/realtime/ws", server.address).into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().append(*name, value.parse().unwrap());
        }
        request
    };
    for wrong in
        [format!("other.v1, {token}"), format!("modeller.realtime.v1, {token}, nobody"), token.to_owned()]
    {
        assert!(connect_async(request(&[("sec-websocket-protocol", &wrong)])).await.is_err(), "{wrong}");
    }
    let all = format!("modeller.realtime.v1, {token}, root+1");
    let (socket, answer) = connect_async(request(&[("sec-websocket-protocol", &all)])).await.unwrap();
    assert_eq!(answer.headers()["sec-websocket-protocol"], "modeller.realtime.v1");
    assert_eq!(Client { socket, last: 0 }.update().await, 0);
    // By the header that everything else has, too.
    let asked = http.post("/realtime/subscribe", &body).await.json();
    let offered = format!("modeller.realtime.v1, {}", asked["token"].as_str().unwrap());
    let headers = [("sec-websocket-protocol", &*offered), ("authorization", "Bearer root+1")];
    let (socket, _) = connect_async(request(&headers)).await.unwrap();
    assert_eq!(Client { socket, last: 0 }.update().await, 0);
}

#[tokio::test]
async fn pages_of_other_origins_get_no_connection() {
    // LIV-04
    let server = Server::start(LiveOptions::new()).await;
    let asked = subscribe(&server, "app/notes/count", json!({})).await;
    let url = format!("ws://{}/realtime/ws?token={}", server.address, asked["token"].as_str().unwrap());
    let mut request = url.into_client_request().unwrap();
    request.headers_mut().insert("origin", "https://evil.example".parse().unwrap());
    let tungstenite::Error::Http(answer) = connect_async(request).await.unwrap_err() else { panic!() };
    assert_eq!(answer.status(), 403);
    // It was not used up.
    assert_eq!(open(&asked).await.update().await, 0);
}

#[tokio::test]
async fn there_is_room_for_so_many_and_who_finds_none_keeps_the_token() {
    // OPS-01, LIV-04
    let server = Server::start(LiveOptions::new().max_connections(1)).await;
    let (one, two) = (
        subscribe(&server, "app/notes/count", json!({})).await,
        subscribe(&server, "app/notes/count", json!({})).await,
    );
    let mut first = open(&one).await;
    assert_eq!(first.update().await, 0);
    let query = format!("?token={}", two["token"].as_str().unwrap());
    assert_eq!(refused(&server, &query).await, (503, "OVERLOADED".to_owned()));
    drop(first);
    server.until(0).await;
    assert_eq!(open(&two).await.update().await, 0);

    // Subscriptions, WebSockets, what is said there, and guesses count alike.
    let limit = RateLimit { max_requests: 4, window: Duration::from_secs(60) };
    let server = Server::start(LiveOptions::new().rate_limit(limit)).await;
    let asked = subscribe(&server, "app/notes/count", json!({})).await;
    let mut client = open(&asked).await;
    assert_eq!(client.update().await, 0);
    client.say("ping").await;
    assert_eq!(client.next().await["event"], "pong");
    assert_eq!(refused(&server, "?token=guess").await, unauthorized());
    assert_eq!(refused(&server, "?token=guess").await, (429, "RATE_LIMITED".to_owned()));
    assert_eq!(refused(&server, "?authToken=guess").await, (429, "RATE_LIMITED".to_owned()));
    let mut http = http::Client::connect(server.address).await;
    let answer = http.post("/realtime/subscribe", &json!({ "queryName": "app/notes/count" })).await;
    assert_eq!((answer.status, &*answer.code()), (429, "RATE_LIMITED"));
    client.say("ping").await;
    let said = client.next().await;
    assert_eq!((&said["event"], &said["payload"]["code"]), (&json!("error"), &json!("RATE_LIMITED")));
    // What it has subscribed to goes on.
    Note::insert(&server.cx, Note { text: "more".into() }).await.unwrap();
    assert_eq!(client.update().await, 1);
}

#[tokio::test]
async fn who_guesses_too_often_is_not_believed_either() {
    // LIV-03, OPS-01
    let (asked, clock) = (Arc::new(AtomicUsize::new(0)), Clock::manual(1_000_000));
    let count = asked.clone();
    let options = RealtimeOptions::new().authenticate(move |caller| {
        count.fetch_add(1, Ordering::SeqCst);
        let is_root = caller.token() == Some("root");
        async move {
            match is_root {
                true => Ok(Identity::System),
                false => Err(Error::new(Code::Unauthorized, "nobody is called so")),
            }
        }
    });
    let limit = RateLimit { max_requests: 4, window: Duration::from_secs(60) };
    let limits = LiveOptions::new().rate_limit(limit);
    let server = Server::with(App::isolated().clock(clock.clone()), limits, options).await;
    let mut http = http::Client::connect(server.address).await;
    let mut guess = async |token: &str| {
        let body = json!({ "queryName": "app/notes/count", "authToken": token });
        http.post("/realtime/subscribe", &body).await.status
    };
    // Who is believed does not count.
    assert_eq!(guess("root").await, 200);
    for at in 0..10 {
        assert_eq!(guess(&format!("guess {at}")).await, if at < 4 { 401 } else { 429 });
    }
    assert_eq!(asked.load(Ordering::SeqCst), 5);
    // The right one is answered no differently.
    assert_eq!(guess("root").await, 429);
    clock.advance(Duration::from_secs(60));
    assert_eq!(guess("root").await, 200);
}
