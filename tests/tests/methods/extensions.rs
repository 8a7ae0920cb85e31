//! Models that are mounted on others.

use modeller::__private::{Descriptor, Field, site};
use modeller::app::App;
use modeller::prelude::*;
use modeller::registry::Registry;
use serde_json::json;

use crate::{Comment, Post, User, descriptors, engine, refused, served};

#[tokio::test]
async fn an_extension_is_served_below_its_parent_and_at_its_own_path() {
    // RPC-06, RPC-07, RPC-08
    let engine =
        engine(&[(User::descriptor(), Post::descriptor()), (Post::descriptor(), Comment::descriptor())])
            .await;
    let server = served(engine).await;
    let mut client = server.client().await;
    let made = client.post("/system/users/posts/insert", &json!({ "title": "below" })).await;
    assert_eq!(made.status, 201);
    let id = made.json()["_id"].as_str().unwrap().to_owned();
    for place in ["/system/users/posts", "/content/posts"] {
        assert_eq!(client.get(&format!("{place}/get?_id={id}")).await.json()["title"], "below");
        assert_eq!(client.post(&format!("{place}/ping"), &json!({ "text": "a" })).await.json(), "a");
        refused(
            &client.post(&format!("{place}/insert"), &json!({ "titel": "" })).await,
            400,
            "VALIDATION_ERROR",
        );
        refused(&client.post(&format!("{place}/pong"), &json!({})).await, 404, "METHOD_NOT_FOUND");
    }
    assert_eq!(
        client.post("/system/users/posts/comments/insert", &json!({ "text": "deep" })).await.status,
        201
    );
    assert_eq!(client.get("/content/comments/count").await.json(), 1);
    for nothing in
        ["/system/users/comments/list", "/system/users/posts/posts/list", "/system/users/posts/", "/a/b/c/d"]
    {
        assert_eq!(client.get(nothing).await.status, 404, "{nothing}");
    }
    refused(&client.get("/system/users/posts").await, 404, "METHOD_NOT_FOUND");
    let names: Vec<&str> =
        server.cx.extensions_of::<User>().iter().map(|shape| shape.path.as_str()).collect();
    assert_eq!(names, ["content/posts"]);
    assert!(server.cx.extensions_of::<Comment>().is_empty());
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "odd", name = "ping")]
struct NamedLikeAMethod {
    a: bool,
}

/// The derive would refuse the name.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
struct NamedLikeAnOperation {
    a: bool,
}

impl Model for NamedLikeAnOperation {
    fn descriptor() -> &'static Descriptor {
        static FIELDS: &[Field] = &[Field::new("a", "a")];
        static DESCRIPTOR: Descriptor =
            Descriptor::new::<NamedLikeAnOperation>("odd", "insert", "NamedLikeAnOperation", FIELDS, site!());
        &DESCRIPTOR
    }
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "odd", name = "posts")]
struct OtherPosts {
    a: bool,
}

#[test]
fn names_that_are_taken_are_faults_of_the_start() {
    // RPC-06
    let app = || {
        App::isolated().models::<(User, Post, Comment, NamedLikeAMethod, OtherPosts, NamedLikeAnOperation)>()
    };
    let faults = |app: App| app.registry().unwrap_err().to_string();
    let said = faults(app().extend::<User, NamedLikeAMethod>());
    assert!(said.contains("`User` has a method called `ping`"), "{said}");
    let said = faults(app().extend::<User, NamedLikeAnOperation>());
    assert!(said.contains("`insert` is an operation of every model"), "{said}");
    let said = faults(app().extend::<User, Post>().extend::<User, OtherPosts>());
    assert!(said.contains("has an extension called `posts` already, `Post`"), "{said}");
    assert_eq!(said.matches("extensions.rs").count() + said.matches("declared.rs").count(), 2, "{said}");
    let said = faults(App::isolated().models::<(User,)>().extend::<User, Post>());
    assert!(said.contains("one of them is no model of this application"), "{said}");
    let said = faults(app().extend::<User, User>());
    assert!(said.contains("goes in a circle"), "{said}");
    let said = faults(app().extend::<User, Post>().extend::<Post, User>());
    assert!(said.contains("goes in a circle"), "{said}");
    // Three below one another are possible, a fourth is not.
    let three =
        || app().extend::<User, Post>().extend::<Post, Comment>().extend::<Comment, NamedLikeAMethod>();
    three().registry().unwrap();
    let said = faults(three().extend::<NamedLikeAMethod, OtherPosts>());
    assert!(said.contains("at most 3 extensions"), "{said}");
}

#[test]
fn every_place_of_a_model_is_listed() {
    // RPC-06
    let mut registry = Registry::of(&descriptors()).unwrap();
    registry
        .extend(&[(User::descriptor(), Post::descriptor()), (Post::descriptor(), Comment::descriptor())])
        .unwrap();
    let mut places: Vec<String> = registry.mounts().into_iter().map(|mount| mount.path).collect();
    places.sort();
    assert_eq!(places, ["content/posts/comments", "system/users/posts", "system/users/posts/comments"]);
    assert!(registry.report().contains("extension posts: content/posts at system/users/posts"));
}
