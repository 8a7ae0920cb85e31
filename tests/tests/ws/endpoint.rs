//! The endpoint-first form: a subscription over HTTP, then a WebSocket that is about it alone.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use modeller::doors::ws::{RealtimeSubscriptionRequest, RealtimeSubscriptionResponse};
use modeller::test::Kit;
use modeller_tests::http;
use tokio::time::sleep;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;

use super::wire::{Raw, frame};
use super::*;

/// How many are of that age, if it can be told.
#[modeller::query(User)]
async fn of_age(cx: &Cx, age: i64, names: Option<Json>) -> Result<Json> {
    if User::find().filter(User::AGE.lt(0)).count(cx).await? > 0 {
        return Err(modeller::Error::new(modeller::Code::Conflict, "somebody is not born yet"));
    }
    let count = User::find().filter(User::AGE.eq(age)).count(cx).await?;
    Ok(json!({ "count": count, "names": names }))
}

/// Asks for a subscription.
pub async fn subscribe(server: &Server, query: &str, args: Json) -> Json {
    let body = json!({ "queryName": query, "args": args });
    let answer = http::Client::connect(server.address).await.post("/realtime/subscribe", &body).await;
    assert_eq!(answer.status, 200, "{:?}", String::from_utf8_lossy(&answer.body));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    answer.json()
}

/// Takes a subscription up as a browser does: the token goes among the protocols.
pub async fn open(subscription: &Json) -> Client {
    let protocols: Vec<&str> = subscription["websocket"]["protocols"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one.as_str().unwrap())
        .collect();
    let mut request = subscription["websocket"]["url"].as_str().unwrap().into_client_request().unwrap();
    let protocols = HeaderValue::try_from(protocols.join(", ")).unwrap();
    request.headers_mut().insert("sec-websocket-protocol", protocols);
    let (socket, answer) = connect_async(request).await.unwrap();
    let spoken = answer.headers().get("sec-websocket-protocol").unwrap();
    assert_eq!(spoken, subscription["websocket"]["protocol"].as_str().unwrap());
    Client { socket, last: 0 }
}

impl Client {
    /// What the query answers now.
    pub async fn update(&mut self) -> Json {
        loop {
            match self.message().await {
                Message::Text(text) => {
                    let mut said: Json = serde_json::from_str(&text).unwrap();
                    assert_eq!(said["event"], "query:update", "{said}");
                    return said["payload"]["data"].take();
                }
                Message::Ping(_) => {}
                other => panic!("{other:?} is no answer"),
            }
        }
    }

    /// Nothing comes for a while.
    pub async fn silent(&mut self) {
        let more = timeout(Duration::from_millis(300), self.socket.next()).await;
        assert!(more.is_err(), "{more:?}");
    }
}

fn emails(list: &Json) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|user| user["email"].as_str().unwrap()).collect()
}

async fn writer(server: &Server) -> http::Client {
    http::Client::connect(server.address).await
}

#[tokio::test]
async fn a_subscription_is_asked_for_over_http_and_told_over_a_websocket() {
    // LIV-01, LIV-02, LIV-04, LIV-05, LIV-06
    let server = Server::start(LiveOptions::new()).await;
    let asked =
        subscribe(&server, "system/users/ofAge", json!({ "names": { "b": 1, "a": 2 }, "age": 20 })).await;
    let signature = r#"system/users/ofAge::{"age":20,"names":{"a":2,"b":1}}"#;
    let token = asked["token"].as_str().unwrap();
    let url = format!("ws://{}/realtime/ws", server.address);
    let websocket = json!({
        "url": url,
        "protocol": "modeller.realtime.v1",
        "protocols": ["modeller.realtime.v1", token],
        "params": { "tokenParam": "token", "authTokenParam": "authToken" },
    });
    let answer = json!({
        "token": token, "signature": signature, "expiresInMs": 30_000, "websocket": websocket,
    });
    assert_eq!(asked, answer);

    // By the parameters of its URL, as older clients do; nobody is signed in.
    let (socket, _) = connect_async(format!("{url}?token={token}&authToken=")).await.unwrap();
    let mut client = Client { socket, last: 0 };
    let update = |count: u64| {
        let data = json!({ "count": count, "names": { "a": 2, "b": 1 } });
        let payload = json!({ "queryName": "system/users/ofAge", "signature": signature, "data": data });
        json!({ "event": "query:update", "payload": payload })
    };
    assert_eq!(client.next().await, update(0));
    let mut writer = writer(&server).await;
    for (email, age) in [("a@x.org", 19), ("b@x.org", 20)] {
        let user = json!({ "email": email, "age": age });
        assert_eq!(writer.post("/system/users/insert", &user).await.status, 201);
    }
    assert_eq!(client.next().await, update(1));
    client.silent().await;

    // However the same is written, it is the same.
    let same =
        subscribe(&server, "system/users/ofAge", json!({ "age": 20, "names": { "a": 2, "b": 1 } })).await;
    assert_eq!(same["signature"], signature);
    assert_ne!(same["token"], asked["token"]);
    let mut other = open(&same).await;
    assert_eq!(other.next().await, update(1));
    assert_eq!(server.live.queries().0, 1, "one question for both");

    // No log has seen a token.
    for token in [&asked["token"], &same["token"]] {
        let seen = server.seen.lock().unwrap().join("\n");
        assert!(seen.contains("/realtime/ws") && !seen.contains(token.as_str().unwrap()), "{seen}");
    }
}

#[tokio::test]
async fn whoever_matches_before_or_after_a_write_is_told_and_nobody_else() {
    // LIV-07, LIV-08, LIV-09, LIV-18
    let server = Server::start(LiveOptions::new()).await;
    let mut writer = writer(&server).await;
    let list = |filter: Json| json!({ "query": filter, "sort": "email", "fields": ["email"] });
    let grown = subscribe(&server, "system/users/list", list(json!({ "age": { "$gte": 18 } }))).await;
    let named = subscribe(&server, "system/users/find", list(json!({ "email": { "$like": "z%" } }))).await;
    let count = subscribe(&server, "system/users/count", Json::Null).await;
    let (mut grown, mut named, mut count) = (open(&grown).await, open(&named).await, open(&count).await);
    assert_eq!((grown.update().await, named.update().await), (json!([]), json!([])));
    assert_eq!(count.update().await, 0);

    let insert = |email: &str, age: i64| json!({ "email": email, "age": age });
    let bob = writer.post("/system/users/insert", &insert("bob@x.org", 18)).await.json();
    assert_eq!(emails(&grown.update().await), ["bob@x.org"]);
    assert_eq!(count.update().await, 1);
    // Upserts, that insert and that update.
    for (age, status) in [(17, 201), (30, 200)] {
        let path = "/system/users/upsert?email=eve@x.org";
        assert_eq!(writer.post(path, &insert("eve@x.org", age)).await.status, status);
    }
    assert_eq!(emails(&grown.update().await), ["bob@x.org", "eve@x.org"]);
    assert_eq!(count.update().await, 2);
    // An update that names neither the age it had nor anything else of the filter: it leaves.
    let path = format!("/system/users/update?_id={}", bob["_id"].as_str().unwrap());
    assert_eq!(writer.put(&path, &json!({ "age": 3 })).await.status, 200);
    assert_eq!(emails(&grown.update().await), ["eve@x.org"]);
    // What changes no answer is told to nobody: a private field, another field, one who is not asked for.
    assert_eq!(writer.put(&path, &json!({ "secret": "x" })).await.status, 200);
    assert_eq!(writer.put(&path, &json!({ "age": 4 })).await.status, 200);
    for client in [&mut grown, &mut named, &mut count] {
        client.silent().await;
    }
    // A transaction is told once.
    server
        .cx
        .transaction(async |tx| {
            for name in ["zoe", "zed", "ann"] {
                let user = User { email: format!("{name}@x.org"), age: 40, secret: None };
                User::insert(&tx, user).await?;
            }
            Ok(())
        })
        .await
        .unwrap();
    assert_eq!(emails(&named.update().await), ["zed@x.org", "zoe@x.org"]);
    assert_eq!(emails(&grown.update().await), ["ann@x.org", "eve@x.org", "zed@x.org", "zoe@x.org"]);
    assert_eq!(count.update().await, 5);
    // It goes.
    assert_eq!(writer.delete("/system/users/delete?email=zed@x.org").await.status, 200);
    assert_eq!(emails(&named.update().await), ["zoe@x.org"]);
    assert_eq!(emails(&grown.update().await), ["ann@x.org", "eve@x.org", "zoe@x.org"]);
    assert_eq!(count.update().await, 4);
}

#[tokio::test]
async fn the_keys_of_a_sort_have_an_order_that_is_kept() {
    // LIV-05
    let server = Server::start(LiveOptions::new()).await;
    for (email, age) in [("b@x.org", 1), ("a@x.org", 2), ("c@x.org", 1)] {
        User::insert(&server.cx, User { email: email.into(), age, secret: None }).await.unwrap();
    }
    let by_age = subscribe(&server, "system/users/list", json!({ "sort": { "age": 1, "email": -1 } })).await;
    let by_name = subscribe(&server, "system/users/list", json!({ "sort": { "email": -1, "age": 1 } })).await;
    assert_ne!(by_age["signature"], by_name["signature"]);
    assert_eq!(emails(&open(&by_age).await.update().await), ["c@x.org", "b@x.org", "a@x.org"]);
    assert_eq!(emails(&open(&by_name).await.update().await), ["c@x.org", "b@x.org", "a@x.org"].as_slice());
}

#[tokio::test]
async fn a_query_that_fails_says_so_and_goes_on_once_it_can() {
    // LIV-06, LIV-07
    let server = Server::start(LiveOptions::new()).await;
    let asked = subscribe(&server, "system/users/ofAge", json!({ "age": 1 })).await;
    let mut client = open(&asked).await;
    assert_eq!(client.update().await["count"], 0);
    let unborn = User { email: "u@x.org".into(), age: -1, secret: None };
    let unborn = User::insert(&server.cx, unborn).await.unwrap();
    let said = client.next().await;
    assert_eq!(
        (&said["event"], &said["payload"]["error"]["code"]),
        (&json!("query:error"), &json!("CONFLICT"))
    );
    assert_eq!(said["payload"]["signature"], asked["signature"]);
    User::delete(&server.cx, &unborn.id).await.unwrap();
    assert_eq!(client.update().await["count"], 0);
}

#[tokio::test]
async fn ping_is_answered_and_nothing_else_is_understood() {
    // LIV-12
    let server = Server::start(LiveOptions::new()).await;
    let mut client = open(&subscribe(&server, "app/notes/list", json!({})).await).await;
    assert_eq!(client.update().await, json!([]));
    for ping in ["ping", r#"{"event":"ping"}"#, r#"{"type":"ping"}"#] {
        client.say(ping).await;
        assert_eq!(client.next().await, json!({ "event": "pong" }));
    }
    client.say(r#"{"id":1,"type":"store.all","bucket":"system/users"}"#).await;
    let said = client.next().await;
    assert_eq!((&said["event"], &said["payload"]["code"]), (&json!("error"), &json!("INVALID_REQUEST")));
    client.say("x".repeat(5_000)).await;
    assert_eq!(client.end().await.0, 1009);
    server.until(0).await;
}

#[tokio::test]
async fn who_does_not_answer_is_taken_for_dead_and_who_does_stays() {
    // LIV-12, OPS-02
    // Long enough for whoever answers, however busy the machine is.
    let times = (Duration::from_millis(150), Duration::from_secs(5));
    let server = Server::start(LiveOptions::new().heartbeat(times.0, times.1)).await;
    // The client of the library answers pings by itself, as browsers do.
    let mut lives = open(&subscribe(&server, "app/notes/count", json!({})).await).await;
    assert_eq!(lives.update().await, 0);
    let mut dying = pin!(async {
        let asked = subscribe(&server, "app/notes/count", json!({})).await;
        let mut dead = Raw(TcpStream::connect(server.address).await.unwrap());
        let head = format!(
            "GET /realtime/ws?token={} HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
            asked["token"].as_str().unwrap(),
            server.address
        );
        dead.send(head.as_bytes()).await;
        assert!(dead.head().await.starts_with("HTTP/1.1 101 "));
        // On a busy machine it may be asked whether it is there before it has its first answer.
        while !dead.frame().await.unwrap().1.starts_with(b"{\"event\":\"query:update\"") {}
        dead.closed().await
    });
    // It answers only while it is read from. It came first: if it were not heard, it would be gone first.
    let code = loop {
        tokio::select! {
            code = &mut dying => break code,
            message = lives.message() => assert!(matches!(message, Message::Ping(_)), "{message:?}"),
        }
    };
    assert_eq!(code, 4001);
    Note::insert(&server.cx, Note { text: "there".into() }).await.unwrap();
    assert_eq!(lives.update().await, 1);
    server.until(1).await;
}

#[tokio::test]
async fn one_live_for_the_whole_process_knows_all_subscriptions_and_sockets() {
    // LIV-10
    let server = Server::start(LiveOptions::new()).await;
    let asked = subscribe(&server, "app/notes/list", json!({ "count": 5 })).await;
    // A subscription that is not taken up takes nothing.
    assert_eq!((server.live.connections().count(), server.live.queries()), (0, (0, 0)));
    let mut client = open(&asked).await;
    client.update().await;
    let mut ws = server.client().await;
    ws.data("store.subscribe", json!({ "query": "ofAge", "params": { "age": 1 } })).await;
    let list = server.live.connections().list();
    assert_eq!((list[0].door, list[0].store_subscriptions), ("realtime", 1));
    assert_eq!(list[0].signature.as_deref(), asked["signature"].as_str());
    assert_eq!(json!(list[0])["signature"], asked["signature"]);
    assert_eq!((list[1].door, &list[1].signature), ("ws", &None));
    let stats = server.live.connections().stats();
    assert_eq!((stats.connection_count, stats.connections.total_store_subscriptions), (2, 2));
    assert_eq!(server.live.queries(), (2, 2));
    // What either writes, whatever the door, reaches whoever has subscribed.
    ws.data("store.insert", json!({ "bucket": "app/notes", "data": { "text": "hello" } })).await;
    assert_eq!(client.update().await[0]["text"], "hello");
    let metrics = server.live.connections().metrics();
    assert!(metrics.contains("modeller_connections{door=\"realtime\"} 1"), "{metrics}");
    assert!(metrics.contains("modeller_pushes_total{door=\"realtime\"} 2"), "{metrics}");
    client.socket.close(None).await.unwrap();
    assert_eq!(client.end().await.0, 1000);
    server.until(1).await;
    let ended = async {
        while server.live.queries().1 > 1 {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, ended).await.expect("a subscription ends with its socket");
}

#[tokio::test]
async fn a_slow_reader_ends_up_with_what_is_there() {
    // LIV-07, OPS-03
    let server = Server::start(LiveOptions::new().backpressure(32 * 1024, 0.8)).await;
    let mut client = open(&subscribe(&server, "app/notes/find", json!({})).await).await;
    assert_eq!(client.update().await, json!([]));
    let text = "x".repeat(20_000);
    for at in 0..60 {
        Note::insert(&server.cx, Note { text: format!("{at} {text}") }).await.unwrap();
        sleep(Duration::from_millis(15)).await;
        let waiting = server.live.connections().list()[0].buffered_bytes;
        // One answer at most is taken beyond the mark.
        assert!(waiting < 2_000_000, "{waiting}");
    }
    let mut pushes = 0;
    loop {
        let data = client.update().await;
        pushes += 1;
        if data.as_array().unwrap().len() == 60 {
            break;
        }
    }
    assert!(pushes <= 60, "{pushes}");
    client.silent().await;
}

#[tokio::test]
async fn clients_are_told_of_the_end() {
    // OPS-05
    let server = Server::start(LiveOptions::new()).await;
    let mut client = open(&subscribe(&server, "app/notes/count", json!({})).await).await;
    assert_eq!(client.update().await, 0);
    server.live.connections().stop(Duration::ZERO).await;
    let notice = json!({ "event": "shutdown", "payload": { "gracePeriodMs": 0 } });
    assert_eq!(client.next().await, notice);
    assert_eq!(client.end().await, (1000, "server_shutdown".to_owned()));
}

/// An application as it is, behind a port.
async fn whole(app: App) -> SocketAddr {
    let router = app.models::<(User, Note)>().router().await.unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

#[tokio::test]
async fn paths_and_protocol_can_be_set_and_all_of_it_be_left_out() {
    // LIV-01, LIV-11
    let options = RealtimeOptions::new()
        .subscribe_path("/live/subscribe")
        .websocket_path("/live/socket")
        .protocol("notes.v1");
    let address = whole(App::isolated().realtime(options)).await;
    let mut http = http::Client::connect(address).await;
    let asked = http.post("/live/subscribe", &json!({ "queryName": "app/notes/count" })).await.json();
    assert_eq!(asked["websocket"]["url"], format!("ws://{address}/live/socket"));
    assert_eq!(asked["websocket"]["protocols"][0], "notes.v1");
    assert_eq!(open(&asked).await.update().await, 0);
    assert_eq!(http.post("/realtime/subscribe", &json!({})).await.status, 404);

    let address = whole(App::isolated()).await;
    let mut http = http::Client::connect(address).await;
    let asked = http.post("/realtime/subscribe", &json!({ "queryName": "app/notes/count" })).await.json();
    assert_eq!(open(&asked).await.update().await, 0);

    let address = whole(App::isolated().realtime(RealtimeOptions::new().enabled(false))).await;
    let mut http = http::Client::connect(address).await;
    assert_eq!(http.post("/realtime/subscribe", &json!({})).await.code(), "ROUTE_NOT_FOUND");
    assert_eq!(http.get("/realtime/ws").await.code(), "ROUTE_NOT_FOUND");

    // What can't be is said at the start.
    let wrong = RealtimeOptions::new().websocket_path("realtime").protocol("a b");
    let error = App::isolated().models::<(Note,)>().realtime(wrong).router().await.unwrap_err().to_string();
    assert!(error.contains("`realtime` is no path") && error.contains("`a b` is no name"), "{error}");
    for (verb, path) in [(Verb::GET, "/realtime/ws"), (Verb::POST, "/realtime/subscribe")] {
        let own = Route::new(verb, path, async |_: RouteCx| Ok("mine"));
        let app = App::isolated().models::<(Note,)>().route(own);
        assert!(app.router().await.unwrap_err().to_string().contains(path));
    }
}

#[tokio::test]
async fn gateways_and_options_say_where_the_websocket_is() {
    // LIV-02
    let body = json!({ "queryName": "app/notes/list" }).to_string();
    let url = async |server: &Server, name: &str, value: &str| {
        let headers = [("Content-Type", "application/json"), (name, value)];
        let mut http = http::Client::connect(server.address).await;
        let answer = http.send("POST", "/realtime/subscribe", &headers, body.as_bytes()).await.json();
        answer["websocket"]["url"].as_str().unwrap().to_owned()
    };
    let server = Server::start(LiveOptions::new()).await;
    let secure = format!("wss://{}/realtime/ws", server.address);
    assert_eq!(url(&server, "X-Forwarded-Proto", "https").await, secure);
    assert_eq!(url(&server, "X-Forwarded-Proto", "https, http").await, secure);
    assert_eq!(url(&server, "X-Forwarded-Proto", "javascript").await, secure.replace("wss", "ws"));
    let options = RealtimeOptions::new().url("wss://api.example.com/ws");
    let server = Server::with(App::isolated(), LiveOptions::new(), options).await;
    assert_eq!(url(&server, "X-Other", "1").await, "wss://api.example.com/ws");
}

#[tokio::test]
async fn clients_have_types_and_a_description() {
    // LIV-13
    let kit: Kit = App::isolated().models::<(User, Note)>().test().await.unwrap();
    let request = RealtimeSubscriptionRequest::new("app/notes/count");
    let answer = kit.post("/realtime/subscribe", &request).await;
    let answer: RealtimeSubscriptionResponse = answer.data();
    assert_eq!(answer.signature, "app/notes/count::{}");
    assert_eq!(answer.websocket.protocols, ["modeller.realtime.v1", &answer.token]);

    let document = kit.get("/@openapi.json").await.json();
    let described = &document["paths"]["/realtime/subscribe"]["post"];
    let schema = |name: &str| json!({ "$ref": format!("#/components/schemas/{name}") });
    let json = "application/json";
    assert_eq!(described["requestBody"]["content"][json]["schema"], schema("RealtimeSubscriptionRequest"));
    assert_eq!(
        described["responses"]["200"]["content"][json]["schema"],
        schema("RealtimeSubscriptionResponse")
    );
    assert_eq!(
        (&described["operationId"], &described["tags"][0]),
        (&json!("realtime_subscribe"), &json!("realtime"))
    );
    for status in ["400", "401", "404", "413", "429"] {
        assert!(described["responses"][status].is_object(), "{status}");
    }
    let fits = |name: &str, value: &Json| {
        let mut root = schema(name);
        root["components"] = document["components"].clone();
        jsonschema::validator_for(&root).unwrap().is_valid(value)
    };
    assert!(fits("RealtimeSubscriptionResponse", &json!(answer)));
    assert!(fits("RealtimeSubscriptionRequest", &json!(request)));
    let whole = json!({ "queryName": "a/b/c", "args": { "x": [1] }, "authToken": "t" });
    assert!(fits("RealtimeSubscriptionRequest", &whole));
    for wrong in [json!({}), json!({ "queryName": 1 }), json!({ "queryName": "a", "more": 1 }), json!([])] {
        assert!(!fits("RealtimeSubscriptionRequest", &wrong), "{wrong}");
        assert_eq!(kit.post("/realtime/subscribe", &wrong).await.status, 400, "{wrong}");
    }
    // An application without it does not describe it.
    let without = App::isolated().models::<(Note,)>().realtime(RealtimeOptions::new().enabled(false));
    let document = without.test().await.unwrap().get("/@openapi.json").await.json();
    assert!(!document.to_string().contains("ealtime"));
}

/// Whether storms of clients leave anything behind.
#[tokio::test]
async fn who_goes_before_anything_was_said_leaves_nothing_behind() {
    // LIV-04, LIV-10
    static OVER: AtomicBool = AtomicBool::new(false);
    let server = Server::start(LiveOptions::new()).await;
    let writes = tokio::spawn({
        let cx = server.cx.clone();
        async move {
            while !OVER.load(Ordering::Relaxed) {
                Note::insert(&cx, Note { text: "more".into() }).await.unwrap();
                sleep(Duration::from_millis(2)).await;
            }
        }
    });
    for round in 0..20 {
        let asked = subscribe(&server, "app/notes/count", json!({})).await;
        let mut client = open(&asked).await;
        if round % 2 == 0 {
            client.update().await;
            client.say("ping").await;
        }
        if round % 3 == 0 {
            let Client { socket, .. } = &mut client;
            let MaybeTlsStream::Plain(stream) = socket.get_mut() else { panic!("there is no TLS") };
            tokio::io::AsyncWriteExt::write_all(stream, &frame(0x81, b"ping")[..3]).await.unwrap();
        }
    }
    server.until(0).await;
    OVER.store(true, Ordering::Relaxed);
    writes.await.unwrap();
    let ended = async {
        while server.live.queries() != (0, 0) {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, ended).await.expect("subscriptions end with their sockets");
}
