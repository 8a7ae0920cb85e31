//! Points, payloads, changes and aborts.

use modeller::engine::{Arguments, Call, Listing, Previous};

use super::*;

use Operation::{Delete, Insert, List, Update};
use Timing::{After, AfterCommit, Before};

// HOO-01, HOO-02
#[tokio::test]
async fn hooks_run_at_each_point_in_their_order() {
    let (engine, cx) = start::<(Product,)>().await;
    let seen = Seen::default();
    let all: Vec<HookPoint> = [Before, After, AfterCommit]
        .into_iter()
        .flat_map(|timing| [Insert, Update, Delete].map(|operation| at(timing, operation)))
        .chain([at(Before, List), at(After, List)])
        .collect();
    for id in ["b", "a"] {
        let seen = seen.clone();
        engine
            .hooks()
            .hook::<Product>(id, &all, move |parts| {
                seen.tell(format!("{id} {}", parts.point));
                Box::pin(async { Ok(()) })
            })
            .unwrap();
    }
    assert_eq!(engine.hooks().ids::<Product>(), ["a", "b"]);
    let pen = Product::insert(&cx, product("pen")).await.unwrap();
    Product::update(&cx, &pen.id, Product::PRICE.set(2)).await.unwrap();
    Product::list(&cx, 0, 20).await.unwrap();
    // HOO-08: reads other than list have no hooks.
    Product::get(&cx, &pen.id).await.unwrap();
    Product::find().all(&cx).await.unwrap();
    Product::delete(&cx, &pen.id).await.unwrap();
    let expected = ["insert", "update", "list", "delete"].into_iter().flat_map(|operation| {
        let timings: &[&str] =
            if operation == "list" { &["before", "after"] } else { &["before", "after", "after_commit"] };
        timings.iter().flat_map(move |timing| ["a", "b"].map(|id| format!("{id} {timing}({operation})")))
    });
    assert_eq!(seen.take(), expected.collect::<Vec<_>>());
}

// HOO-03
#[tokio::test]
async fn a_hook_learns_of_the_operation_what_belongs_to_its_point() {
    let (engine, cx) = start::<(Product,)>().await;
    let seen = Seen::default();
    let points = [
        at(Before, Insert),
        at(After, Insert),
        at(Before, Update),
        at(After, Update),
        at(Before, Delete),
        at(After, Delete),
        at(Before, List),
        at(After, List),
    ];
    let told = seen.clone();
    engine
        .hooks()
        .hook::<Product>("log", &points, move |mut parts| {
            told.tell(event(&mut parts).to_string());
            Box::pin(async { Ok(()) })
        })
        .unwrap();
    let engine = cx.engine();
    let shape = Product::descriptor().shape();
    let call = |operation, query: Json, body: Json| {
        let mut call = Call::new(operation, shape);
        call.arguments = Arguments::Json(json!({ "query": query }));
        if operation == Insert {
            call.arguments = Arguments::None;
        }
        call.body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        engine.perform(call)
    };
    let reply = call(Insert, json!({}), json!({ "name": "pen", "cost": 7 })).await.unwrap();
    let stored: Json = serde_json::from_slice(&reply.body).unwrap();
    let id = stored["_id"].clone();
    call(Update, json!({ "name": "pen" }), json!({ "price": 5 })).await.unwrap();
    call(List, json!({ "price": 5 }), Json::Null).await.unwrap();
    call(Delete, json!({ "_id": id }), Json::Null).await.unwrap();
    let events: Vec<Json> = seen.take().iter().map(|text| serde_json::from_str(text).unwrap()).collect();
    let key = json!({ "_id": id });
    let before = json!({ "name": "pen", "price": 0, "cost": 7 });
    assert_eq!(events[0], json!({ "operation": "insert", "timing": "before", "data": before }));
    assert_eq!((&events[1]["timing"], &events[1]["key"]), (&json!("after"), &key));
    assert_eq!((&events[1]["data"]["_version"], &events[1]["data"]["cost"]), (&json!(1), &json!(7)));
    let patch = json!({ "price": 5 });
    assert_eq!(events[2], json!({ "operation": "update", "timing": "before", "key": key, "data": patch }));
    assert_eq!(events[3], json!({ "operation": "update", "timing": "after", "key": key, "data": patch }));
    let query = json!({ "query": { "price": 5 } });
    assert_eq!(events[4], json!({ "operation": "list", "timing": "before", "data": query }));
    assert_eq!(events[5], json!({ "operation": "list", "timing": "after", "data": query }));
    assert_eq!(events[6], json!({ "operation": "delete", "timing": "before", "key": key }));
    assert_eq!((&events[7]["timing"], &events[7]["data"]["price"]), (&json!("after"), &json!(5)));
}

// HOO-04
#[tokio::test]
async fn a_hook_before_a_write_changes_what_is_written_and_is_checked_as_a_caller_would_be() {
    let (engine, cx) = start::<(Product,)>().await;
    let points = [at(Before, Insert), at(Before, Update)];
    engine
        .hooks()
        .hook::<Product>("lower", &points, |mut parts| {
            let product: &mut Product = take(&mut parts);
            product.name = product.name.to_lowercase();
            Box::pin(async { Ok(()) })
        })
        .unwrap();
    let pen = Product::insert(&cx, product("PEN")).await.unwrap();
    assert_eq!(pen.name, "pen");
    let pen = Product::update(&cx, &pen.id, Product::NAME.set("INK")).await.unwrap();
    assert_eq!((pen.name.as_str(), pen.version), ("ink", 2));
    let (ink, created) = Product::upsert(&cx, product("ink")).await.unwrap();
    assert_eq!((ink.version, created), (3, false));
    let (cap, created) = Product::upsert(&cx, product("CAP")).await.unwrap();
    assert_eq!((cap.name.as_str(), created), ("cap", true));
    let both = Product::insert_many(&cx, vec![product("ONE"), product("TWO")]).await.unwrap();
    assert_eq!(both.iter().map(|doc| doc.name.as_str()).collect::<Vec<_>>(), ["one", "two"]);
    let all = Product::update_where(&cx, Product::PRICE.eq(100), Product::NAME.set("SAME")).await;
    assert!(all.unwrap_err().is(Code::UniqueViolation));

    engine
        .hooks()
        .hook::<Product>("spoil", &points, |mut parts| {
            let product: &mut Product = take(&mut parts);
            product.name = "x".into();
            Box::pin(async { Ok(()) })
        })
        .unwrap();
    let error = Product::insert(&cx, product("new")).await.unwrap_err();
    assert!(error.is(Code::ValidationError), "{error}");
    let error = Product::update(&cx, &pen.id, Product::PRICE.set(1)).await.unwrap_err();
    assert!(error.is(Code::ValidationError), "{error}");
}

// HOO-05
#[tokio::test]
async fn a_hook_that_fails_calls_everything_off_and_its_error_reaches_the_caller_as_it_is() {
    let (engine, cx) = start::<(Product, Entry)>().await;
    let pen = Product::insert(&cx, product("pen")).await.unwrap();
    let before = log(&engine).await;
    for timing in [Before, After] {
        let points = [at(timing, Insert), at(timing, Update), at(timing, Delete)];
        engine
            .hooks()
            .hook::<Product>("no", &points, |mut parts| {
                let cx: &Cx = take(&mut parts);
                Box::pin(async move {
                    // This goes with the rest, whatever wrote it.
                    Entry::insert(cx, Entry { text: "never".into() }).await?;
                    let late = cx.clone();
                    cx.after_commit(async move {
                        Entry::insert(&late, Entry { text: "late".into() }).await.unwrap();
                    });
                    Err(refused())
                })
            })
            .unwrap();
        let errors = [
            Product::insert(&cx, product("ink")).await.unwrap_err(),
            Product::insert_many(&cx, vec![product("a1"), product("a2")]).await.unwrap_err(),
            Product::update(&cx, &pen.id, Product::PRICE.set(1)).await.unwrap_err(),
            Product::delete(&cx, &pen.id).await.unwrap_err(),
            Product::upsert(&cx, product("pen")).await.unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.to_json(), quota(), "{timing}");
        }
        // In a transaction, where it can't be passed over.
        let passed_over = cx
            .transaction(async |tx| {
                Entry::insert(&tx, Entry { text: "first".into() }).await?;
                assert!(Product::insert(&tx, product("ink")).await.is_err());
                Ok(())
            })
            .await;
        assert!(passed_over.unwrap_err().is(Code::Conflict));
        assert!(engine.hooks().unhook::<Product>("no"));
        assert_eq!(log(&engine).await, before, "{timing}");
        assert_eq!(entries(&cx).await, [""; 0]);
        assert_eq!(Product::find().all(&cx).await.unwrap(), std::slice::from_ref(&pen));
    }
}

#[tokio::test]
async fn what_a_hook_writes_is_part_of_the_write() {
    let (engine, cx) = start::<(Product, Entry)>().await;
    for (id, timing) in [("before", Before), ("after", After)] {
        let points = [at(timing, Insert), at(timing, Update), at(timing, Delete)];
        engine
            .hooks()
            .hook::<Product>(id, &points, move |mut parts| {
                let (cx, point) = (take::<&Cx>(&mut parts), parts.point);
                Box::pin(async move {
                    assert!(cx.in_transaction());
                    let entry = Entry::insert(cx, Entry { text: point.to_string() }).await?;
                    // It reads its own writes.
                    assert!(Entry::get(cx, &entry.id).await?.is_some());
                    Ok(())
                })
            })
            .unwrap();
    }
    let pen = Product::insert(&cx, product("pen")).await.unwrap();
    Product::update(&cx, &pen.id, Product::PRICE.set(1)).await.unwrap();
    Product::delete(&cx, &pen.id).await.unwrap();
    let changes = engine.store().changes(0, 100).await.unwrap();
    let mut units: Vec<Vec<&str>> = Vec::new();
    for pair in changes.chunk_by(|one, other| one.transaction == other.transaction) {
        units.push(pair.iter().map(|change| change.model.as_str()).collect());
    }
    assert_eq!(units, [["shop/entries", "shop/products", "shop/entries"]; 3]);
    assert_eq!(entries(&cx).await.len(), 6);
}

#[tokio::test]
async fn hooks_see_the_document_before_and_after() {
    let (engine, cx) = start::<(Product,)>().await;
    let seen = Seen::default();
    let told = seen.clone();
    let points = [at(Before, Update), at(After, Update), at(AfterCommit, Update)];
    engine
        .hooks()
        .hook::<Product>("prices", &points, move |mut parts| {
            let previous: Previous<'_, Product> = take(&mut parts);
            let document: &Doc<Product> = take(&mut parts);
            told.tell(format!("{} {} {}", parts.point, previous.price, document.price));
            Box::pin(async { Ok(()) })
        })
        .unwrap();
    let pen = Product::insert(&cx, product("pen")).await.unwrap();
    Product::update(&cx, &pen.id, Product::PRICE.set(5)).await.unwrap();
    let expected = ["before(update) 100 100", "after(update) 100 5", "after_commit(update) 100 5"];
    assert_eq!(seen.take(), expected);
}

#[tokio::test]
async fn what_comes_after_the_commit_comes_once_and_can_change_nothing_any_more() {
    let (engine, cx) = start::<(Product, Entry)>().await;
    engine
        .hooks()
        .hook::<Product>("told", &[at(AfterCommit, Insert)], |mut parts| {
            let (cx, document) = (take::<&Cx>(&mut parts), take::<&Doc<Product>>(&mut parts));
            Box::pin(async move {
                assert!(!cx.in_transaction());
                assert!(Product::get(cx, &document.id).await?.is_some());
                Entry::insert(cx, Entry { text: document.name.clone() }).await?;
                Err(refused())
            })
        })
        .unwrap();
    Product::insert(&cx, product("pen")).await.unwrap();
    assert_eq!(entries(&cx).await, ["pen"]);
    let rolled_back: Result<()> = cx
        .transaction(async |tx| {
            Product::insert(&tx, product("ink")).await?;
            Err(refused())
        })
        .await;
    assert!(rolled_back.is_err());
    cx.transaction(async |tx| {
        Product::insert(&tx, product("cap")).await?;
        assert_eq!(entries(&tx).await, ["pen"]);
        Ok(())
    })
    .await
    .unwrap();
    assert_eq!(entries(&cx).await, ["pen", "cap"]);
}

// HOO-07
#[tokio::test]
async fn hooks_come_and_go_while_the_application_runs() {
    let (engine, cx) = start::<(Product,)>().await;
    fn run(_: HookParts<'_>) -> Answer<'_> {
        Box::pin(async { Err(refused()) })
    }
    engine.hooks().hook::<Product>("no", &[at(Before, Insert)], run).unwrap();
    let again = engine.hooks().hook::<Product>("no", &[at(Before, Insert)], run);
    assert!(again.unwrap_err().is(Code::Conflict));
    let nowhere = engine.hooks().hook::<Product>("read", &[at(Before, Operation::Get)], run);
    assert!(nowhere.unwrap_err().is(Code::InvalidRequest));
    assert!(Product::insert(&cx, product("pen")).await.is_err());
    assert!(engine.hooks().unhook::<Product>("no"));
    assert!(!engine.hooks().unhook::<Product>("no"));
    Product::insert(&cx, product("pen")).await.unwrap();
}

#[tokio::test]
async fn a_hook_before_a_list_narrows_it() {
    let (engine, cx) = start::<(Product,)>().await;
    for (name, price) in [("pen", 1), ("ink", 2), ("cap", 3)] {
        Product::insert(&cx, Product { name: name.into(), price, cost: None }).await.unwrap();
    }
    engine
        .hooks()
        .hook::<Product>("cheap", &[at(Before, List)], |mut parts| {
            let listing: &mut Listing = take(&mut parts);
            listing.order_by(Product::PRICE.desc());
            let narrowed = listing.narrow(Product::PRICE.lt(3));
            Box::pin(async { narrowed })
        })
        .unwrap();
    let docs = Product::list(&cx, 0, 20).await.unwrap();
    assert_eq!(docs.iter().map(|doc| doc.price).collect::<Vec<_>>(), [2, 1]);
    let mut call = Call::new(List, Product::descriptor().shape());
    call.arguments = Arguments::Pairs(vec![("count".into(), "1".into()), ("after".into(), String::new())]);
    let reply = engine.perform(call).await.unwrap();
    let page: Json = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(page[0]["price"], 2);
    let mut call = Call::new(List, Product::descriptor().shape());
    call.arguments =
        Arguments::Pairs(vec![("count".into(), "1".into()), ("after".into(), reply.next_cursor.unwrap())]);
    let page: Json = serde_json::from_slice(&engine.perform(call).await.unwrap().body).unwrap();
    assert_eq!(page[0]["price"], 1);
}

#[tokio::test]
async fn hooks_run_for_batches_and_once_for_a_repeated_call() {
    let (engine, cx) = start::<(Product, Entry)>().await;
    let seen = Seen::default();
    for timing in [Before, After, AfterCommit] {
        let seen = seen.clone();
        engine
            .hooks()
            .hook::<Product>(timing.name(), &[at(timing, Insert)], move |parts| {
                seen.tell(parts.point.to_string());
                Box::pin(async { Ok(()) })
            })
            .unwrap();
    }
    let shape = Product::descriptor().shape();
    let insert = || {
        let mut call = Call::new(Insert, shape).with_mutation_id("once").unwrap();
        call.body = b"{\"name\":\"pen\"}".to_vec();
        engine.perform(call)
    };
    assert!(!insert().await.unwrap().replayed);
    assert_eq!(seen.take(), ["before(insert)", "after(insert)", "after_commit(insert)"]);
    assert!(insert().await.unwrap().replayed);
    assert_eq!(seen.take(), [""; 0]);
    let mut batch = Call::new(Operation::Batch, shape);
    let operation = |name: &str| json!({ "op": "insert", "data": { "name": name } });
    batch.body = json!({ "operations": [operation("one"), operation("two")] }).to_string().into_bytes();
    engine.perform(batch).await.unwrap();
    let order = ["before(insert)", "after(insert)", "before(insert)", "after(insert)"];
    assert_eq!(seen.take(), [&order[..], &["after_commit(insert)"; 2]].concat());
    drop(cx);
}
