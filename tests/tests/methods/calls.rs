//! Methods over HTTP and from Rust.

use std::time::Duration;

use modeller::doors::http::HttpOptions;
use modeller::prelude::*;
use modeller_tests::http::Answer;
use serde_json::json;

use crate::{Fail, Ping, Register, ResetPassword, User, engine, faults, refused, served_with, start};

const JSON: (&str, &str) = ("Content-Type", "application/json");

#[tokio::test]
async fn a_method_is_called_at_its_route() {
    // RPC-01, RPC-02, RPC-09
    let server = start().await;
    let mut client = server.client().await;
    let answer = client.post("/system/users/resetPassword", &json!({ "email": "ada@example.org" })).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json(), json!({ "token": "for ada@example.org", "attempts": 1 }));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    // `3.0` is a whole number, as it is for models.
    let body = br#"{"email": "ada@example.org", "maxAttempts": 3.0}"#;
    let answer = client.send("POST", "/system/users/resetPassword", &[JSON], body).await;
    assert_eq!(answer.json()["attempts"], 3);
    let answer = client.post("/system/users/resetPasswort", &json!({})).await;
    refused(&answer, 404, "METHOD_NOT_FOUND");
    assert!(answer.json()["message"].as_str().unwrap().contains("did you mean `resetPassword`?"));
    assert_eq!(answer.json()["details"]["id"], "resetPasswort");
    let methods = answer.json()["details"]["methods"].clone();
    assert!(methods.as_array().unwrap().contains(&json!("resetPassword")), "{methods}");
    assert!(methods.as_array().unwrap().contains(&json!("insert")), "{methods}");
}

#[tokio::test]
async fn a_method_of_another_model_is_another_method() {
    let server = start().await;
    let mut client = server.client().await;
    let answer = client.post("/content/posts/ping", &json!({ "text": "hello" })).await;
    assert_eq!(answer.json(), "hello");
    refused(&client.post("/content/posts/resetPassword", &json!({})).await, 404, "METHOD_NOT_FOUND");
    let answer = client.post("/system/users/ping", &json!({})).await;
    assert_eq!(answer.json(), "pong for Anonymous");
}

#[tokio::test]
async fn another_http_method_is_refused_with_the_right_one() {
    // RPC-02
    let server = start().await;
    let mut client = server.client().await;
    for method in ["GET", "PUT", "DELETE", "PATCH"] {
        let answer = client.send(method, "/system/users/resetPassword", &[], b"").await;
        refused(&answer, 405, "METHOD_NOT_ALLOWED");
        assert_eq!(answer.header("allow"), Some("POST, OPTIONS"));
    }
    assert_eq!(client.send("OPTIONS", "/system/users/resetPassword", &[], b"").await.status, 204);
    let answer = client.post("/system/users/byRole", &json!({})).await;
    refused(&answer, 405, "METHOD_NOT_ALLOWED");
    assert_eq!(answer.header("allow"), Some("GET, HEAD, OPTIONS"));
}

#[tokio::test]
async fn all_faults_of_a_payload_are_told_at_once() {
    // SCH-17, SCH-18
    let server = start().await;
    let mut client = server.client().await;
    let answer = client
        .post(
            "/system/users/resetPassword",
            &json!({ "email": "nobody", "maxAttempts": 11, "sentBy": "x", "emial": "" }),
        )
        .await;
    refused(&answer, 400, "VALIDATION_ERROR");
    let expected = [
        ("", "additionalProperties"),
        ("/email", "format"),
        ("/maxAttempts", "maximum"),
        ("/sentBy", "minLength"),
    ];
    assert_eq!(faults(&answer), expected.map(|(path, keyword)| (path.to_owned(), keyword.to_owned())));
    let errors = answer.json()["errors"].as_array().unwrap().clone();
    let email = errors.iter().find(|error| error["instancePath"] == "/email").unwrap();
    assert_eq!(email["message"], "that is no address");
    let unknown = errors.iter().find(|error| error["instancePath"] == "").unwrap();
    assert_eq!(unknown["params"], json!({ "additionalProperty": "emial", "didYouMean": "email" }));
    let answer = client.post("/system/users/resetPassword", &json!({})).await;
    assert_eq!(faults(&answer), [(String::new(), "required".to_owned())]);
}

#[tokio::test]
async fn messages_of_their_own_are_told_of_a_payload_that_can_not_be_decoded_too() {
    // SCH-19
    let server = start().await;
    let mut client = server.client().await;
    let told = |answer: &Answer, path: &str| {
        let errors = answer.json()["errors"].as_array().unwrap().clone();
        let error = errors.iter().find(|error| error["instancePath"] == path).unwrap();
        error["message"].as_str().unwrap().to_owned()
    };
    // A struct whose numbers are no numbers.
    let answer =
        client.post("/system/users/resetPassword", &json!({ "email": "nobody", "maxAttempts": "x" })).await;
    assert_eq!(told(&answer, "/email"), "that is no address");
    assert_eq!(told(&answer, "/maxAttempts"), "must be integer");
    // A function, with names of its own on the wire, where one is missing altogether.
    let answer = client.post("/system/users/invite", &json!({ "guest-mail": "nobody", "seats": 9 })).await;
    assert_eq!(told(&answer, "/guest-mail"), "nobody can be reached there");
    assert_eq!(told(&answer, "/seats"), "there are eight seats");
    assert_eq!(told(&answer, ""), "must have required property 'note'");
    let answer = client.post("/system/users/invite", &json!({ "guest-mail": "a@b.org", "note": "" })).await;
    assert_eq!(faults(&answer), [("/note".to_owned(), "written".to_owned())]);
}

#[tokio::test]
async fn a_payload_without_required_fields_may_be_left_out() {
    let server = start().await;
    let mut client = server.client().await;
    assert_eq!(client.send("POST", "/system/users/ping", &[], b"").await.status, 200);
    assert_eq!(client.post("/system/users/ping", &json!({})).await.status, 200);
    for bad in [json!({ "a": 1 }), json!(null), json!([]), json!("x")] {
        refused(&client.post("/system/users/ping", &bad).await, 400, "VALIDATION_ERROR");
    }
    let answer = client.send("POST", "/system/users/resetPassword", &[], b"").await;
    refused(&answer, 400, "VALIDATION_ERROR");
    let answer = client.send("POST", "/system/users/ping?a=1", &[], b"").await;
    refused(&answer, 400, "INVALID_REQUEST");
}

#[tokio::test]
async fn an_error_of_a_handler_reaches_the_caller_as_it_is() {
    // RPC-05, RPC-11
    let server = start().await;
    let mut client = server.client().await;
    let mut fail = async |how: &str| client.post("/system/users/fail", &json!({ "how": how })).await;
    let answer = fail("quota").await;
    refused(&answer, 402, "QUOTA_EXCEEDED");
    assert_eq!(
        answer.json(),
        json!({ "code": "QUOTA_EXCEEDED", "message": "there is no money left", "status": 402, "field": "money" })
    );
    let answer = fail("missing").await;
    refused(&answer, 404, "NOT_FOUND");
    assert_eq!(answer.json()["details"], json!({ "thing": 1 }));
    refused(&fail("teapot").await, 418, "NOT_FOUND");
    assert_eq!(fail("not at all").await.json(), json!(null));
}

#[tokio::test]
async fn a_handler_that_panics_fails_that_call_alone() {
    let server = start().await;
    let (mut one, mut other) = (server.client().await, server.client().await);
    let waiting =
        tokio::spawn(async move { other.post("/system/users/fail", &json!({ "how": "slow" })).await.status });
    let answer = one.post("/system/users/fail", &json!({ "how": "panic" })).await;
    refused(&answer, 500, "INTERNAL_ERROR");
    let body = String::from_utf8(answer.body.clone()).unwrap();
    assert!(!body.contains("hunter") && !body.contains("panic") && !body.contains(".rs"), "{body}");
    assert_eq!(waiting.await.unwrap(), 200);
    assert_eq!(one.post("/system/users/ping", &json!({})).await.status, 200);
}

#[tokio::test]
async fn a_call_that_takes_too_long_is_given_up() {
    let options = HttpOptions::default().call_timeout(Duration::from_millis(700));
    let server = served_with(engine(&[]).await, options).await;
    let mut client = server.client().await;
    // By default it would take longer than the client has patience.
    refused(&client.post("/system/users/fail", &json!({ "how": "hang" })).await, 503, "OVERLOADED");
}

#[tokio::test]
async fn a_call_with_an_idempotency_key_has_its_effect_once() {
    let server = start().await;
    let mut client = server.client().await;
    let key = [JSON, ("Idempotency-Key", "k-1")];
    let body = br#"{"email":"ada@example.org"}"#;
    let first = client.send("POST", "/system/users/register", &key, body).await;
    assert_eq!((first.status, first.json()), (200, json!(1)), "{first:?}");
    assert_eq!(first.header("idempotent-replayed"), None);
    User::insert(&server.cx, User { email: "bob@example.org".into(), role: crate::Role::User })
        .await
        .unwrap();
    let again = client.send("POST", "/system/users/register", &key, body).await;
    assert_eq!((again.status, again.json()), (200, json!(1)));
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    let other = br#"{"email":"eve@example.org"}"#;
    refused(&client.send("POST", "/system/users/register", &key, other).await, 409, "CONFLICT");
    // What failed has had no effect, and may be tried again with the same key.
    let key = [JSON, ("Idempotency-Key", "k-2")];
    let failing = br#"{"email":"eve@example.org","then_fail":true}"#;
    refused(&client.send("POST", "/system/users/register", &key, failing).await, 409, "CONFLICT");
    assert_eq!(client.send("POST", "/system/users/register", &key, other).await.json(), json!(3));
    let answer = client.send("GET", "/system/users/everybody", &[("Idempotency-Key", "k")], b"").await;
    refused(&answer, 400, "INVALID_REQUEST");
}

#[tokio::test]
async fn a_condition_does_not_go_with_a_method() {
    let server = start().await;
    let mut client = server.client().await;
    let answer = client.send("POST", "/system/users/ping", &[("If-Match", "\"1\"")], b"").await;
    refused(&answer, 400, "INVALID_REQUEST");
}

#[tokio::test]
async fn a_method_is_called_from_rust_with_its_own_types() {
    // RPC-03
    let cx = start().await.cx;
    let reset = |email: &str| ResetPassword { email: email.into(), max_attempts: 2, sent_by: None };
    let token = cx.call(reset("ada@example.org")).await.unwrap();
    assert_eq!((token.token.as_str(), token.attempts), ("for ada@example.org", 2));
    let error = cx.call(reset("nobody")).await.unwrap_err();
    assert!(error.is(Code::ValidationError));
    assert_eq!(error.violations()[0].instance_path, "/email");
    assert_eq!(error.violations()[0].message, "that is no address");
    assert_eq!(cx.call(Ping {}).await.unwrap(), "pong for System");
    assert!(cx.call(Fail { how: "quota".into() }).await.unwrap_err().code() == "QUOTA_EXCEEDED");
}

#[tokio::test]
async fn a_method_is_called_from_rust_by_its_name() {
    // RPC-03
    let cx = start().await.cx;
    let token = cx
        .call_by_name("system/users", "resetPassword", json!({ "email": "ada@example.org" }))
        .await
        .unwrap();
    assert_eq!(token, json!({ "token": "for ada@example.org", "attempts": 1 }));
    let error = cx.call_by_name("system/users", "fly", json!({})).await.unwrap_err();
    assert!(error.is(Code::MethodNotFound));
    assert_eq!(error.details().unwrap()["id"], "fly");
    let error = cx.call_by_name("system/userz", "ping", json!({})).await.unwrap_err();
    assert!(error.is(Code::ModelNotFound) && error.message().contains("did you mean `system/users`?"));
    let error = cx.call_by_name("system/users", "resetPassword", json!({ "mail": 1 })).await.unwrap_err();
    assert!(error.is(Code::ValidationError) && error.violations().len() == 2, "{error:?}");
    let everybody = cx.call_by_name("system/users", "everybody", json!({})).await.unwrap();
    assert_eq!(everybody, json!([]));
}

#[tokio::test]
async fn what_a_method_writes_belongs_to_the_open_transaction() {
    let cx = start().await.cx;
    let result = cx
        .transaction(async |tx| {
            tx.call(Register { email: "ada@example.org".into(), then_fail: false }).await?;
            Err::<(), _>(Error::new(Code::Conflict, "no"))
        })
        .await;
    assert!(result.is_err());
    assert!(User::find().all(&cx).await.unwrap().is_empty());
}

#[tokio::test]
async fn the_names_of_what_a_model_does_are_listed() {
    // RPC-04, RPC-10, RTE-11: nobody wrote the list, each is found where it is declared.
    let cx = start().await.cx;
    assert_eq!(cx.methods_of::<User>(), ["fail", "invite", "ping", "register", "resetPassword"]);
    assert_eq!(cx.queries_of::<User>(), ["byRole", "everybody", "sneaky"]);
    assert_eq!(cx.events_of::<crate::Post>(), ["sendMessage"]);
    assert!(cx.events_of::<User>().is_empty());
}

impl User {
    /// A function of the model is one of its struct: it needs no registration, and its arguments have types.
    async fn find_by_email(cx: &Cx, email: &str) -> Result<Option<Doc<User>>> {
        User::find().filter(User::EMAIL.eq(email)).first(cx).await
    }
}

#[tokio::test]
async fn functions_of_a_model_are_those_of_its_struct() {
    // HOO-16
    let cx = start().await.cx;
    cx.call(Register { email: "ada@example.org".into(), then_fail: false }).await.unwrap();
    let ada = User::find_by_email(&cx, "ada@example.org").await.unwrap().unwrap();
    assert_eq!(ada.email, "ada@example.org");
    assert!(User::find_by_email(&cx, "bob@example.org").await.unwrap().is_none());
    // They are part of the transaction of their context.
    let found = cx
        .transaction(async |tx| {
            tx.call(Register { email: "bob@example.org".into(), then_fail: false }).await?;
            User::find_by_email(&tx, "bob@example.org").await
        })
        .await;
    assert!(found.unwrap().is_some());
}
