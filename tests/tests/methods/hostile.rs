//! Bad input to methods: typed answers, and nothing else.

use serde_json::{Value as Json, json};

use crate::{refused, start, url};

const JSON: (&str, &str) = ("Content-Type", "application/json");
const PATH: &str = "/system/users/resetPassword";

#[tokio::test]
async fn what_is_no_json_is_refused() {
    let server = start().await;
    let mut client = server.client().await;
    let deep = format!("{{\"email\":{}1{}}}", "[".repeat(100_000 / 4), "]".repeat(100_000 / 4));
    let bodies: &[&[u8]] = &[
        b"{",
        b"nope",
        b"{\"email\":\"a@b.co\",}",
        b"{\"email\":NaN}",
        b"{\"maxAttempts\":1e999}",
        b"{\"email\":\"\\ud800\"}",
        b"\xef\xbb\xbf{}",
        b"{\"email\":\"\xff\"}",
        b"{\"email\":\"a@b.co\",\"email\":\"c@d.co\"}",
        b"{\"email\":\"a\\u0000@b.co\"}",
        b" ",
        deep.as_bytes(),
    ];
    for body in bodies {
        let answer = client.send("POST", PATH, &[JSON], body).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (400, "PARSE_ERROR"),
            "{}",
            String::from_utf8_lossy(body)
        );
    }
    for body in ["null", "[]", "\"text\"", "5", "{}", r#"{"email":null}"#, r#"{"email":{"$gt":""}}"#] {
        let answer = client.send("POST", PATH, &[JSON], body.as_bytes()).await;
        refused(&answer, 400, "VALIDATION_ERROR");
        assert!(!answer.json()["errors"].as_array().unwrap().is_empty(), "{body}");
    }
}

#[tokio::test]
async fn numbers_are_never_rounded() {
    let server = start().await;
    let mut client = server.client().await;
    for number in ["256", "-1", "1.5", "9223372036854775808", "1e3", "0"] {
        let body = format!(r#"{{"email":"a@b.co","maxAttempts":{number}}}"#);
        refused(&client.send("POST", PATH, &[JSON], body.as_bytes()).await, 400, "VALIDATION_ERROR");
    }
    for number in ["2.0", "2e0", "20e-1", "2"] {
        let body = format!(r#"{{"email":"a@b.co","maxAttempts":{number}}}"#);
        assert_eq!(
            client.send("POST", PATH, &[JSON], body.as_bytes()).await.json()["attempts"],
            2,
            "{number}"
        );
    }
}

#[tokio::test]
async fn system_and_unknown_members_are_refused_by_name() {
    let server = start().await;
    let mut client = server.client().await;
    for name in ["_id", "__proto__", "constructor", "sent_by", "Email", "max_attempts"] {
        let mut body = json!({ "email": "a@b.co" });
        body[name] = json!(1);
        let answer = client.post(PATH, &body).await;
        refused(&answer, 400, "VALIDATION_ERROR");
        assert_eq!(answer.json()["errors"][0]["params"]["additionalProperty"], name);
    }
}

#[tokio::test]
async fn bodies_are_bounded_and_of_one_type() {
    let server = start().await;
    let mut client = server.client().await;
    let large = format!(r#"{{"email":"{}"}}"#, "a".repeat(70_000));
    refused(&client.send("POST", PATH, &[JSON], large.as_bytes()).await, 413, "PAYLOAD_TOO_LARGE");
    let mut client = server.client().await;
    let body = br#"{"email":"a@b.co"}"#;
    for headers in [
        &[][..],
        &[("Content-Type", "text/plain")],
        &[("Content-Type", "application/x-www-form-urlencoded")],
        &[JSON, ("Content-Encoding", "gzip")],
    ] {
        refused(&client.send("POST", PATH, headers, body).await, 415, "UNSUPPORTED_MEDIA_TYPE");
    }
    // A form of another site.
    let cross = [("Origin", "https://evil.example"), ("Sec-Fetch-Site", "cross-site")];
    refused(&client.send("POST", "/system/users/ping", &cross, b"").await, 403, "FORBIDDEN");
}

#[tokio::test]
async fn odd_names_are_typed_errors() {
    let server = start().await;
    let mut client = server.client().await;
    let long = "x".repeat(10_000);
    for name in [
        "resetpassword",
        "ResetPassword",
        "reset%50assword%00",
        "..%2f",
        "%ff",
        "@metadata",
        &long,
        "ping%2f",
        "píng",
    ] {
        let path = if name.is_ascii() {
            format!("/system/users/{name}")
        } else {
            format!("/system/users/{}", url(name))
        };
        let answer = client.post(&path, &json!({})).await;
        assert!((400..500).contains(&answer.status), "{name:.50} gave {}", answer.status);
        assert!(answer.body.len() < 2_000, "{name:.50}");
    }
    // A name may be encoded.
    let encoded = client.post("/system/users/reset%50assword", &json!({ "email": "a@b.co" })).await;
    assert_eq!(encoded.status, 200);
}

#[tokio::test]
async fn values_in_urls_are_decided_without_a_fault_of_ours() {
    let server = start().await;
    let mut client = server.client().await;
    let nested = url(&"[".repeat(5_000));
    let values = [
        "",
        "null",
        "true",
        "-",
        "-0",
        "1e999",
        "9223372036854775808",
        "{}",
        "[]",
        "\"",
        "\u{0}",
        "$gt",
        "[[",
        "'; --",
    ];
    for field in ["role", "atMost", "ratio", "active", "tags", "numbers", "place", "zip", "payload", "_id"] {
        for value in values.iter().map(|value| url(value)).chain([nested.clone()]) {
            for more in ["", "&role=user"] {
                let answer = client.get(&format!("/system/users/byRole?{field}={value}{more}")).await;
                assert!(answer.status < 500, "{field}={value:.40} gave {}", answer.status);
                if answer.status >= 400 {
                    assert_eq!(answer.json()["status"], Json::from(answer.status));
                }
            }
        }
    }
}
