use std::time::Duration;

use modeller::doors::http::HttpOptions;
use serde_json::json;

use crate::{connected, start};

const JSON: (&str, &str) = ("Content-Type", "application/json");
const INSERT: &str = "/system/users/insert";

#[tokio::test]
async fn a_body_arrives_as_it_was_sent() {
    let (_server, mut client) = connected().await;
    let sent = "{ \"name\" :\t\"é\" }";
    let answer = client.send("POST", INSERT, &[JSON], sent.as_bytes()).await;
    assert_eq!(answer.json()["body"], sent);
    // Even what is no JSON: the pipeline says so, in the same words at every door.
    let answer = client.send("POST", INSERT, &[JSON], b"{").await;
    assert_eq!(answer.json()["body"], "{");
}

#[tokio::test]
async fn only_json_in_utf_8_is_taken() {
    let (_server, mut client) = connected().await;
    for good in ["application/json; charset=utf-8", "application/merge-patch+json", "APPLICATION/JSON"] {
        let answer = client.send("POST", INSERT, &[("Content-Type", good)], b"{}").await;
        assert_eq!(answer.status, 201, "{good}");
    }
    for bad in ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-16", ""] {
        for path in [INSERT, "/system/users/find", "/system/users/upsert", "/system/users/batch"] {
            let answer = client.send("POST", path, &[("Content-Type", bad)], b"{}").await;
            assert_eq!((answer.status, answer.code().as_str()), (415, "UNSUPPORTED_MEDIA_TYPE"), "{bad}");
        }
    }
    let answer = client.send("POST", INSERT, &[], b"{}").await;
    assert_eq!(answer.status, 415);
    let answer = client.send("POST", INSERT, &[JSON, ("Content-Encoding", "gzip")], b"{}").await;
    assert_eq!(answer.status, 415);
    let answer = client.send("POST", INSERT, &[JSON, JSON], b"{}").await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "INVALID_REQUEST"));
}

#[tokio::test]
async fn a_body_where_none_is_taken_is_refused() {
    let (_server, mut client) = connected().await;
    for (method, operation) in [("GET", "get"), ("DELETE", "delete"), ("POST", "clear"), ("POST", "restore")]
    {
        let answer = client.send(method, &format!("/shop/orders/{operation}"), &[JSON], b"{}").await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "INVALID_REQUEST"), "{operation}");
    }
    // Requests without a body need no content type.
    assert_eq!(client.send("POST", "/shop/orders/clear", &[("Content-Length", "0")], b"").await.status, 200);
}

#[tokio::test]
async fn find_takes_its_arguments_from_body_or_url() {
    let (_server, mut client) = connected().await;
    let find = "/system/users/find";
    let answer = client.post(find, &json!({"query": {"name": "x"}, "count": 2})).await;
    assert_eq!(answer.json()["arguments"], json!({"json": {"query": {"name": "x"}, "count": 2}}));
    let answer = client.send("POST", &format!("{find}?name=x"), &[], b"").await;
    assert_eq!(answer.json()["arguments"], json!({"pairs": [["name", "x"]]}));
    assert_eq!(client.send("POST", find, &[], b"").await.json()["arguments"], json!(null));
    assert_eq!(client.post(&format!("{find}?name=x"), &json!({})).await.status, 400);
}

#[tokio::test]
async fn find_refuses_what_is_no_json() {
    let (_server, mut client) = connected().await;
    let deep = "[".repeat(100_000);
    let bad: [&[u8]; 11] = [
        b"{\"count\":1,\"count\":2}",
        b"{",
        b"{,}",
        b"{\"count\":1,}",
        b"{\"count\":NaN}",
        b"{\"count\":1e999}",
        b"\xef\xbb\xbf{}",
        b"{\"a\":\"\xff\"}",
        b"{\"a\":\"\\ud800\"}",
        b"{} {}",
        deep.as_bytes(),
    ];
    for body in bad {
        let answer = client.send("POST", "/system/users/find", &[JSON], body).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "PARSE_ERROR"), "{body:.40?}");
    }
}

#[tokio::test]
async fn too_large_a_body_is_refused_before_it_is_read() {
    let server = start(HttpOptions::default().body_limit(1_000)).await;
    let mut client = server.client().await;
    let body = vec![b' '; 1_000];
    assert_eq!(client.send("POST", INSERT, &[JSON], &body).await.status, 201);
    // By its `Content-Length`, of which nothing more is sent.
    let head = format!("POST {INSERT} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n");
    let answer = client.raw(format!("{head}Content-Length: 1000000000\r\n\r\n").as_bytes()).await;
    assert_eq!((answer.status, answer.code().as_str()), (413, "PAYLOAD_TOO_LARGE"));
    // One that is sent whole leaves the connection usable.
    let mut client = server.client().await;
    let answer = client.send("POST", INSERT, &[JSON], &vec![b' '; 300_000]).await;
    assert_eq!((answer.status, answer.code().as_str()), (413, "PAYLOAD_TOO_LARGE"));
    assert_eq!(client.get("/@health").await.status, 200);
    // Without a length, as soon as it shows.
    let mut chunked = format!("{head}Transfer-Encoding: chunked\r\n\r\n").into_bytes();
    for _ in 0..3 {
        chunked.extend_from_slice(b"190\r\n");
        chunked.extend_from_slice(&[b' '; 0x190]);
        chunked.extend_from_slice(b"\r\n");
    }
    let answer = client.raw(&chunked).await;
    assert_eq!((answer.status, answer.code().as_str()), (413, "PAYLOAD_TOO_LARGE"));
}

#[tokio::test]
async fn a_slow_body_is_given_up() {
    let server = start(HttpOptions::default().read_timeout(Duration::from_millis(200))).await;
    let mut client = server.client().await;
    let head = format!("POST {INSERT} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n");
    let answer = client.raw(format!("{head}Content-Length: 10\r\n\r\n{{").as_bytes()).await;
    assert_eq!((answer.status, answer.code().as_str()), (408, "TIMEOUT"));
    assert_eq!(answer.header("connection"), Some("close"));
    assert!(client.is_closed().await);
    assert_eq!(server.echo.finished(), 0);
}

#[tokio::test]
async fn a_body_may_come_byte_by_byte() {
    let (_server, mut client) = connected().await;
    let request = format!(
        "POST {INSERT} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n{{\"name\":\"x\"}}"
    );
    for byte in request.as_bytes() {
        client.write(&[*byte]).await;
        tokio::task::yield_now().await;
    }
    let answer = client.answer("POST").await;
    assert_eq!(answer.json()["body"], "{\"name\":\"x\"}");
}

#[tokio::test]
async fn a_body_that_breaks_off_reaches_nobody() {
    let (server, mut client) = connected().await;
    let head = format!("POST {INSERT} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n");
    client.write(format!("{head}Content-Length: 100\r\n\r\n{{}}").as_bytes()).await;
    drop(client);
    let mut client = server.client().await;
    let answer = client.raw(format!("{head}Transfer-Encoding: chunked\r\n\r\nzz\r\n").as_bytes()).await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "INVALID_REQUEST"));
    assert!(client.is_closed().await);
    assert_eq!(server.echo.finished(), 0);
}

#[tokio::test]
async fn large_bodies_share_a_bounded_memory() {
    let server = start(HttpOptions::default().body_memory(150_000)).await;
    let head = format!("POST {INSERT}?do=wait HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n");
    let mut first = server.client().await;
    let body = " ".repeat(100_000);
    first.write(format!("{head}Content-Length: 100000\r\n\r\n{body}").as_bytes()).await;
    server.echo.waiting(1).await;
    let mut second = server.client().await;
    let answer = second.send("POST", INSERT, &[JSON], body.as_bytes()).await;
    assert_eq!((answer.status, answer.code().as_str()), (503, "OVERLOADED"));
    assert_eq!(answer.header("retry-after"), Some("1"));
    // Small ones are not concerned, and the memory is given back.
    assert_eq!(second.send("POST", INSERT, &[JSON], b"{}").await.status, 201);
    server.echo.open();
    assert_eq!(first.answer("POST").await.status, 201);
    assert_eq!(second.send("POST", INSERT, &[JSON], body.as_bytes()).await.status, 201);
}
