//! References between documents hold: on insert, on update, on delete, on restore.

use super::*;

/// Who writes.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "blog", name = "authors", trash = "1h")]
pub struct Author {
    #[model(unique)]
    pub email: String,
    #[model(references = Author)]
    pub boss: Option<String>,
}

/// What is written.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[serde(rename_all = "camelCase")]
#[model(scope = "blog", name = "posts")]
pub struct Post {
    pub author: Ref<Author>,
    #[model(references = Author::EMAIL)]
    pub reply_to: Option<String>,
    #[serde(default)]
    pub readers: Vec<Ref<Author>>,
}

async fn blog() -> (Server, Client, String) {
    let server = start::<(Author, Post)>().await;
    let mut client = server.client().await;
    let author = client.post("/blog/authors/insert", &json!({"email": "a@b.c"})).await.json();
    (server, client, author["_id"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn what_is_referred_to_exists() {
    // SCH-15
    let (server, mut client, id) = blog().await;
    let insert = "/blog/posts/insert";
    let good = client.post(insert, &json!({"author": id, "replyTo": "a@b.c", "readers": [id, id]})).await;
    assert_eq!(good.status, 201, "{}", good.json());
    let bad = json!({"author": "none", "replyTo": "x@b.c", "readers": [id, "no", "no", "none"]});
    let answer = client.post(insert, &bad).await;
    refused(&answer, 400, "VALIDATION_ERROR");
    let errors = answer.json()["errors"].clone();
    let places: Vec<&Json> = errors.as_array().unwrap().iter().map(|one| &one["instancePath"]).collect();
    assert_eq!(places, ["/author", "/replyTo", "/readers/1", "/readers/3"]);
    assert_eq!(errors[1]["keyword"], "model");
    assert_eq!(errors[1]["params"], json!({"model": "blog/authors", "field": "email"}));
    let post = good.json()["_id"].as_str().unwrap().to_owned();
    let answer = client.put(&format!("/blog/posts/update?_id={post}"), &json!({"author": "none"})).await;
    refused(&answer, 400, "VALIDATION_ERROR");
    // What lies in the trash does not exist.
    let other = Author::insert(&server.cx, Author { email: "o@b.c".into(), boss: None }).await.unwrap();
    Author::delete(&server.cx, &other.id).await.unwrap();
    let answer = client.post(insert, &json!({"author": other.id})).await;
    refused(&answer, 400, "VALIDATION_ERROR");
    assert_eq!(client.get("/blog/posts/count").await.json(), 1);
    // Published for clients, too.
    let schema = &Post::descriptor().shape().schema["properties"];
    assert_eq!(
        (&schema["author"]["model"], &schema["replyTo"]["model"]),
        (&json!("blog/authors"), &json!("blog/authors.email"))
    );
}

#[tokio::test]
async fn what_is_referred_to_stays() {
    // SCH-15
    let (server, mut client, id) = blog().await;
    client.post("/blog/posts/insert", &json!({"author": id, "replyTo": "a@b.c"})).await;
    let delete = format!("/blog/authors/delete?_id={id}");
    let answer = client.delete(&delete).await;
    refused(&answer, 409, "REFERENCED");
    assert_eq!(answer.json()["details"]["model"], "blog/posts");
    refused(&client.delete("/blog/authors/delete?boss[exists]=false").await, 409, "REFERENCED");
    refused(&client.send("POST", "/blog/authors/clear", &[], b"").await, 409, "REFERENCED");
    // The value that is named can't be taken away either; others can.
    let update = format!("/blog/authors/update?_id={id}");
    refused(&client.put(&update, &json!({"email": "new@b.c"})).await, 409, "REFERENCED");
    assert_eq!(client.put(&update, &json!({"boss": id})).await.status, 200);
    client.send("POST", "/blog/posts/clear", &[], b"").await;
    assert_eq!(client.put(&update, &json!({"email": "new@b.c"})).await.status, 200);
    // A document that names itself holds nobody, and neither does an empty list.
    let spare = Author::insert(&server.cx, Author { email: "s@b.c".into(), boss: None }).await.unwrap();
    client.post("/blog/posts/insert", &json!({"author": spare.id, "readers": []})).await;
    assert_eq!(client.delete(&delete).await.status, 200);
    client.send("POST", "/blog/posts/clear", &[], b"").await;
    // References among those that go together do not keep them.
    let child = json!({"email": "c@b.c", "boss": spare.id});
    client.post("/blog/authors/insert", &child).await;
    refused(&client.delete("/blog/authors/delete?email=s@b.c").await, 409, "REFERENCED");
    let both = client.delete("/blog/authors/delete?email[endsWith]=b.c").await;
    assert_eq!(both.json().as_array().map(Vec::len), Some(2), "{}", both.json());
    // And nothing comes back to refer to what is gone.
    let answer = client.send("POST", "/blog/authors/restore?email=c@b.c", &[], b"").await;
    refused(&answer, 400, "VALIDATION_ERROR");
}

#[tokio::test]
async fn a_long_list_of_references_is_checked_in_little_time() {
    let (_server, mut client, id) = blog().await;
    let many: Vec<String> = (0..20_000).map(|n| format!("none-{n}")).collect();
    let begun = std::time::Instant::now();
    let answer = client.post("/blog/posts/insert", &json!({"author": id, "readers": many})).await;
    refused(&answer, 400, "VALIDATION_ERROR");
    assert!(answer.json()["errors"].as_array().unwrap().len() <= 100);
    assert!(begun.elapsed().as_secs() < 8, "it took {:?}", begun.elapsed());
}

/// A member of staff.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "faults", name = "staff")]
pub struct Staff {
    #[model(unique)]
    pub number: i64,
    #[model(unique, private)]
    pub badge: Option<String>,
}

/// What refers to them in ways that can't be.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "faults", name = "visits")]
pub struct Visit {
    #[model(references = Staff::BADGE)]
    pub badge: Option<String>,
    #[model(references = Staff)]
    pub guides: Option<Vec<i64>>,
    #[model(references = Staff::NUMBER)]
    pub numbers: Vec<i64>,
    #[model(references = Staff)]
    pub guards: Vec<String>,
}

#[test]
fn a_reference_that_tells_secrets_or_never_fits_is_a_fault() {
    let faults = Registry::of(&<(Staff, Visit)>::descriptors()).unwrap_err();
    let messages: Vec<&str> = faults.iter().map(|fault| fault.message()).collect();
    assert_eq!(messages.len(), 2, "{faults}");
    assert!(messages[0].contains("`Visit.badge` refers to `Staff.badge`, which is private"), "{faults}");
    assert!(messages[1].contains("`Visit.guides` refers to `Staff._id`, which has another type"), "{faults}");
}
