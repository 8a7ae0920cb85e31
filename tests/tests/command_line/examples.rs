//! The example with a store of its own: what it answered is there after a restart, and after a crash.

use serde_json::json;

use crate::program::{FILE_STORE, MULTI_APP, Place};

#[tokio::test]
async fn a_store_of_ones_own_keeps_its_documents() {
    let place = Place::new();
    let server = place.serve(FILE_STORE, &["--port=0"], &[]).await;
    let mut client = server.client().await;
    let first = client.post("/app/notes/insert", &json!({ "text": "one" })).await.json();
    assert_eq!(client.post("/app/notes/insert", &json!({ "text": "one" })).await.code(), "UNIQUE_VIOLATION");
    client.post("/app/notes/insert", &json!({ "text": "two" })).await;
    let page = client.get("/app/notes/paginate?count=1").await.json();
    let changed = client.put("/app/notes/update?text=two", &json!({ "text": "zwei" })).await.json();
    assert_eq!(changed["_version"], 2);
    assert_eq!(client.get("/app/notes/list?sort=-text&count=1").await.json(), json!([changed]));
    assert_eq!(server.signal("TERM").await.code(), Some(0));
    // As if the next commit had been cut short.
    let mut file = place.read("notes.jsonl");
    file.push_str("[[\"put\",\"app/no");
    place.write("notes.jsonl", file);

    let server = place.serve(FILE_STORE, &["--port=0"], &[]).await;
    let mut client = server.client().await;
    assert_eq!(client.get("/app/notes/list").await.json(), json!([first, changed]));
    client.post("/app/notes/insert", &json!({ "text": "three" })).await;
    // Cursors are signed with the store's secret, which is the same still.
    let next = format!("/app/notes/paginate?count=1&after={}", page["nextCursor"].as_str().unwrap());
    assert_eq!(client.get(&next).await.json()["records"][0], changed);
    assert_eq!(client.delete("/app/notes/delete?text=zwei").await.status, 200);
    drop(server);
    let server = place.serve(FILE_STORE, &["--port=0"], &[]).await;
    let mut client = server.client().await;
    assert_eq!(client.get("/app/notes/count").await.json(), 2);
    assert_eq!(client.get("/app/notes/get?text=three").await.json()["_version"], 1);
}

#[tokio::test]
async fn models_of_several_crates_refer_to_each_other() {
    let place = Place::new();
    let server = place.serve(MULTI_APP, &["--port=0", "--database=:memory:"], &[]).await;
    let mut client = server.client().await;
    let customer =
        client.post("/accounts/customers/insert", &json!({ "email": "a@example.org" })).await.json();
    let invoice = json!({ "customer": customer["_id"], "amount": 100 });
    assert_eq!(client.post("/billing/invoices/insert", &invoice).await.status, 201);
    let nobody = json!({ "customer": "nobody", "amount": 100 });
    let refused = client.post("/billing/invoices/insert", &nobody).await.json();
    assert_eq!(refused["errors"][0]["keyword"], "model");
    assert_eq!(client.delete("/accounts/customers/delete?email=a@example.org").await.code(), "REFERENCED");
}
