//! What bad writes get: a refusal by name, and nothing of them is kept.

use super::references::{Author, Post};
use super::*;

const USERS: &str = "/system/users";
const JSON: (&str, &str) = ("Content-Type", "application/json");

async fn guarded() -> (Server, Client) {
    let server = start::<(User, Product, Author, Post)>().await;
    User::insert(&server.cx, User { age: Some(36), ..User::new("ada@b.c") }).await.unwrap();
    let client = server.client().await;
    (server, client)
}

async fn unharmed(client: &mut Client) {
    let all = client.get(&format!("{USERS}/list")).await.json();
    assert_eq!((all[0]["email"].as_str(), all[0]["_version"].as_i64()), (Some("ada@b.c"), Some(1)));
    assert_eq!(all.as_array().map(Vec::len), Some(1), "{all}");
}

#[tokio::test]
async fn malformed_json_is_refused_wherever_it_comes_in() {
    let (_server, mut client) = guarded().await;
    let deep = format!("{{\"email\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let bodies: Vec<(&[u8], bool)> = vec![
        (b"", false),
        (b"null", false),
        (b"[]", false),
        (b"\"x\"", false),
        (b"1", false),
        (b"{", true),
        (b"{,}", true),
        (b"{\"email\":\"a@b.c\",}", true),
        (b"{\"email\":\"a@b.c\"} x", true),
        (b"{\"email\":\"a@b.c\"}{}", true),
        (b"{'email':'a@b.c'}", true),
        (b"{\"email\":\"a@b.c\",\"age\":NaN}", true),
        (b"{\"email\":\"a@b.c\",\"age\":Infinity}", true),
        (b"{\"email\":\"a@b.c\",\"age\":1e999}", true),
        (b"{\"email\":\"a@b.c\",\"age\":9223372036854775808}", false),
        (b"{\"email\":\"a@b.c\",\"age\":0.1}", false),
        (b"{\"email\":\"a@b.c\",\"age\":01}", true),
        (b"{\"email\":\"a@b.c\",\"age\":+1}", true),
        (b"{\"email\":\"a@b.c\",\"age\":\"1\"}", false),
        (b"{\"email\":\"\\ud800@b.c\"}", true),
        (b"{\"email\":\"\\udc00\\ud800@b.c\"}", true),
        (b"{\"email\":\"a@b.c\",\"fullName\":\"a\\u0000b\"}", false),
        (b"\xef\xbb\xbf{\"email\":\"a@b.c\"}", true),
        (b"{\"email\":\"\xff@b.c\"}", true),
        (b"{\"email\":\"\xc0\xaf@b.c\"}", true),
        (b"{\"email\":\"a@b.c\",\"email\":\"b@b.c\"}", true),
        (b"{\"email\":\"a@b.c\",\"e\\u006dail\":\"b@b.c\"}", true),
        (b"{\"email\":\"a@b.c\",\"fullName\":\"tab\there\"}", true),
        (deep.as_bytes(), true),
    ];
    for (method, route) in
        [("POST", "insert"), ("PUT", "update?email=ada@b.c"), ("POST", "upsert"), ("POST", "batch")]
    {
        for (body, is_syntax) in &bodies {
            let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
            let answer = client.send(method, &format!("{USERS}/{route}"), &[JSON], body).await;
            typed(&shown, &answer);
            // `[]` and the like are JSON, but no document.
            assert_eq!(answer.status, 400, "{route} {shown} gave {}", answer.json());
            if *is_syntax {
                assert_eq!(answer.code(), "PARSE_ERROR", "{route} {shown}");
            }
        }
    }
    let batched = json!({"operations": [{"op": "insert", "data": {"email": "a@b.c"}}]}).to_string();
    let twice = batched.replace("{\"email\":\"a@b.c\"}", "{\"email\":\"a@b.c\",\"email\":\"a@b.c\"}");
    let answer = client.send("POST", &format!("{USERS}/batch"), &[JSON], twice.as_bytes()).await;
    refused(&answer, 400, "PARSE_ERROR");
    // Minus nothing is nothing.
    let zero =
        client.send("POST", &format!("{USERS}/insert"), &[JSON], b"{\"email\":\"z@b.c\",\"age\":-0}").await;
    assert_eq!(zero.json()["age"], 0);
    client.delete(&format!("{USERS}/delete?email=z@b.c")).await;
    unharmed(&mut client).await;
}

#[tokio::test]
async fn a_patch_that_finds_nothing_is_checked_all_the_same() {
    let (_server, mut client) = guarded().await;
    let nobody = format!("{USERS}/update?age=99");
    for (patch, status) in [
        ("{\"age\":", 400),
        ("[]", 400),
        ("{\"email\":\"no address\"}", 400),
        ("{\"nick\":1}", 400),
        ("{\"_id\":\"x\"}", 400),
        ("{\"age\":1}", 200),
    ] {
        let answer = client.send("PUT", &nobody, &[JSON], patch.as_bytes()).await;
        assert_eq!(answer.status, status, "{patch}");
    }
    unharmed(&mut client).await;
}

#[tokio::test]
async fn nobody_sets_what_is_the_frameworks_own() {
    let (_server, mut client) = guarded().await;
    let members = [
        "_id",
        "_version",
        "_createdAt",
        "_updatedAt",
        "_deletedAt",
        "_expiresAt",
        "id",
        "full_name",
        "nothing",
        "__proto__",
        "constructor",
        "$sett",
        "email.x",
    ];
    for member in members {
        for value in [json!(1), json!("x"), json!(null), json!({"a": 1})] {
            let mut document = json!({"email": "new@b.c"});
            document[member] = value.clone();
            let patch = json!({ member: value });
            let batch = |op: &str, data: &Json| match op {
                "update" => json!({"operations": [{"op": op, "query": {"email": "ada@b.c"}, "data": data}]}),
                _ => json!({"operations": [{"op": op, "data": data}]}),
            };
            for answer in [
                client.post(&format!("{USERS}/insert"), &document).await,
                client.post(&format!("{USERS}/upsert"), &document).await,
                client.put(&format!("{USERS}/update?email=ada@b.c"), &patch).await,
                client.post(&format!("{USERS}/batch"), &batch("insert", &document)).await,
                client.post(&format!("{USERS}/batch"), &batch("update", &patch)).await,
                client.post(&format!("{USERS}/batch"), &batch("upsert", &document)).await,
            ] {
                refused(&answer, 400, "VALIDATION_ERROR");
                let error = &answer.json()["errors"][0];
                assert_eq!(error["keyword"], "additionalProperties", "{member}");
                assert_eq!(error["params"]["additionalProperty"], member);
            }
        }
    }
    unharmed(&mut client).await;
}

#[tokio::test]
async fn batches_are_bounded_and_whole_or_nothing() {
    let (_server, mut client) = guarded().await;
    let batch = format!("{USERS}/batch");
    let insert = |n: usize| json!({"op": "insert", "data": {"email": format!("{n}@b.c")}});
    let many: Vec<Json> = (0..1_001).map(|_| json!({"op": "count"})).collect();
    let mut failing: Vec<Json> = (0..50).map(insert).collect();
    failing.push(insert(0));
    for (body, status, code) in [
        (json!({"operations": many}), 400, "INVALID_REQUEST"),
        (json!({"operations": []}), 400, "INVALID_REQUEST"),
        (json!({"operations": {}}), 400, "INVALID_REQUEST"),
        (json!({"operations": [[]]}), 400, "INVALID_REQUEST"),
        (json!({"operations": [{"op": "insert"}]}), 400, "INVALID_REQUEST"),
        (json!({"operations": [{"op": "drop"}]}), 400, "INVALID_REQUEST"),
        (json!({"operations": [{"op": "clear"}]}), 400, "INVALID_REQUEST"),
        (json!({"operations": [{"op": "batch", "data": {"operations": []}}]}), 400, "INVALID_REQUEST"),
        (json!({"operations": [{"op": "count", "data": {}}]}), 400, "INVALID_REQUEST"),
        (json!({"operations": [{"op": "count", "model": "shop/products"}]}), 400, "INVALID_REQUEST"),
        (json!({"operations": [{"op": "get", "version": 1}]}), 400, "INVALID_REQUEST"),
        (json!({"operations": [{"op": "update", "data": {"age": 1}}]}), 400, "INVALID_QUERY"),
        (json!({"operations": [{"op": "count"}], "more": 1}), 400, "INVALID_REQUEST"),
        (json!({"operations": failing}), 409, "UNIQUE_VIOLATION"),
        (
            json!({"operations": [insert(1), {"op": "update", "query": {"email": "none@b.c"}, "data": {"age": 1}}]}),
            404,
            "NOT_FOUND",
        ),
        (
            json!({"operations": [insert(1), {"op": "insert", "data": {"email": "x"}}]}),
            400,
            "VALIDATION_ERROR",
        ),
        (
            json!({"operations": [insert(1), {"op": "update", "query": {"email": "ada@b.c"}, "data": {"age": 1}, "version": 7}]}),
            409,
            "CONFLICT",
        ),
        (
            json!({"operations": [insert(1), {"op": "delete", "query": {"email": "ada@b.c"}}, {"op": "get", "query": {"nothing": 1}}]}),
            400,
            "INVALID_QUERY",
        ),
    ] {
        let answer = client.post(&batch, &body).await;
        typed(&body.to_string(), &answer);
        refused(&answer, status, code);
        if let Some(index) = answer.json()["details"]["index"].as_u64() {
            assert_eq!(index as usize, body["operations"].as_array().unwrap().len() - 1);
        }
    }
    unharmed(&mut client).await;
    let thousand: Vec<Json> = (0..1_000).map(insert).collect();
    let answer = client.post(&batch, &json!({"operations": thousand})).await;
    assert_eq!(answer.json()["results"].as_array().map(Vec::len), Some(1_000));
}

#[tokio::test]
async fn keys_versions_and_references_are_what_they_say() {
    let (server, mut client) = guarded().await;
    let update = format!("{USERS}/update?email=ada@b.c");
    for tag in ["\"x\"", "\"\"", "\"-1\"", "\"1\", \"2\"", "\"99999999999999999999\""] {
        let answer = client.send("PUT", &update, &[JSON, ("If-Match", tag)], b"{\"age\":1}").await;
        typed(tag, &answer);
        assert!([400, 412].contains(&answer.status), "{tag} gave {}", answer.status);
    }
    for key in ["", " ", &"k".repeat(256), "a\tb"] {
        let answer = client.send("PUT", &update, &[JSON, ("Idempotency-Key", key)], b"{\"age\":1}").await;
        typed(key, &answer);
        assert_eq!(answer.status, 400, "{key:?}");
    }
    for reference in ["", "none", "../x", "ada@b.c", &"x".repeat(300)] {
        let answer = client.post("/blog/posts/insert", &json!({"author": reference})).await;
        refused(&answer, 400, "VALIDATION_ERROR");
    }
    // The id of a document of another model is none of this one.
    let user = User::find().first(&server.cx).await.unwrap().unwrap();
    refused(&client.post("/blog/posts/insert", &json!({"author": user.id})).await, 400, "VALIDATION_ERROR");
    // Two that refer to each other can't be torn apart, but go together.
    let a = Author::insert(&server.cx, Author { email: "a@b.c".into(), boss: None }).await.unwrap();
    let b = json!({"email": "b@b.c", "boss": a.id});
    let b = client.post("/blog/authors/insert", &b).await.json();
    client.put("/blog/authors/update?email=a@b.c", &json!({"boss": b["_id"]})).await;
    refused(&client.delete("/blog/authors/delete?email=a@b.c").await, 409, "REFERENCED");
    assert_eq!(client.delete("/blog/authors/delete?email[contains]=@").await.status, 200);
    assert_eq!(client.get("/blog/authors/count").await.json(), 0);
    unharmed(&mut client).await;
}

/// A list that no two documents share.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "lab", name = "sets")]
pub struct Set {
    #[model(unique)]
    pub members: Vec<String>,
    pub seen: Option<i64>,
}

#[tokio::test]
async fn an_element_of_a_unique_list_names_no_single_document() {
    let server = start::<(Set,)>().await;
    let mut client = server.client().await;
    for members in [json!(["a", "b"]), json!(["a", "c"])] {
        assert_eq!(client.post("/lab/sets/insert", &json!({"members": members})).await.status, 201);
    }
    refused(&client.post("/lab/sets/insert", &json!({"members": ["a", "b"]})).await, 409, "UNIQUE_VIOLATION");
    let both = client.put("/lab/sets/update?members=a", &json!({"seen": 1})).await;
    assert_eq!(both.json().as_array().map(Vec::len), Some(2), "{}", both.json());
    refused(&client.post("/lab/sets/upsert", &json!({"members": ["a", "b"]})).await, 400, "INVALID_QUERY");
    assert_eq!(client.delete("/lab/sets/delete?members=a").await.json().as_array().map(Vec::len), Some(2));
}
