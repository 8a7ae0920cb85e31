use modeller::doors::http::HttpOptions;
use serde_json::json;

use crate::{big, connected, start};

const JSON: (&str, &str) = ("Content-Type", "application/json");

#[tokio::test]
async fn if_match_becomes_the_expected_version() {
    // PER: conditional updates
    let (_server, mut client) = connected().await;
    // A version without quotes is no entity tag by the book, but it can mean nothing else.
    let tags = [("\"3\"", json!(3)), ("W/\"3\"", json!(3)), ("3", json!(3)), ("*", json!(null))];
    for (header, version) in tags {
        let headers = [JSON, ("If-Match", header)];
        let answer = client.send("PUT", "/system/users/update?_id=x", &headers, b"{}").await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.json()["expectedVersion"], version);
    }
    for bad in ["x", "\"x\"", "\"1\", \"2\"", "\"-1\"", "\"", ""] {
        let answer = client.send("DELETE", "/system/users/delete?_id=x", &[("If-Match", bad)], b"").await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "INVALID_REQUEST"), "{bad}");
    }
    let twice = [("If-Match", "\"1\""), ("If-Match", "\"1\"")];
    assert_eq!(client.send("DELETE", "/system/users/delete?_id=x", &twice, b"").await.status, 400);
    for (method, path) in [("POST", "insert"), ("POST", "clear"), ("POST", "upsert"), ("GET", "list")] {
        let answer =
            client.send(method, &format!("/system/users/{path}"), &[("If-Match", "\"1\"")], b"").await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "INVALID_REQUEST"), "{path}");
    }
}

#[tokio::test]
async fn a_conflict_with_if_match_is_a_failed_precondition() {
    let (_server, mut client) = connected().await;
    let path = "/system/users/update?do=conflict";
    let answer = client.send("PUT", path, &[JSON, ("If-Match", "\"3\"")], b"{}").await;
    assert_eq!((answer.status, answer.code().as_str()), (412, "CONFLICT"));
    assert_eq!(answer.json()["status"], 412);
    assert_eq!(client.put(path, &json!({})).await.status, 409);
    // A conflict over the idempotency key is none over the version.
    let answer =
        client.send("PUT", path, &[JSON, ("If-Match", "\"3\""), ("Idempotency-Key", "k")], b"{}").await;
    assert_eq!(answer.status, 409);
    let answer = client.send("GET", "/system/users/get?do=null", &[("If-Match", "*")], b"").await;
    assert_eq!((answer.status, answer.code().as_str()), (412, "CONFLICT"));
    let answer = client.send("GET", "/system/users/get?_id=x", &[("If-Match", "\"2\"")], b"").await;
    assert_eq!((answer.status, answer.code().as_str()), (412, "CONFLICT"));
    assert_eq!(
        client.send("GET", "/system/users/get?_id=x", &[("If-Match", "\"3\"")], b"").await.status,
        200
    );
}

#[tokio::test]
async fn an_unchanged_document_is_not_sent_again() {
    let (_server, mut client) = connected().await;
    let path = "/system/users/get?_id=x";
    let tag = client.get(path).await.header("etag").expect("one document has a version").to_owned();
    assert_eq!(tag, "\"3\"");
    for method in ["GET", "HEAD"] {
        let answer = client.send(method, path, &[("If-None-Match", &tag)], b"").await;
        assert_eq!((answer.status, answer.body.len()), (304, 0));
        assert_eq!(answer.header("etag"), Some("\"3\""));
    }
    assert_eq!(client.send("GET", path, &[("If-None-Match", "\"2\"")], b"").await.status, 200);
    let put = client.send("PUT", "/system/users/update", &[JSON, ("If-None-Match", "*")], b"{}").await;
    assert_eq!((put.status, put.code().as_str()), (400, "INVALID_REQUEST"));
    // Another document may come to fulfil the query, with the same version.
    assert_eq!(
        client.send("GET", "/system/users/get?name=x", &[("If-None-Match", &tag)], b"").await.status,
        200
    );
}

#[tokio::test]
async fn an_idempotency_key_goes_with_writes() {
    let (_server, mut client) = connected().await;
    let key = ("Idempotency-Key", "again");
    let answer = client.send("POST", "/system/users/insert", &[JSON, key], b"{}").await;
    assert_eq!(answer.json()["mutationId"], "again");
    assert_eq!(answer.header("idempotent-replayed"), Some("true"));
    let answer = client.send("POST", "/system/users/insert", &[JSON, ("Idempotency-Key", "k")], b"{}").await;
    assert_eq!(answer.header("idempotent-replayed"), None);
    let long = "x".repeat(256);
    for bad in [
        vec![key, key],
        vec![("Idempotency-Key", "")],
        vec![("Idempotency-Key", long.as_str())],
        vec![("Idempotency-Key", "é")],
    ] {
        let answer = client.send("POST", "/system/users/clear", &bad, b"").await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "INVALID_REQUEST"), "{bad:?}");
    }
    assert_eq!(client.send("GET", "/system/users/get", &[key], b"").await.status, 400);
}

#[tokio::test]
async fn a_new_document_has_a_place() {
    let (_server, mut client) = connected().await;
    let answer = client.post("/system/users/insert", &json!({})).await;
    assert_eq!(answer.header("location"), Some("get?_id=an%20id%2F1"));
    assert_eq!(answer.header("etag"), Some("\"3\""));
    assert_eq!(client.post("/system/users/upsert", &json!({})).await.header("location"), None);
}

#[tokio::test]
async fn large_answers_are_compressed_for_those_who_take_it() {
    let (_server, mut client) = connected().await;
    let path = "/system/users/get?do=big";
    let zipped = client.send("GET", path, &[("Accept-Encoding", "gzip, br")], b"").await;
    assert_eq!(zipped.header("content-encoding"), Some("gzip"));
    assert_eq!(zipped.header("vary"), Some("accept-encoding"));
    assert_eq!(zipped.header("etag"), Some("W/\"3\""));
    assert_eq!(&zipped.body[..2], b"\x1f\x8b");
    assert!(zipped.body.len() < big().len() / 3);
    for headers in [vec![], vec![("Accept-Encoding", "gzip;q=0")], vec![("Accept-Encoding", "identity")]] {
        let answer = client.send("GET", path, &headers, b"").await;
        assert_eq!(answer.header("content-encoding"), None);
        assert_eq!(answer.body, big());
    }
    let small = client.send("GET", "/system/users/get", &[("Accept-Encoding", "gzip")], b"").await;
    assert_eq!(small.header("content-encoding"), None);
    let server = start(HttpOptions::default().compression(false)).await;
    let answer = server.client().await.send("GET", path, &[("Accept-Encoding", "gzip")], b"").await;
    assert_eq!(answer.body, big());
}
