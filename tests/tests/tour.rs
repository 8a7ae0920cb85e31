//! The example that shows one thing of each kind, tested as its author would.

#[allow(dead_code)]
#[path = "../../examples/tour.rs"]
mod tour;

use std::time::Duration;

use modeller::App;
use modeller::prelude::*;
use serde_json::json;
use tour::{FinishAll, Task};

#[tokio::test]
async fn what_the_tour_says_happens() {
    let kit = App::new().test().await.unwrap();
    let task = json!({ "title": "  Water the flowers ", "owner": "ada@example.org" });
    let task = kit.post("/app/tasks/insert", task).await.expect(201);
    assert_eq!((&task["title"], &task["done"]), (&json!("Water the flowers"), &json!(false)));
    let jobs = kit.engine().jobs();
    assert_eq!(jobs.counts().await.unwrap().waiting, 1);
    kit.advance(Duration::from_secs(10)).await;
    assert_eq!(jobs.counts().await.unwrap().done, 1);

    let owner = |owner: &str| json!({ "owner": owner });
    assert_eq!(kit.post("/app/tasks/finishAll", owner("ada@example.org")).await.expect(200), 1);
    assert_eq!(kit.get("/app/tasks/count?done=true").await.expect(200), 1);
    let refused = kit.post("/app/tasks/finishAll", owner("ada")).await.expect(400);
    assert_eq!(refused["errors"][0]["message"], "whose tasks?");
    let blank = json!({ "title": "  ", "owner": "ada@example.org" });
    assert_eq!(kit.post("/app/tasks/insert", blank).await.code(), "VALIDATION_ERROR");

    // From Rust the same.
    let cx = kit.cx();
    Task::insert(&cx, Task { title: "Rest".into(), owner: "ada@example.org".into(), done: false })
        .await
        .unwrap();
    assert_eq!(cx.call(FinishAll { owner: "ada@example.org".into() }).await.unwrap(), 1);
}
