//! The door in front of the real pipeline.

use modeller::app::App;
use modeller::doors::http::{HttpOptions, Method, Route, RouteCx, serve};
use modeller::prelude::*;
use modeller_tests::http::Client;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// Somebody who can sign in.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "system", name = "accounts", trash = "1h")]
pub struct Account {
    /// Where they get mail.
    #[validate(email)]
    #[model(unique)]
    pub email: String,
    /// How old they are.
    pub age: Option<i64>,
    /// What they prove themselves with.
    #[model(private)]
    pub password: Option<String>,
}

async fn adults(cx: RouteCx) -> Result<Value> {
    let least = cx.param_as::<i64>("age")?;
    let found =
        Account::find().filter(Account::AGE.gte(least)).order_by(Account::EMAIL.asc()).all(&cx).await?;
    Ok(found.iter().map(|account| account.email.clone()).collect())
}

async fn client() -> Client {
    let app = App::isolated().models::<(Account,)>().route(Route::new(Method::GET, "/adults/{age}", adults));
    let router = app.router().await.expect("the application starts");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(
        async move { serve(listener, router, &HttpOptions::default(), std::future::pending()).await },
    );
    Client::connect(address).await
}

const BASE: &str = "/system/accounts";

#[tokio::test]
async fn a_document_lives_its_life_over_http() {
    // HTT-01, HTT-02, HTT-11
    let mut client = client().await;
    let answer =
        client.post(&format!("{BASE}/insert"), &json!({"email": "a@b.c", "age": 3, "password": "x"})).await;
    assert_eq!((answer.status, answer.header("etag")), (201, Some("\"1\"")));
    let inserted = answer.json();
    assert_eq!(inserted["password"], Value::Null);
    let id = inserted["_id"].as_str().unwrap().to_owned();
    let place = format!("{BASE}/{}", answer.header("location").unwrap());
    assert_eq!(place, format!("{BASE}/get?_id={id}"));
    let answer = client.get(&place).await;
    assert_eq!((answer.json(), answer.header("etag")), (inserted, Some("\"1\"")));
    assert_eq!(client.send("GET", &place, &[("If-None-Match", "\"1\"")], b"").await.status, 304);

    let update = format!("{BASE}/update?_id={id}");
    let json = ("Content-Type", "application/json");
    let answer = client.send("PUT", &update, &[json, ("If-Match", "\"1\"")], b"{\"age\":4}").await;
    assert_eq!((answer.status, answer.header("etag")), (200, Some("\"2\"")));
    let answer = client.send("PUT", &update, &[json, ("If-Match", "\"1\"")], b"{\"age\":5}").await;
    assert_eq!((answer.status, answer.code().as_str()), (412, "CONFLICT"));
    assert_eq!(client.get(&format!("{BASE}/count?age=4")).await.json(), json!(1));
    assert_eq!(
        client.get(&format!("{BASE}/list?query=%7B%22age%22%3A%7B%22%24gt%22%3A3%7D%7D")).await.json()[0]["_id"],
        id
    );
    assert_eq!(
        client.post(&format!("{BASE}/find"), &json!({"query": {"age": 4}})).await.json()[0]["_id"],
        id
    );

    let delete = format!("{BASE}/delete?_id={id}");
    let answer = client.send("DELETE", &delete, &[("If-Match", "\"1\"")], b"").await;
    assert_eq!(answer.status, 412);
    assert_eq!(client.delete(&delete).await.json()["_id"], id);
    assert_eq!(client.get(&place).await.json(), Value::Null);
    assert_eq!(client.delete(&delete).await.code(), "NOT_FOUND");
    let answer = client.send("POST", &format!("{BASE}/restore?_id={id}"), &[], b"").await;
    assert_eq!(answer.json()["_id"], id);
    assert_eq!(client.send("POST", &format!("{BASE}/clear"), &[], b"").await.json(), json!({"deleted": 1}));
}

#[tokio::test]
async fn a_condition_needs_one_document() {
    let mut client = client().await;
    let any = ("If-Match", "*");
    let json = ("Content-Type", "application/json");
    let get = format!("{BASE}/get?email=a@b.c");
    let answer = client.send("GET", &get, &[any], b"").await;
    assert_eq!((answer.status, answer.code().as_str()), (412, "CONFLICT"));
    assert_eq!(
        client.post(&format!("{BASE}/insert"), &json!({"email": "a@b.c", "age": 3})).await.status,
        201
    );
    assert_eq!(client.send("GET", &get, &[any], b"").await.status, 200);
    for tag in ["*", "\"1\""] {
        let condition = ("If-Match", tag);
        for query in ["age=3", "age=9"] {
            let update = format!("{BASE}/update?{query}");
            let answer = client.send("PUT", &update, &[json, condition], b"{\"age\":4}").await;
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (412, "PRECONDITION_FAILED"),
                "{tag} {query}"
            );
            let answer = client.send("DELETE", &format!("{BASE}/delete?{query}"), &[condition], b"").await;
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (412, "PRECONDITION_FAILED"),
                "{tag} {query}"
            );
        }
    }
    let update = format!("{BASE}/update?email=a@b.c");
    assert_eq!(client.send("PUT", &update, &[json, any], b"{\"age\":4}").await.status, 200);
    let nobody = format!("{BASE}/update?email=b@b.c");
    assert_eq!(client.send("PUT", &nobody, &[json, any], b"{\"age\":4}").await.status, 404);
}

#[tokio::test]
async fn a_retry_with_its_key_has_its_effect_once() {
    let mut client = client().await;
    let headers = [("Content-Type", "application/json"), ("Idempotency-Key", "k1")];
    let insert = format!("{BASE}/insert");
    let first = client.send("POST", &insert, &headers, b"{\"email\":\"a@b.c\"}").await;
    let again = client.send("POST", &insert, &headers, b"{\"email\":\"a@b.c\"}").await;
    assert_eq!((first.status, first.header("idempotent-replayed")), (201, None));
    assert_eq!((again.status, again.header("idempotent-replayed")), (201, Some("true")));
    assert_eq!(first.body, again.body);
    assert_eq!(
        (first.header("etag"), first.header("location")),
        (again.header("etag"), again.header("location"))
    );
    let other = client.send("POST", &insert, &headers, b"{\"email\":\"x@b.c\"}").await;
    assert_eq!((other.status, other.code().as_str()), (409, "CONFLICT"));
    assert_eq!(client.get(&format!("{BASE}/count")).await.json(), json!(1));
}

#[tokio::test]
async fn a_custom_route_works_with_the_models() {
    // HTT-04
    let mut client = client().await;
    for (email, age) in [("c@b.c", 20), ("a@b.c", 30), ("b@b.c", 10)] {
        client.post(&format!("{BASE}/insert"), &json!({"email": email, "age": age})).await;
    }
    assert_eq!(client.get("/adults/18").await.json(), json!(["a@b.c", "c@b.c"]));
}

#[tokio::test]
async fn pages_of_documents_follow_their_cursors() {
    let mut client = client().await;
    for n in 0..5 {
        client.post(&format!("{BASE}/insert"), &json!({"email": format!("{n}@b.c")})).await;
    }
    let mut emails = Vec::new();
    let mut cursor = String::new();
    loop {
        let answer = client.get(&format!("{BASE}/list?count=2&sort=-email&after={cursor}")).await;
        emails.extend(answer.json().as_array().unwrap().iter().map(|row| row["email"].clone()));
        match answer.header("next-cursor") {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(emails, ["4@b.c", "3@b.c", "2@b.c", "1@b.c", "0@b.c"]);
}

#[tokio::test]
async fn nothing_hostile_gives_a_server_error() {
    let mut client = client().await;
    let json = ("Content-Type", "application/json");
    let long = format!("[{}]", "[".repeat(100_000));
    let bodies: [&[u8]; 18] = [
        b"",
        b"null",
        b"[]",
        b"\"x\"",
        b"{,}",
        b"{\"email\":\"a@b.c\",}",
        b"{\"email\":\"a@b.c\",\"age\":NaN}",
        b"{\"email\":\"a@b.c\",\"age\":1e999}",
        b"{\"email\":\"a@b.c\",\"age\":9223372036854775808}",
        b"{\"email\":\"\\ud800@b.c\"}",
        b"\xef\xbb\xbf{}",
        b"{\"email\":\"\xff\"}",
        b"{\"email\":\"a@b.c\",\"email\":\"b@b.c\"}",
        b"{\"email\":\"a@b.c\",\"_id\":\"x\"}",
        b"{\"email\":\"a@b.c\",\"_version\":7}",
        b"{\"email\":\"a@b.c\",\"nothing\":1}",
        b"{\"query\":{\"password\":\"x\"}}",
        long.as_bytes(),
    ];
    for (method, operation) in
        [("POST", "insert"), ("PUT", "update?age=1"), ("POST", "upsert"), ("POST", "find"), ("POST", "batch")]
    {
        for body in bodies {
            let answer = client.send(method, &format!("{BASE}/{operation}"), &[json], body).await;
            assert!(answer.status < 500, "{operation} {body:.60?} gave {}", answer.status);
            if answer.status >= 400 {
                assert!(!answer.code().is_empty());
            }
        }
    }
    let queries = [
        "count=-1",
        "count=1000000000",
        "start=9223372036854775808",
        "count=abc",
        "count=",
        "sort=nothing",
        "sort=",
        "fields=password",
        "fields=",
        "after=x",
        "after=%00",
        "query=",
        "query=null",
        "query=[]",
        "query=%7B",
        "query=%7B%22%24where%22%3A1%7D",
        "password=x",
        "nothing=1",
        "age=x",
        "_id=..%2F..",
        "_id=%00",
        "=",
        "=1",
        "email=%27%3B+DROP+TABLE+system_accounts%3B--",
        "query=%7B%22age%22%3A%7B%22%24like%22%3A1%7D%7D",
    ];
    for operation in ["get", "list", "paginate", "first", "last", "count"] {
        for query in queries {
            let answer = client.get(&format!("{BASE}/{operation}?{query}")).await;
            assert!(answer.status < 500, "{operation}?{query} gave {}", answer.status);
            if answer.status >= 400 {
                assert!(!answer.code().is_empty());
            }
        }
    }
    let long = client.get(&format!("{BASE}/get?_id={}", "x".repeat(10_000))).await;
    assert!(long.status < 500);
    assert_eq!(client.get(&format!("{BASE}/count")).await.status, 200);
}
