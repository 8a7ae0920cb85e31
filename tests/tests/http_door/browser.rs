use modeller::doors::http::HttpOptions;

use crate::{connected, start};

const JSON: (&str, &str) = ("Content-Type", "application/json");
const APP: (&str, &str) = ("Origin", "https://app.example.com");
const EVIL: (&str, &str) = ("Origin", "https://evil.example");
const CROSS: (&str, &str) = ("Sec-Fetch-Site", "cross-site");

#[tokio::test]
async fn without_cors_no_other_origin_is_answered_or_obeyed() {
    let (server, mut client) = connected().await;
    let answer = client.send("GET", "/system/users/get", &[EVIL, CROSS], b"").await;
    assert_eq!(answer.header("access-control-allow-origin"), None);
    let preflight = [EVIL, ("Access-Control-Request-Method", "POST")];
    let answer = client.send("OPTIONS", "/system/users/insert", &preflight, b"").await;
    assert_eq!(answer.header("access-control-allow-origin"), None);
    let before = server.echo.finished();
    for headers in
        [vec![JSON, EVIL, CROSS], vec![JSON, EVIL], vec![JSON, CROSS], vec![JSON, ("Origin", "null")]]
    {
        let answer = client.send("POST", "/system/users/insert", &headers, b"{}").await;
        assert_eq!((answer.status, answer.code().as_str()), (403, "FORBIDDEN"), "{headers:?}");
        // Nor what needs no body, and so no content type that a browser would ask about.
        let answer = client.send("POST", "/system/users/clear", &headers[1..], b"").await;
        assert_eq!(answer.status, 403, "{headers:?}");
    }
    assert_eq!(server.echo.finished(), before);
    let own = format!("http://{}", server.address);
    assert_eq!(
        client.send("POST", "/system/users/insert", &[JSON, ("Origin", &own)], b"{}").await.status,
        201
    );
}

#[tokio::test]
async fn listed_origins_may_call() {
    let server = start(HttpOptions::default().cors(["https://app.example.com"])).await;
    let mut client = server.client().await;
    let preflight =
        [APP, ("Access-Control-Request-Method", "PUT"), ("Access-Control-Request-Headers", "if-match")];
    let answer = client.send("OPTIONS", "/system/users/update", &preflight, b"").await;
    assert_eq!(answer.status, 204);
    assert_eq!(answer.header("access-control-allow-origin"), Some(APP.1));
    assert!(answer.header("access-control-allow-methods").unwrap().contains("PUT"));
    let headers = answer.header("access-control-allow-headers").unwrap();
    // A page that reads events by itself says with `last-event-id` where it was.
    assert!(headers.contains("if-match") && headers.contains("last-event-id"), "{headers}");
    let answer = client.send("POST", "/system/users/insert", &[JSON, APP, CROSS], b"{}").await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.header("access-control-allow-origin"), Some(APP.1));
    assert!(answer.header("access-control-expose-headers").unwrap().contains("etag"));
    assert_eq!(answer.header("vary"), Some("origin"));
    // Errors can be read too.
    let answer = client.send("GET", "/nothing", &[APP], b"").await;
    assert_eq!(answer.header("access-control-allow-origin"), Some(APP.1));
    // Nobody else, and nothing is reflected.
    for origin in ["https://evil.example", "https://app.example.com.evil.example", "null"] {
        let answer = client.send("GET", "/system/users/get", &[("Origin", origin)], b"").await;
        assert_eq!(answer.header("access-control-allow-origin"), None);
        assert_eq!(answer.header("vary"), Some("origin"));
        let answer =
            client.send("POST", "/system/users/insert", &[JSON, CROSS, ("Origin", origin)], b"{}").await;
        assert_eq!(answer.status, 403);
    }
}

#[tokio::test]
async fn a_star_allows_all_origins() {
    let server = start(HttpOptions::default().cors(["*"])).await;
    let answer =
        server.client().await.send("POST", "/system/users/insert", &[JSON, EVIL, CROSS], b"{}").await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
}

#[tokio::test]
async fn a_server_that_knows_its_names_answers_to_no_other() {
    let server = start(HttpOptions::default().hosts(["localhost"])).await;
    let mut client = server.client().await;
    let get = |host| format!("GET /system/users/get HTTP/1.1\r\nHost: {host}\r\n\r\n");
    assert_eq!(client.raw(get("localhost:3000").as_bytes()).await.status, 200);
    let answer = client.raw(get("evil.example:3000").as_bytes()).await;
    assert_eq!((answer.status, answer.code().as_str()), (403, "FORBIDDEN"));
}
