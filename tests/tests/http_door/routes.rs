use modeller::doors::http::{Folder, HttpDoor, HttpOptions, Method, Page, Route, RouteCx};
use modeller::engine::{Call, Operation, Reply};
use modeller::store::Apply;
use modeller::{Error, Model, Result};
use modeller_tests::http::Client;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::{Echo, Running, User, start_with};

#[derive(Deserialize, Serialize)]
struct Sum {
    a: i64,
    b: i64,
}

async fn sum(cx: RouteCx) -> Result<Value> {
    let sum: Sum = cx.json()?;
    Ok(json!({ "sum": sum.a + sum.b }))
}

async fn typed(cx: RouteCx) -> Result<Sum> {
    let mut sum: Sum = cx.query()?;
    sum.a *= cx.param_as::<i64>("times")?;
    Ok(sum)
}

async fn through(cx: RouteCx) -> Result<Reply> {
    cx.engine().migrate(Apply::Safe).await?;
    let mut call = Call::new(Operation::Insert, User::descriptor().shape());
    call.body = b"{\"name\":\"x\"}".to_vec();
    cx.perform(call).await
}

fn door(door: HttpDoor) -> HttpDoor {
    let nested = axum::Router::new()
        .route("/ping", axum::routing::get(async || "pong"))
        .route("/system/users/resetPassword", axum::routing::post(async || "done"));
    door.route(Route::new(Method::POST, "/sum", sum))
        .route(Route::new(Method::GET, "/typed/{times}", typed))
        .route(Route::new(Method::DELETE, "/typed/{times}", async |_: RouteCx| Ok(json!("deleted"))))
        .route(Route::new(Method::GET, "/hello/{name}", async |cx: RouteCx| Ok(cx.param("name")?.to_owned())))
        .route(Route::new(Method::POST, "/through", through))
        .route(Route::new(Method::GET, "/teapot", async |_: RouteCx| {
            Err::<Value, _>(Error::custom("TEAPOT", 418, "short and stout"))
        }))
        .route(Route::new(Method::GET, "/panic", async |cx: RouteCx| match cx.header("host") {
            Some(_) => panic!("no"),
            None => Ok(json!(1)),
        }))
        .route(Route::new(Method::POST, "/small", async |cx: RouteCx| Ok(cx.body().len())).body_limit(10))
        // The model keeps no trash, so that this is nobody's.
        .route(Route::new(Method::POST, "/system/users/restore", async |_: RouteCx| Ok(json!("restored"))))
        .page(Page::new("/@docs", "text/html; charset=utf-8", "<p>hello</p>").policy("default-src 'self'"))
        .page(Page::made("/@made", "text/plain", || "made".into()))
        .folder(Folder::new("/source", concat!(env!("CARGO_MANIFEST_DIR"), "/src")))
        .merge(nested)
}

async fn served() -> (Running, Client) {
    let server = start_with(HttpOptions::default(), door).await;
    let client = server.client().await;
    (server, client)
}

#[tokio::test]
async fn a_custom_route_takes_and_gives_json() {
    // HTT-04, HTT-13
    let (_server, mut client) = served().await;
    assert_eq!(client.post("/sum", &json!({"a": 1, "b": 2})).await.json(), json!({"sum": 3}));
    assert_eq!(client.get("/typed/3?a=2&b=5").await.json(), json!({"a": 6, "b": 5}));
    assert_eq!(client.get("/hello/a%20b%2Fc").await.json(), json!("a b/c"));
    assert_eq!(client.post("/system/users/restore", &json!(null)).await.json(), json!("restored"));
    let answer = client.send("POST", "/through", &[], b"").await;
    assert_eq!(answer.status, 201);
    assert!(answer.header("location").unwrap().starts_with("get?_id="));
    assert_eq!(client.send("HEAD", "/hello/x", &[], b"").await.header("content-length"), Some("3"));
}

#[tokio::test]
async fn what_does_not_fit_a_custom_route_is_a_typed_error() {
    let (_server, mut client) = served().await;
    // Method, path, headers, body; status and code.
    type Case<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], &'a [u8], u16, &'a str);
    let cases: [Case<'_>; 10] = [
        ("POST", "/sum", &[("Content-Type", "application/json")], b"{", 400, "PARSE_ERROR"),
        ("POST", "/sum", &[("Content-Type", "application/json")], b"{\"a\":1}", 400, "VALIDATION_ERROR"),
        ("POST", "/sum", &[], b"{\"a\":1,\"b\":2}", 415, "UNSUPPORTED_MEDIA_TYPE"),
        ("POST", "/sum", &[("Sec-Fetch-Site", "cross-site")], b"", 403, "FORBIDDEN"),
        ("GET", "/typed/x?a=1&b=2", &[], b"", 400, "INVALID_REQUEST"),
        ("GET", "/typed/1?a=x&b=2", &[], b"", 400, "INVALID_REQUEST"),
        ("GET", "/hello/%ff", &[], b"", 400, "INVALID_REQUEST"),
        ("GET", "/teapot", &[], b"", 418, "TEAPOT"),
        ("GET", "/panic", &[], b"", 500, "INTERNAL_ERROR"),
        ("POST", "/small", &[], b"12345678901", 413, "PAYLOAD_TOO_LARGE"),
    ];
    for (method, path, headers, body, status, code) in cases {
        let answer = client.send(method, path, headers, body).await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{method} {path}");
    }
    let answer = client.send("PUT", "/typed/1", &[], b"").await;
    assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, DELETE, HEAD, OPTIONS")));
    let answer = client.send("OPTIONS", "/sum", &[], b"").await;
    assert_eq!((answer.status, answer.header("allow")), (204, Some("POST, OPTIONS")));
}

#[tokio::test]
async fn pages_are_cacheable_and_can_not_be_framed() {
    let (_server, mut client) = served().await;
    let answer = client.get("/@docs").await;
    assert_eq!(answer.body, b"<p>hello</p>");
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(answer.header("content-security-policy"), Some("default-src 'self'"));
    assert_eq!(answer.header("x-frame-options"), Some("DENY"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    let tag = answer.header("etag").unwrap().to_owned();
    let answer = client.send("GET", "/@docs", &[("If-None-Match", &tag)], b"").await;
    assert_eq!((answer.status, answer.body.len()), (304, 0));
    assert_eq!(client.send("HEAD", "/@docs", &[], b"").await.header("content-length"), Some("12"));
    assert_eq!(client.get("/@made").await.body, b"made");
    let answer = client.send("POST", "/@docs", &[], b"").await;
    assert_eq!((answer.status, answer.code().as_str()), (405, "METHOD_NOT_ALLOWED"));
    assert_eq!(answer.header("allow"), Some("GET, HEAD, OPTIONS"));
}

#[tokio::test]
async fn routes_of_an_axum_router_are_served_too() {
    let (_server, mut client) = served().await;
    let answer = client.get("/ping").await;
    assert_eq!(answer.body, b"pong");
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(client.send("POST", "/system/users/resetPassword", &[], b"").await.body, b"done");
    // Where it only says no without a word, the door's words are said.
    assert_eq!(client.get("/pong").await.code(), "ROUTE_NOT_FOUND");
    let answer = client.send("DELETE", "/ping", &[], b"").await;
    assert_eq!((answer.status, answer.code().as_str()), (405, "METHOD_NOT_ALLOWED"));
    assert!(answer.header("allow").unwrap().contains("GET"));
    assert_eq!(client.get("/system/users/x").await.code(), "METHOD_NOT_FOUND");
}

async fn axum_client(router: axum::Router) -> Client {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    Client::connect(address).await
}

fn outer() -> axum::Router {
    axum::Router::new()
        .route("/other", axum::routing::get(async || "other"))
        .fallback(async || (axum::http::StatusCode::NOT_FOUND, "outer"))
}

#[tokio::test]
async fn the_door_nests_in_an_axum_application() {
    let inner = door(HttpDoor::new(Echo::new(), HttpOptions::default())).router().unwrap();
    let mut client = axum_client(outer().nest("/api", inner)).await;
    assert_eq!(client.get("/other").await.body, b"other");
    assert_eq!(client.get("/unknown").await.body, b"outer");
    assert_eq!(client.get("/api/system/users/get").await.json()["operation"], "get");
    let answer = client.post("/api/system/users/insert", &json!({})).await;
    assert_eq!(answer.header("location"), Some("get?_id=an%20id%2F1"));
    assert_eq!(client.get("/api/hello/x").await.json(), json!("x"));
    assert_eq!(client.get("/api/@health").await.status, 200);
    assert_eq!(client.get("/api/ping").await.body, b"pong");
    assert_eq!(client.get("/api/source/lib.rs").await.status, 200);
    assert_eq!(client.get("/api/source/bin").await.code(), "ROUTE_NOT_FOUND");
    assert_eq!(client.get("/api/unknown").await.code(), "ROUTE_NOT_FOUND");
    assert_eq!(client.get("/api/system/nothing/get").await.code(), "MODEL_NOT_FOUND");
    assert_eq!(client.send("HEAD", "/api/system/users/get", &[], b"").await.status, 200);
}

#[tokio::test]
async fn the_door_merges_into_an_axum_application_without_taking_its_fallback() {
    let inner = door(HttpDoor::new(Echo::new(), HttpOptions::default())).routes().unwrap();
    let mut client = axum_client(outer().merge(inner)).await;
    assert_eq!(client.get("/other").await.body, b"other");
    assert_eq!(client.get("/unknown").await.body, b"outer");
    assert_eq!(client.get("/unknown/model/get").await.body, b"outer");
    assert_eq!(client.get("/system/users/get").await.json()["operation"], "get");
    assert_eq!(client.get("/system/users/gett").await.code(), "METHOD_NOT_FOUND");
    assert_eq!(client.get("/system/nothing/get").await.code(), "MODEL_NOT_FOUND");
    assert_eq!(client.get("/hello/x").await.json(), json!("x"));
    assert_eq!(client.get("/@docs").await.status, 200);
    assert_eq!(client.get("/source/http.rs").await.status, 200);
    assert_eq!(client.get("/source/http.rs/x").await.code(), "ROUTE_NOT_FOUND");
    assert_eq!(client.get("/ping").await.body, b"pong");
    let answer = client.delete("/system/users/get").await;
    assert_eq!((answer.status, answer.code().as_str()), (405, "METHOD_NOT_ALLOWED"));
}

#[test]
fn contradictions_are_reported_all_at_once() {
    let nothing = async |_: RouteCx| Ok(json!(null));
    let door = HttpDoor::new(Echo::new(), HttpOptions::default().cors(["example.com"]))
        .route(Route::new(Method::GET, "/a/{b}", nothing))
        .route(Route::new(Method::GET, "/a/{b}", nothing))
        .route(Route::new(Method::GET, "/a/{c}", nothing))
        .route(Route::new(Method::GET, "/x/{y", nothing))
        .route(Route::new(Method::GET, "/system/users/get", nothing))
        .page(Page::new("/@docs", "text/html", ""))
        .page(Page::new("/@docs", "text/html", ""));
    let faults = door.service().err().expect("much is wrong");
    assert_eq!(faults.iter().count(), 6, "{faults}");
}
