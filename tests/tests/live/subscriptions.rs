//! One subscription at a time.

use std::time::Duration;

use modeller::engine::{Arguments, Operation};
use modeller::live::LiveEvent;
use modeller::prelude::*;
use serde_json::{Value as Json, json};

use super::support::{Client, Item, PATIENCE, isolated, item, subscribe};

const MOMENT: Duration = Duration::from_millis(200);

async fn next(stream: &mut modeller::live::LiveStream) -> Json {
    match tokio::time::timeout(PATIENCE, stream.next()).await.unwrap() {
        LiveEvent::Changes(text) | LiveEvent::Reset(text) => serde_json::from_str(&text).unwrap(),
        LiveEvent::Ended(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn membership_is_decided_on_the_row_before_and_after() {
    // LIV-07, LIV-08, LIV-09
    let (cx, live) = isolated().await;
    let query = json!({ "query": { "owner": "ada", "rank": { "$gte": 10 } } });
    let mut stream = subscribe(&live, &cx, &query, None).await.unwrap();
    let ada = Item::insert(&cx, item("ada", 10)).await.unwrap();
    let told = next(&mut stream).await;
    assert_eq!(told["changes"][0]["type"], "enter");
    assert_eq!(told["changes"][0]["document"]["rank"], 10);
    // What nobody sees is not told either.
    assert!(told["changes"][0]["document"].get("secret").is_none());

    // Not by the field that is written, but by all of the row.
    Item::update(&cx, &ada.id, Item::TAG.set(Some("x".to_owned()))).await.unwrap();
    let told = next(&mut stream).await;
    assert_eq!(told["changes"][0]["type"], "update");
    assert_eq!(told["changes"][0]["document"]["tag"], "x");

    Item::update(&cx, &ada.id, Item::RANK.set(9)).await.unwrap();
    let told = next(&mut stream).await;
    assert_eq!(told["changes"], json!([{ "type": "leave", "_id": ada.id.as_str() }]));

    // What others are about is not for this one.
    Item::update(&cx, &ada.id, Item::RANK.set(8)).await.unwrap();
    Item::insert(&cx, item("bob", 20)).await.unwrap();
    assert!(tokio::time::timeout(MOMENT, stream.next()).await.is_err());
}

#[tokio::test]
async fn a_transaction_is_told_as_one() {
    // LIV-18
    let (cx, live) = isolated().await;
    let mut stream = subscribe(&live, &cx, &json!({}), None).await.unwrap();
    cx.transaction(async |tx| {
        Item::insert(&tx, item("ada", 1)).await?;
        Item::insert(&tx, item("bob", 2)).await
    })
    .await
    .unwrap();
    assert_eq!(next(&mut stream).await["changes"].as_array().unwrap().len(), 2);
    let failed: Result<()> = cx
        .transaction(async |tx| {
            Item::insert(&tx, item("eve", 3)).await?;
            Err(Error::new(Code::Conflict, "no"))
        })
        .await;
    assert!(failed.is_err());
    assert!(tokio::time::timeout(MOMENT, stream.next()).await.is_err());
}

#[tokio::test]
async fn a_window_says_where_documents_come_and_go() {
    let (cx, live) = isolated().await;
    for rank in 0..5 {
        Item::insert(&cx, item("ada", rank)).await.unwrap();
    }
    let query = json!({ "sort": "-rank", "start": 1, "count": 2 });
    let mut client = Client::new(&live, &cx, query).await;
    let ranks = |client: &Client| -> Vec<i64> {
        client.answer().iter().map(|document| document["rank"].as_i64().unwrap()).collect()
    };
    assert_eq!(ranks(&client), [3, 2]);
    let top = Item::insert(&cx, item("bob", 9)).await.unwrap();
    client.agree(&cx).await;
    assert_eq!(ranks(&client), [4, 3]);
    Item::delete(&cx, &top.id).await.unwrap();
    client.agree(&cx).await;
    assert_eq!(ranks(&client), [3, 2]);
    Item::update_where(&cx, Item::RANK.eq(0), Item::RANK.set(4)).await.unwrap();
    client.agree(&cx).await;
    assert_eq!(ranks(&client), [4, 3]);
    assert_eq!(client.resets, 0);
}

#[tokio::test]
async fn a_subscription_goes_on_where_it_was() {
    let (cx, live) = isolated().await;
    let mut client = Client::new(&live, &cx, json!({ "query": { "owner": "ada" } })).await;
    let [one, two] =
        [Item::insert(&cx, item("ada", 1)).await.unwrap(), Item::insert(&cx, item("ada", 2)).await.unwrap()];
    client.agree(&cx).await;
    client.cut();
    Item::delete(&cx, &one.id).await.unwrap();
    Item::update(&cx, &two.id, Item::RANK.set(3)).await.unwrap();
    Item::insert(&cx, item("ada", 4)).await.unwrap();
    // It came and went meanwhile: nothing is left of it.
    let passing = Item::insert(&cx, item("ada", 5)).await.unwrap();
    Item::update(&cx, &passing.id, Item::OWNER.set("bob".to_owned())).await.unwrap();
    client.changes = 0;
    client.connect(&live, &cx).await;
    assert_eq!((client.resets, client.changes), (0, 3));
    client.agree(&cx).await;
}

#[tokio::test]
async fn where_nothing_happens_the_position_goes_on_all_the_same() {
    let (cx, live) = isolated().await;
    Item::insert(&cx, item("ada", 1)).await.unwrap();
    let shape = Item::descriptor().shape();
    let follow = async |operation, arguments: &Json, from: Option<&str>| {
        let arguments = Arguments::Json(arguments.clone());
        let stream = live.follow(&cx, shape, operation, arguments, from).await.unwrap();
        let first: Json = serde_json::from_str(stream.first()).unwrap();
        (stream, first)
    };
    let ada = json!({ "query": { "owner": "ada" } });
    let window = json!({ "query": { "owner": "ada" }, "sort": "rank", "count": 3 });
    let mut all = Vec::new();
    for (operation, arguments) in
        [(Operation::List, &ada), (Operation::List, &window), (Operation::Count, &ada)]
    {
        let (mut stream, first) = follow(operation, arguments, None).await;
        live.settle().await.unwrap();
        // What it has been told is the newest there is.
        assert_eq!(stream.position(), None);
        all.push((operation, arguments, stream, first["position"].as_str().unwrap().to_owned()));
    }
    // More than anybody looks through.
    for _ in 0..3 {
        Item::insert_many(&cx, (0..7_000).map(|rank| item("bob", rank)).collect::<Vec<_>>()).await.unwrap();
    }
    live.settle().await.unwrap();
    for (operation, arguments, stream, early) in &mut all {
        let late = stream.position().unwrap();
        assert_eq!(stream.position(), None, "it has been told");
        let (_, first) = follow(*operation, arguments, Some(&early[..])).await;
        assert_eq!(first["reset"], true, "{operation} {arguments}");
        let (_, first) = follow(*operation, arguments, Some(&late)).await;
        assert_eq!(first["changes"], json!([]), "{operation} {arguments}");
    }
    // What waits to be told comes first.
    Item::insert(&cx, item("ada", 2)).await.unwrap();
    Item::insert(&cx, item("bob", 2)).await.unwrap();
    live.settle().await.unwrap();
    for (operation, arguments, stream, _) in &mut all {
        assert_eq!(stream.position(), None, "{operation} {arguments}");
        let LiveEvent::Changes(_) = stream.next().await else { panic!("it begins anew") };
        assert!(stream.position().is_some());
    }
}

#[tokio::test]
async fn a_position_is_of_one_query() {
    let (cx, live) = isolated().await;
    let stream = subscribe(&live, &cx, &json!({ "query": { "owner": "ada" } }), None).await.unwrap();
    let first: Json = serde_json::from_str(stream.first()).unwrap();
    let position = first["position"].as_str().unwrap();
    for (query, from) in [
        (json!({ "query": { "owner": "bob" } }), position.to_owned()),
        (json!({ "query": { "owner": "ada" }, "count": 3 }), position.to_owned()),
        (json!({ "query": { "owner": "ada" } }), position.replace(|c: char| c.is_ascii_lowercase(), "x")),
        (json!({ "query": { "owner": "ada" } }), "x".repeat(5_000)),
        (json!({ "query": { "owner": "ada" } }), "🦀".to_owned()),
    ] {
        let stream = subscribe(&live, &cx, &query, Some(&from)).await.unwrap();
        let first: Json = serde_json::from_str(stream.first()).unwrap();
        assert_eq!(first["reset"], true, "{query} {from}");
    }
    let same = subscribe(&live, &cx, &json!({ "query": { "owner": "ada" } }), Some(position)).await.unwrap();
    let first: Json = serde_json::from_str(same.first()).unwrap();
    assert_eq!(first["changes"], json!([]));
}

#[tokio::test]
async fn who_asks_the_same_shares_it() {
    let (cx, live) = isolated().await;
    let one = subscribe(&live, &cx, &json!({ "query": { "owner": "ada", "rank": 1 } }), None).await.unwrap();
    let same = subscribe(&live, &cx, &json!({ "query": { "rank": 1, "owner": "ada" } }), None).await.unwrap();
    let other = subscribe(&live, &cx, &json!({ "query": { "owner": "ada" } }), None).await.unwrap();
    assert_eq!(one.id(), same.id());
    assert_ne!(one.id(), other.id());
    assert_eq!(live.queries(), (2, 3));
    drop((one, same, other));
    assert_eq!(live.queries(), (0, 0));
}

#[tokio::test]
async fn a_slow_subscriber_gets_less_and_misses_nothing() {
    // OPS-03
    let (cx, live) = isolated().await;
    let mut slow = Client::new(&live, &cx, json!({ "query": { "owner": "ada" } })).await;
    let mut window = Client::new(&live, &cx, json!({ "sort": "rank", "count": 5 })).await;
    let mut ids = Vec::new();
    for rank in 0..200 {
        ids.push(Item::insert(&cx, item("ada", rank)).await.unwrap().id);
    }
    for id in &ids[..150] {
        Item::delete(&cx, id).await.unwrap();
    }
    tokio::time::sleep(MOMENT).await;
    slow.changes = 0;
    slow.agree(&cx).await;
    assert_eq!((slow.changes, slow.resets), (50, 0));
    window.agree(&cx).await;
    assert_eq!(window.resets, 1);
}

#[tokio::test]
async fn what_cannot_be_live_is_refused() {
    let (cx, live) = isolated().await;
    for (arguments, code) in [
        (json!({ "after": "" }), Code::InvalidQuery),
        (json!({ "start": 3 }), Code::InvalidQuery),
        // What is before a window is kept, too.
        (json!({ "start": 1_000_000, "count": 1 }), Code::InvalidQuery),
        (json!({ "start": 9_500, "count": 501 }), Code::InvalidQuery),
        (json!({ "query": { "secret": "x" } }), Code::InvalidQuery),
        (json!({ "query": { "nothing": 1 } }), Code::InvalidQuery),
        (json!({ "sort": "secret" }), Code::InvalidQuery),
        (json!([]), Code::InvalidRequest),
    ] {
        let refused = subscribe(&live, &cx, &arguments, None).await.unwrap_err();
        assert!(refused.is(code), "{arguments}: {refused:?}");
    }
    assert_eq!(live.queries(), (0, 0));
}

#[tokio::test]
async fn what_another_process_writes_is_noticed() {
    use modeller::engine::{Clock, Engine};
    use modeller::live::{Live, LiveOptions};
    use modeller::registry::Registry;
    use modeller::store::Apply;
    use modeller::store::sqlite::{Sqlite, SqliteOptions};
    let directory = std::env::temp_dir().join(format!("modeller-two-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let open = async || {
        let store = Sqlite::open(SqliteOptions::file(directory.join("two.db"))).unwrap();
        let registry = Registry::of(&[Item::descriptor()]).unwrap();
        let engine = Engine::new(registry, std::sync::Arc::new(store), Clock::system());
        engine.migrate(Apply::Safe).await.unwrap();
        engine
    };
    let (here, there) = (open().await, open().await);
    let live = Live::new(here.clone(), LiveOptions::default());
    let cx = here.cx();
    let mut open = Client::new(&live, &cx, json!({ "query": { "owner": "ada" } })).await;
    let mut window = Client::new(&live, &cx, json!({ "sort": "rank", "count": 2 })).await;
    // Nothing was ever written here when the other one begins.
    for rank in [3, 4] {
        Item::insert(&there.cx(), item("ada", rank)).await.unwrap();
        open.agree(&cx).await;
        window.agree(&cx).await;
    }
    Item::insert(&cx, item("ada", 5)).await.unwrap();
    Item::insert(&there.cx(), item("ada", 6)).await.unwrap();
    open.agree(&cx).await;
    window.agree(&cx).await;
    assert!(open.answer().len() == 4 && window.answer().len() == 2);
    drop((open, window, live, cx));
    here.store().close().await;
    there.store().close().await;
    std::fs::remove_dir_all(directory).unwrap();
}

#[tokio::test]
async fn all_who_watch_one_application_are_told() {
    let (cx, live) = isolated().await;
    let mut one = subscribe(&live, &cx, &json!({}), None).await.unwrap();
    let again = modeller::live::Live::new(cx.engine().clone(), modeller::live::LiveOptions::default());
    let mut other = subscribe(&again, &cx, &json!({}), None).await.unwrap();
    Item::insert(&cx, item("ada", 1)).await.unwrap();
    for stream in [&mut one, &mut other] {
        assert_eq!(next(stream).await["changes"][0]["type"], "enter");
    }
}
