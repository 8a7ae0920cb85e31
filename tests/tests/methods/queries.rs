//! Named queries.

use modeller::prelude::*;
use serde_json::json;

use crate::{ByRole, Everybody, Role, Server, Sneaky, User, faults, refused, start, url};

async fn with_users() -> Server {
    let server = start().await;
    for (email, role) in [("ada@example.org", Role::Admin), ("bob@example.org", Role::User)] {
        User::insert(&server.cx, User { email: email.into(), role }).await.unwrap();
    }
    server
}

#[tokio::test]
async fn a_query_is_asked_with_names_and_values() {
    // QRY-25, RPC-09
    let server = with_users().await;
    let mut client = server.client().await;
    let answer = client.get("/system/users/byRole?role=admin").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json()["emails"], json!(["ada@example.org"]));
    assert_eq!(client.send("HEAD", "/system/users/byRole?role=admin", &[], b"").await.status, 200);
    let answer = client.get("/system/users/everybody").await;
    assert_eq!(answer.json(), json!(["ada@example.org", "bob@example.org"]));
}

#[tokio::test]
async fn values_are_of_the_types_that_the_schema_says() {
    // SCH-20
    let server = with_users().await;
    let mut client = server.client().await;
    let place = url(r#"{"street":"Main","number":5.0}"#);
    let path = format!(
        "/system/users/byRole?role=user&atMost=5&ratio=0.5&active=true&tags=a&tags=5&numbers=7&place={place}&zip=01234"
    );
    let answer = client.get(&path).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(
        answer.json()["asked"],
        json!({
            "role": "user", "atMost": 5, "ratio": 0.5, "active": true, "tags": ["a", "5"], "numbers": [7],
            "place": { "street": "Main", "number": 5 }, "zip": "01234",
        })
    );
    let answer = client.get(&format!("/system/users/byRole?role=user&numbers={}", url("[1, 2]"))).await;
    assert_eq!(answer.json()["asked"]["numbers"], json!([1, 2]));
}

#[tokio::test]
async fn a_whole_payload_may_stand_in_the_url() {
    // SCH-20
    let server = with_users().await;
    let mut client = server.client().await;
    let payload = url(r#"{"role":"admin","tags":["x"]}"#);
    let answer = client.get(&format!("/system/users/byRole?payload={payload}")).await;
    assert_eq!(answer.json()["asked"]["tags"], json!(["x"]), "{answer:?}");
    let answer = client.get(&format!("/system/users/byRole?payload={payload}&role=user")).await;
    refused(&answer, 400, "INVALID_QUERY");
    refused(&client.get("/system/users/byRole?payload=%7B").await, 400, "PARSE_ERROR");
    let twice = url(r#"{"role":"admin","role":"user"}"#);
    refused(&client.get(&format!("/system/users/byRole?payload={twice}")).await, 400, "PARSE_ERROR");
}

#[tokio::test]
async fn only_what_the_payload_has_is_taken() {
    // SCH-20
    let server = with_users().await;
    let mut client = server.client().await;
    let answer = client.get("/system/users/byRole?rolle=admin&atMost=500&active=perhaps").await;
    refused(&answer, 400, "VALIDATION_ERROR");
    let found = faults(&answer);
    for expected in
        [("", "additionalProperties"), ("", "required"), ("/atMost", "maximum"), ("/active", "type")]
    {
        assert!(found.contains(&(expected.0.into(), expected.1.into())), "{expected:?} in {found:?}");
    }
    refused(&client.get("/system/users/byRole?role=admin&role=user").await, 400, "INVALID_QUERY");
    refused(&client.get("/system/users/byRole?role=admin&place=%7B").await, 400, "PARSE_ERROR");
    refused(&client.get("/system/users/byRole?role=%ZZ").await, 400, "INVALID_REQUEST");
    let answer =
        client.send("GET", "/system/users/everybody", &[("Content-Type", "application/json")], b"{}").await;
    refused(&answer, 400, "INVALID_REQUEST");
    refused(&client.get("/system/users/everybody?select=1").await, 400, "VALIDATION_ERROR");
}

#[tokio::test]
async fn a_query_is_asked_from_rust() {
    // QRY-26
    let server = with_users().await;
    assert_eq!(server.cx.query(Everybody {}).await.unwrap().len(), 2);
    let by_role = |at_most| ByRole {
        role: Role::Admin,
        at_most,
        ratio: None,
        active: None,
        tags: vec![],
        numbers: vec![],
        place: None,
        zip: None,
    };
    assert_eq!(server.cx.query(by_role(None)).await.unwrap()["emails"], json!(["ada@example.org"]));
    let error = server.cx.query(by_role(Some(101))).await.unwrap_err();
    assert!(error.is(Code::ValidationError));
    assert_eq!(error.violations()[0].instance_path, "/atMost");
    // In a transaction it sees what is written there.
    let counted = server
        .cx
        .transaction(async |tx| {
            User::insert(&tx, User { email: "eve@example.org".into(), role: Role::User }).await?;
            tx.query(Everybody {}).await
        })
        .await;
    assert_eq!(counted.unwrap().len(), 3);
}

#[tokio::test]
async fn a_query_that_writes_is_refused() {
    let server = with_users().await;
    let mut client = server.client().await;
    for how in ["insert", "transaction", "method"] {
        let error = server.cx.query(Sneaky { how: how.into() }).await.unwrap_err();
        assert!(
            error.is(Code::InternalError) && error.message().contains("a query only reads"),
            "{how}: {error}"
        );
        refused(&client.get(&format!("/system/users/sneaky?how={how}")).await, 500, "INTERNAL_ERROR");
    }
    assert_eq!(User::find().all(&server.cx).await.unwrap().len(), 2);
}
