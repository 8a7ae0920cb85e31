use std::time::Duration;

use serde_json::json;
use tokio::time::sleep;

use crate::connected;

const GET: &str = "GET /system/users/get HTTP/1.1\r\n";
const INSERT: &str = "POST /system/users/insert HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";

#[tokio::test]
async fn malformed_heads_are_refused_and_end_the_connection() {
    let big = format!("{GET}Host: x\r\nX-Big: {}\r\n\r\n", "x".repeat(1_000_000));
    let many = format!("{GET}Host: x\r\n{}\r\n", "X-Many: 1\r\n".repeat(500));
    let long = format!("GET /system/users/get?{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(100_000));
    let cases: [(&[u8], &[u16]); 14] = [
        (b"nonsense\r\n\r\n", &[400]),
        (b"GET\r\n\r\n", &[400]),
        (b"GET /system/users/get HTTP/9.9\r\nHost: x\r\n\r\n", &[400]),
        (b"GET /system/users/get\xff HTTP/1.1\r\nHost: x\r\n\r\n", &[400]),
        (b"GET /system/users/get?name=<script> HTTP/1.1\r\nHost: x\r\n\r\n", &[400]),
        (b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", &[400]),
        (b"G\x00T / HTTP/1.1\r\nHost: x\r\n\r\n", &[400]),
        (b"GET / HTTP/1.1\r\nHost: x\r\nBad Header: x\r\n\r\n", &[400]),
        // A folded header line.
        (b"GET / HTTP/1.1\r\nHost: x\r\nX-A: a\r\n b\r\n\r\n", &[400]),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", &[400]),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", &[400]),
        (big.as_bytes(), &[431]),
        (many.as_bytes(), &[431]),
        (long.as_bytes(), &[414, 431]),
    ];
    let (server, _) = connected().await;
    for (bytes, statuses) in cases {
        let mut client = server.client().await;
        client.try_write(bytes).await;
        let answer = client.answer("GET").await;
        assert!(statuses.contains(&answer.status), "{} for {bytes:.60?}", answer.status);
        assert_eq!(answer.code(), "INVALID_REQUEST");
        assert_eq!(answer.json()["status"], answer.status);
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert!(client.is_closed().await);
    }
    assert_eq!(server.client().await.get("/@health").await.status, 200);
}

#[tokio::test]
async fn one_host_is_demanded() {
    let (server, _) = connected().await;
    for hosts in ["", "Host: a\r\nHost: b\r\n"] {
        let answer = server.client().await.raw(format!("{GET}{hosts}\r\n").as_bytes()).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "INVALID_REQUEST"));
    }
    let answer = server.client().await.raw(b"GET /system/users/get HTTP/1.0\r\n\r\n").await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn absolute_targets_and_odd_ones_are_understood() {
    let (server, mut client) = connected().await;
    assert_eq!(client.get("http://elsewhere/system/users/get").await.json()["operation"], "get");
    let answer = client.send("OPTIONS", "*", &[], b"").await;
    assert_eq!((answer.status, answer.code().as_str()), (404, "ROUTE_NOT_FOUND"));
    let answer = server.client().await.send("CONNECT", "example.com:443", &[], b"").await;
    assert_eq!((answer.status, answer.code().as_str()), (404, "ROUTE_NOT_FOUND"));
    assert_eq!(
        client.get("/system/users/get?name=<script>").await.header("x-content-type-options"),
        Some("nosniff")
    );
}

#[tokio::test]
async fn nothing_is_smuggled_behind_a_chunked_body() {
    let (server, _) = connected().await;
    let hidden = "GET /system/users/count HTTP/1.1\r\nHost: x\r\n\r\n";
    let chunks = format!("2\r\n{{}}\r\n0\r\n\r\n{hidden}");
    for lengths in [
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
        "Transfer-Encoding: chunked\r\n",
    ] {
        let mut client = server.client().await;
        let answer = client.raw(format!("{INSERT}{lengths}\r\n{chunks}").as_bytes()).await;
        assert_eq!(answer.status, 201, "{lengths}");
        assert_eq!(answer.json()["body"], "{}");
        assert_eq!(answer.header("connection"), Some("close"));
        assert!(client.is_closed().await, "the hidden request was answered");
    }
    for odd in [
        "Transfer-Encoding: gzip, chunked, identity\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding : chunked\r\n",
    ] {
        let mut client = server.client().await;
        let answer = client.raw(format!("{INSERT}{odd}\r\n{chunks}").as_bytes()).await;
        assert_eq!(answer.status, 400, "{odd}");
        assert!(client.is_closed().await);
    }
    sleep(Duration::from_millis(50)).await;
    assert_eq!(server.echo.finished(), 3);
}

#[tokio::test]
async fn chunked_bodies_are_put_together() {
    let (_server, mut client) = connected().await;
    let chunks = "5;ext=1\r\n{\"nam\r\n8\r\ne\":\"xyz\"\r\n1\r\n}\r\n0\r\nX-Trailer: 1\r\n\r\n";
    let answer = client.raw(format!("{INSERT}Transfer-Encoding: chunked\r\n\r\n{chunks}").as_bytes()).await;
    assert_eq!(answer.json()["body"], "{\"name\":\"xyz\"}");
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let (_server, mut client) = connected().await;
    let mut requests = String::new();
    for n in 0..20 {
        requests += &format!("{INSERT}Content-Length: {}\r\n\r\n{n}", n.to_string().len());
        requests += &format!("{GET}Host: x\r\n\r\n");
    }
    client.write(requests.as_bytes()).await;
    for n in 0..20 {
        assert_eq!(client.answer("POST").await.json()["body"], n.to_string());
        assert_eq!(client.answer("GET").await.json()["operation"], "get");
    }
}

#[tokio::test]
async fn expect_is_answered_before_the_body() {
    let (_server, mut client) = connected().await;
    let head = format!("{INSERT}Expect: 100-continue\r\n");
    let answer = client.raw(format!("{head}Content-Length: 2\r\n\r\n").as_bytes()).await;
    assert_eq!(answer.status, 100);
    let answer = client.raw(b"{}").await;
    assert_eq!((answer.status, answer.json()["body"].clone()), (201, json!("{}")));
    // Who is refused anyway is told so at once.
    let answer = client.raw(format!("{head}Content-Length: 99999999\r\n\r\n").as_bytes()).await;
    assert_eq!((answer.status, answer.code().as_str()), (413, "PAYLOAD_TOO_LARGE"));
}

#[tokio::test]
async fn a_refused_body_does_not_become_the_next_request() {
    let (_server, mut client) = connected().await;
    let inner = format!("{GET}Host: x\r\n\r\n");
    let request =
        format!("POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{inner}", inner.len());
    assert_eq!(client.raw(request.as_bytes()).await.code(), "ROUTE_NOT_FOUND");
    assert_eq!(client.get("/@health").await.json(), json!({"status": "ok"}));
}
