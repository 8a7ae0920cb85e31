//! What becomes of documents when what they refer to is deleted.

use modeller::store::ChangeOp;

use super::*;

/// A step on a way: each leads to the next, and goes with it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "way", name = "places")]
pub struct Place {
    #[model(key)]
    pub name: String,
    #[model(on_delete = "cascade")]
    pub next: Option<Ref<Place>>,
}

/// What stands at a place, and holds it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "way", name = "houses")]
pub struct House {
    pub at: Ref<Place>,
}

/// What is known of a place by another field.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "way", name = "signs")]
pub struct Sign {
    #[model(references = Place::NAME, on_delete = "set_null")]
    pub at: Option<String>,
    #[model(references = Place::NAME, on_delete = "set_null")]
    pub others: Option<Vec<String>>,
}

/// The changes since a number: operation, model and id.
async fn changes(server: &Server, after: u64) -> Vec<(ChangeOp, String)> {
    let changes = server.cx.engine().store().changes(after, 100_000).await.unwrap();
    let mut all: Vec<_> = changes.iter().map(|change| (change.op, change.model.clone())).collect();
    all.sort_by_key(|(op, path)| (path.clone(), format!("{op:?}")));
    all
}

async fn last(server: &Server) -> u64 {
    server.cx.engine().store().changes(0, 100_000).await.unwrap().last().map_or(0, |change| change.seq)
}

#[tokio::test]
async fn what_belongs_to_it_goes_with_it_and_the_rest_lets_go() {
    //
    let Filled { server, mut client, ada, bob, first, .. } = filled(true).await;
    // `restrict` holds.
    let answer = client.delete(&format!("/blog/users/delete?_id={ada}")).await;
    refused(&answer, 409, "REFERENCED");
    assert_eq!(answer.json()["details"]["model"], "blog/posts");
    assert_eq!(good(client.get("/blog/comments/count").await), 5);
    assert_eq!(good(client.get(&format!("/blog/users/get?_id={bob}")).await)["boss"], json!(ada));
    // The others go, or let go.
    let before = last(&server).await;
    let gone = good(client.delete(&format!("/blog/users/delete?_id={bob}")).await);
    assert_eq!(gone["email"], "bob@b.c");
    assert_eq!(good(client.get("/blog/comments/count").await), 1);
    let post = good(client.get(&format!("/blog/posts/get?_id={first}")).await);
    assert_eq!((&post["readers"], &post["_version"]), (&json!([ada]), &json!(2)));
    // All of it is in the log.
    let mut expected = vec![(ChangeOp::Delete, "blog/comments".to_owned()); 4];
    expected.push((ChangeOp::Update, "blog/posts".into()));
    expected.push((ChangeOp::Delete, "blog/users".into()));
    assert_eq!(changes(&server, before).await, expected);
    // What has a trash lies there; it does not come back with the other one.
    assert_eq!(client.send("POST", &format!("/blog/users/restore?_id={bob}"), &[], b"").await.status, 200);
    assert_eq!(
        good(client.get(&format!("/blog/users/get?_id={bob}&with=comments")).await)["comments"],
        json!([])
    );
    let back = client.send("POST", "/blog/comments/restore?likes[gt]=0", &[], b"").await;
    assert_eq!(good(back).as_array().unwrap().len(), 4);
    assert_eq!(good(client.get(&format!("/blog/posts/get?_id={first}")).await)["readers"], json!([ada]));
}

#[tokio::test]
async fn it_holds_for_deletions_by_filter_in_batches_and_once() {
    //
    let Filled { mut client, ada, bob, .. } = filled(true).await;
    let gone = good(client.delete("/blog/users/delete?email[startsWith]=bob").await);
    assert_eq!(pluck(&gone, "_id"), [json!(bob)]);
    assert_eq!(good(client.get("/blog/comments/count").await), 1);
    // Both go at once, and with them what held the one: nothing is left that does.
    let eve = insert(&mut client, "users", json!({"email": "eve@b.c", "boss": ada})).await;
    insert(&mut client, "comments", json!({"author": eve, "likes": 3})).await;
    let batch = json!({"operations": [
        {"op": "delete", "query": {"_id": eve}},
        {"op": "count", "query": {}},
    ]});
    let answer = good(client.post("/blog/users/batch", &batch).await);
    assert_eq!(answer["results"][1]["data"], 1, "{answer}");
    assert_eq!(good(client.get("/blog/comments/count").await), 1);
    let mel = insert(&mut client, "users", json!({"email": "mel@b.c"})).await;
    insert(&mut client, "comments", json!({"author": mel})).await;
    for replayed in [false, true] {
        let delete = format!("/blog/users/delete?_id={mel}");
        let answer = client.send("DELETE", &delete, &[("idempotency-key", "k")], b"").await;
        assert_eq!(answer.status, 200, "{}", answer.json());
        assert_eq!(answer.header("idempotent-replayed").is_some(), replayed);
    }
    assert_eq!(good(client.get("/blog/comments/count").await), 1);
    // A version that does not fit keeps all of it.
    let stale =
        client.send("DELETE", &format!("/blog/users/delete?_id={ada}"), &[("if-match", "\"9\"")], b"").await;
    assert_eq!(stale.status, 412);
    assert_eq!(good(client.get("/blog/comments/count").await), 1);
}

async fn ways() -> (Server, Client) {
    let server = start::<(Place, House, Sign)>(true).await;
    let client = server.client().await;
    (server, client)
}

async fn place(server: &Server, name: &str, next: Option<&str>) {
    let place = Place { name: name.into(), next: next.map(Ref::from) };
    Place::insert(&server.cx, place).await.unwrap();
}

#[tokio::test]
async fn circles_and_documents_that_refer_to_themselves_come_to_an_end() {
    //
    let (server, mut client) = ways().await;
    place(&server, "a", None).await;
    place(&server, "b", Some("a")).await;
    place(&server, "c", Some("b")).await;
    place(&server, "self", Some("self")).await;
    Place::update(&server.cx, "a", Place::NEXT.set(Some("c".into()))).await.unwrap();
    assert_eq!(client.delete("/way/places/delete?_id=self").await.status, 200);
    // A house anywhere on the way holds the whole.
    House::insert(&server.cx, House { at: "b".into() }).await.unwrap();
    let answer = client.delete("/way/places/delete?_id=a").await;
    refused(&answer, 409, "REFERENCED");
    assert_eq!(answer.json()["details"]["model"], "way/houses");
    assert_eq!(good(client.get("/way/places/count").await), 3);
    House::clear(&server.cx).await.unwrap();
    assert_eq!(client.delete("/way/places/delete?_id=a").await.status, 200);
    assert_eq!(good(client.get("/way/places/count").await), 0);
}

#[tokio::test]
async fn fields_that_name_another_field_let_go_too() {
    //
    let (server, mut client) = ways().await;
    for name in ["a", "b", "c"] {
        place(&server, name, None).await;
    }
    let names = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
    Sign::insert(&server.cx, Sign { at: Some("a".into()), others: names(&["b", "a", "c"]) }).await.unwrap();
    Sign::insert(&server.cx, Sign { at: None, others: None }).await.unwrap();
    assert_eq!(good(client.delete("/way/places/delete?_id[in]=a,c").await).as_array().unwrap().len(), 2);
    let signs = Sign::find().all(&server.cx).await.unwrap();
    assert_eq!((&signs[0].at, &signs[0].others), (&None, &names(&["b"])));
    assert_eq!((signs[0].version, signs[1].version), (3, 1));
}

#[tokio::test]
async fn nobody_deletes_more_at_once_than_one_call_may() {
    //
    let (server, mut client) = ways().await;
    place(&server, "a", None).await;
    let many = |names: std::ops::Range<usize>| {
        names.map(|n| Place { name: format!("p{n}"), next: Some("a".into()) }).collect::<Vec<_>>()
    };
    Place::insert_many(&server.cx, many(0..9_999)).await.unwrap();
    Place::insert_many(&server.cx, many(9_999..10_000)).await.unwrap();
    let answer = client.delete("/way/places/delete?_id=a").await;
    refused(&answer, 400, "INVALID_QUERY");
    assert_eq!(good(client.get("/way/places/count").await), 10_001);
    Place::delete(&server.cx, "p0").await.unwrap();
    assert_eq!(client.delete("/way/places/delete?_id=a").await.status, 200);
    assert_eq!(good(client.get("/way/places/count").await), 0);
}

#[tokio::test]
async fn clear_does_what_a_deletion_does_however_much_it_is() {
    // PER-10 X-32
    let (server, mut client) = ways().await;
    place(&server, "a", None).await;
    let many = (0..2_500).map(|n| Place { name: format!("p{n}"), next: Some("a".into()) });
    Place::insert_many(&server.cx, many.collect()).await.unwrap();
    Sign::insert(&server.cx, Sign { at: Some("p7".into()), others: None }).await.unwrap();
    House::insert(&server.cx, House { at: "p7".into() }).await.unwrap();
    refused(&client.send("POST", "/way/places/clear", &[], b"").await, 409, "REFERENCED");
    assert_eq!(good(client.get("/way/places/count").await), 2_501);
    House::clear(&server.cx).await.unwrap();
    let cleared = good(client.send("POST", "/way/places/clear", &[], b"").await);
    assert!(cleared["deleted"].as_u64().unwrap() > 0);
    assert_eq!(good(client.get("/way/places/count").await), 0);
    assert_eq!(Sign::find().first(&server.cx).await.unwrap().unwrap().at, None);
}
