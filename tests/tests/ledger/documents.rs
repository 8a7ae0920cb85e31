//! Documents are inserted, found, counted, changed and removed, over HTTP and from Rust.

use super::*;

const USERS: &str = "/system/users";

async fn people() -> (Server, Client) {
    let server = start::<(User, Product)>().await;
    for (name, age) in [("ada", Some(36)), ("bob", Some(18)), ("cleo", None), ("dan", Some(70))] {
        let user = User {
            age,
            full_name: Some(name.to_uppercase()),
            tags: vec![name[..1].into(), "x".into()],
            ..User::new(&format!("{name}@b.c"))
        };
        User::insert(&server.cx, user).await.unwrap();
        server.clock.advance(std::time::Duration::from_millis(1));
    }
    let client = server.client().await;
    (server, client)
}

#[tokio::test]
async fn an_insert_answers_the_whole_document() {
    // QRY-01
    let (server, mut client) = people().await;
    let answer = client.post(&format!("{USERS}/insert"), &user("e@b.c", 5)).await;
    assert_eq!((answer.status, answer.header("etag")), (201, Some("\"1\"")));
    let id = answer.json()["_id"].as_str().unwrap().to_owned();
    let place = answer.header("location").unwrap().to_owned();
    assert_eq!(client.get(&format!("{USERS}/{place}")).await.json(), answer.json());
    let doc = User::get(&server.cx, id.as_str()).await.unwrap().unwrap();
    assert_eq!((doc.version, doc.email.as_str(), doc.age), (1, "e@b.c", Some(5)));
    let many = vec![User::new("f@b.c"), User::new("ada@b.c")];
    assert!(User::insert_many(&server.cx, many).await.unwrap_err().is(Code::UniqueViolation));
    assert_eq!(User::count(&server.cx).await.unwrap(), 5);
}

#[tokio::test]
async fn get_answers_the_first_or_null() {
    // QRY-02, QRY-11
    let (server, mut client) = people().await;
    assert_eq!(client.get(&format!("{USERS}/get?age[gt]=18&sort=-age")).await.json()["email"], "dan@b.c");
    assert_eq!(client.get(&format!("{USERS}/get?fullName=NOBODY")).await.json(), Json::Null);
    let first =
        User::find().filter(User::AGE.gt(18)).order_by(User::AGE.asc()).first(&server.cx).await.unwrap();
    assert_eq!(first.unwrap().email, "ada@b.c");
    assert!(User::get(&server.cx, "nobody").await.unwrap().is_none());
}

#[tokio::test]
async fn find_answers_all_and_list_a_page() {
    // QRY-03, QRY-04, QRY-09, QRY-10
    let (server, mut client) = people().await;
    let page = client.get(&format!("{USERS}/list?sort=email&start=1&count=2")).await;
    assert_eq!(pluck(&page, "email"), ["bob@b.c", "cleo@b.c"]);
    assert_eq!(client.post(&format!("{USERS}/find"), &json!({})).await.json().as_array().unwrap().len(), 4);
    let some = json!({"query": {"tags": "x", "age": {"$gte": 18}}, "sort": {"age": -1}, "fields": ["email"]});
    let found = client.post(&format!("{USERS}/find"), &some).await;
    assert_eq!(pluck(&found, "email"), ["dan@b.c", "ada@b.c", "bob@b.c"]);
    assert_eq!(found.json()[0].as_object().unwrap().keys().collect::<Vec<_>>(), ["_id", "email"]);
    let exact = client.get(&format!("{USERS}/list?fullName=ADA&age=36")).await;
    assert_eq!(pluck(&exact, "email"), ["ada@b.c"]);
    assert_eq!(client.get(&format!("{USERS}/list?fullName=ADA&age=37")).await.json(), json!([]));
    assert_eq!(User::find().all(&server.cx).await.unwrap().len(), 4);
    assert_eq!(User::list(&server.cx, 3, 5).await.unwrap().len(), 1);
}

#[tokio::test]
async fn operators_mean_what_they_mean_in_memory() {
    // QRY-07, QRY-08, QRY-12
    let (server, mut client) = people().await;
    let shape = User::descriptor().shape();
    let all = User::find().all(&server.cx).await.unwrap();
    let rows: Vec<_> = all.iter().map(|doc| modeller::model::to_row(&doc.data, shape).unwrap()).collect();
    for filter in [
        json!({"age": {"$gt": 18}}),
        json!({"age": {"gte": 18, "lt": 70}}),
        json!({"age": {"$ne": 18}}),
        json!({"age": null}),
        json!({"age": {"$exists": true}}),
        json!({"age": {"$in": [18, 70, null]}}),
        json!({"age": {"$nin": [18]}}),
        json!({"$not": {"age": {"$lte": 36}}}),
        json!({"$or": [{"age": 18}, {"fullName": {"$startsWith": "C"}}]}),
        json!({"$and": [{"tags": "x"}, {"tags.0": {"$ne": "a"}}]}),
        json!({"fullName": {"$contains": "L"}}),
        json!({"fullName": {"$endsWith": "N"}}),
        json!({"fullName": {"$like": "_A_"}}),
        json!({"role": "admin"}),
    ] {
        let parsed = Filter::parse(shape, &filter, modeller::query::Access::Public).unwrap();
        let expected = rows.iter().filter(|row| parsed.matches(shape, *row)).count();
        assert_eq!(
            client.get(&format!("{USERS}/count?{}", query(&filter))).await.json(),
            expected,
            "{filter}"
        );
    }
    let typed = User::find().filter(User::AGE.between(18, 36) & !User::EMAIL.starts_with("a"));
    assert_eq!(typed.count(&server.cx).await.unwrap(), 1);
}

#[tokio::test]
async fn an_update_merges_into_one_document_or_all_that_fit() {
    // QRY-05
    let (server, mut client) = people().await;
    let one = client.put(&format!("{USERS}/update?email=ada@b.c"), &json!({"age": 37})).await;
    assert_eq!((one.status, one.header("etag")), (200, Some("\"2\"")));
    assert_eq!((&one.json()["age"], &one.json()["fullName"]), (&json!(37), &json!("ADA")));
    let id = one.json()["_id"].as_str().unwrap().to_owned();
    let filter = query(&json!({"$and": [{"_id": id}, {"age": 37}]}));
    assert!(client.put(&format!("{USERS}/update?{filter}"), &json!({"age": null})).await.json().is_object());
    // What names no document by its id or a unique field is answered with an array, be it of one or none.
    for (filter, count) in [
        (json!({"age": {"$gt": 17}}), 2),
        (json!({"age": 555}), 0),
        (json!({"email": {"$in": ["ada@b.c"]}}), 1),
        (json!({"$or": [{"email": "ada@b.c"}, {"email": "bob@b.c"}]}), 2),
        (json!({"$not": {"email": "ada@b.c"}}), 3),
    ] {
        let answer = client.put(&format!("{USERS}/update?{}", query(&filter)), &json!({"tags": ["y"]})).await;
        assert_eq!(answer.json().as_array().map(Vec::len), Some(count), "{filter}");
        assert_eq!(answer.header("etag"), None);
    }
    for filter in ["_id=none", "email=none@b.c", "email=ada@b.c&age=99"] {
        refused(&client.put(&format!("{USERS}/update?{filter}"), &json!({"age": 1})).await, 404, "NOT_FOUND");
    }
    refused(&client.put(&format!("{USERS}/update"), &json!({"age": 1})).await, 400, "INVALID_QUERY");
    // One that does not fit keeps all as they are.
    let both = query(&json!({"email": {"$in": ["ada@b.c", "bob@b.c"]}}));
    let answer = client.put(&format!("{USERS}/update?{both}"), &json!({"email": "same@b.c"})).await;
    refused(&answer, 409, "UNIQUE_VIOLATION");
    assert_eq!(User::find().filter(User::EMAIL.eq("same@b.c")).count(&server.cx).await.unwrap(), 0);

    let changed = User::update(&server.cx, id.as_str(), User::AGE.set(40)).await.unwrap();
    assert_eq!(changed.age, Some(40));
    let mut stale = changed.clone();
    stale.age = Some(41);
    assert_eq!(User::save(&server.cx, &stale).await.unwrap().age, Some(41));
    assert!(User::save(&server.cx, &stale).await.unwrap_err().is(Code::Conflict));
    let none = User::update_where(&server.cx, User::EMAIL.eq("none@b.c"), User::AGE.set(1)).await.unwrap();
    assert!(none.is_empty());
}

#[tokio::test]
async fn a_delete_removes_one_document_or_all_that_fit() {
    // QRY-06
    let (server, mut client) = people().await;
    let one = client.delete(&format!("{USERS}/delete?email=ada@b.c")).await;
    assert_eq!(one.json()["email"], "ada@b.c");
    refused(&client.delete(&format!("{USERS}/delete?email=ada@b.c")).await, 404, "NOT_FOUND");
    refused(&client.delete(&format!("{USERS}/delete")).await, 400, "INVALID_QUERY");
    let many = client.delete(&format!("{USERS}/delete?age[gte]=18")).await;
    assert_eq!(many.json().as_array().unwrap().len(), 2);
    assert_eq!(client.delete(&format!("{USERS}/delete?age[gte]=18")).await.json(), json!([]));
    assert_eq!(client.get(&format!("{USERS}/count")).await.json(), 1);
    let last = User::delete_where(&server.cx, User::AGE.is_null()).await.unwrap();
    assert_eq!(last.len(), 1);
    assert!(User::delete(&server.cx, &last[0].id).await.unwrap_err().is(Code::NotFound));
}

#[tokio::test]
async fn first_and_last_go_by_insertion() {
    // QRY-13
    let (server, mut client) = people().await;
    assert_eq!(pluck(&client.get(&format!("{USERS}/first?count=2")).await, "email"), ["ada@b.c", "bob@b.c"]);
    assert_eq!(pluck(&client.get(&format!("{USERS}/last")).await, "email"), ["dan@b.c"]);
    assert_eq!(pluck(&client.get(&format!("{USERS}/last?count=1&age=18")).await, "email"), ["bob@b.c"]);
    let last = User::last(&server.cx, 3).await.unwrap();
    assert_eq!(last.iter().map(|doc| &doc.email[..3]).collect::<Vec<_>>(), ["dan", "cle", "bob"]);
    assert_eq!(User::first(&server.cx, 1).await.unwrap()[0].email, "ada@b.c");
}

#[tokio::test]
async fn an_upsert_updates_or_inserts_and_can_be_repeated() {
    // PER-09
    let (server, mut client) = people().await;
    let upsert = format!("{USERS}/upsert");
    let new = client.post(&upsert, &user("new@b.c", 1)).await;
    assert_eq!((new.status, &new.json()["_version"]), (201, &json!(1)));
    let again = client.post(&upsert, &user("new@b.c", 2)).await;
    assert_eq!(
        (again.status, &again.json()["_version"], &again.json()["_id"]),
        (200, &json!(2), &new.json()["_id"])
    );
    let named = client.post(&format!("{upsert}?email=ada@b.c"), &user("ada2@b.c", 3)).await;
    assert_eq!((named.status, &named.json()["fullName"]), (200, &json!("ADA")));
    // What would not be found again is not inserted: a repetition would insert it once more.
    for query in ["_id=none", "email=other@b.c", "email=new@b.c&age=555"] {
        refused(&client.post(&format!("{upsert}?{query}"), &user("up@b.c", 4)).await, 404, "NOT_FOUND");
    }
    refused(&client.post(&format!("{upsert}?age=3"), &user("up@b.c", 4)).await, 400, "INVALID_QUERY");
    assert_eq!(client.get(&format!("{USERS}/count")).await.json(), 5);
    // A key is one way to name a document, what is private is none.
    let product = json!({"sku": "A-1", "price": 1, "secret": "s"});
    assert_eq!(client.post("/shop/products/upsert", &product).await.status, 201);
    assert_eq!(
        client.post("/shop/products/upsert", &json!({"sku": "A-1", "price": 2})).await.json()["_version"],
        2
    );
    let guess = client.post("/shop/products/upsert", &json!({"sku": "B-1", "price": 2, "secret": "s"})).await;
    refused(&guess, 409, "UNIQUE_VIOLATION");
    let (doc, created) = User::upsert(&server.cx, User::new("new@b.c")).await.unwrap();
    assert_eq!((doc.version, created, doc.age), (3, false, None));
}

#[tokio::test]
async fn clear_removes_everything_and_says_how_much() {
    // PER-10, PER-11
    let (server, mut client) = people().await;
    assert_eq!(client.send("POST", &format!("{USERS}/clear"), &[], b"").await.json(), json!({"deleted": 4}));
    assert_eq!(client.send("POST", &format!("{USERS}/clear"), &[], b"").await.json(), json!({"deleted": 0}));
    User::insert(&server.cx, User::new("a@b.c")).await.unwrap();
    assert_eq!(User::clear(&server.cx).await.unwrap(), 1);
    // Which models there are, and how much is in them, can be asked for.
    let metadata = client.get("/@metadata").await.json();
    let paths: Vec<&Json> =
        metadata["models"].as_array().unwrap().iter().map(|model| &model["path"]).collect();
    assert_eq!(paths, ["shop/products", "system/users"]);
    assert_eq!(client.get(&format!("{USERS}/count")).await.json(), 0);
}

#[tokio::test]
async fn a_transaction_is_whole_or_nothing() {
    let (server, mut client) = people().await;
    let cx = &server.cx;
    let outcome: Result<()> = cx
        .transaction(async |tx| {
            User::insert(&tx, User::new("tx@b.c")).await?;
            assert_eq!(User::count(&tx).await?, 5);
            Err(Error::new(Code::Forbidden, "no"))
        })
        .await;
    assert!(outcome.unwrap_err().is(Code::Forbidden));
    // A part that failed can't be left behind by going on.
    let outcome = cx
        .transaction(async |tx| {
            let inner: Result<()> = tx
                .transaction(async |tx| {
                    User::insert(&tx, User::new("half@b.c")).await?;
                    User::insert(&tx, User::new("ada@b.c")).await.map(drop)
                })
                .await;
            assert!(inner.unwrap_err().is(Code::UniqueViolation));
            Ok(())
        })
        .await;
    assert!(outcome.unwrap_err().is(Code::Conflict));
    assert_eq!(User::count(cx).await.unwrap(), 4);
    let batch = json!({"operations": [
        {"op": "insert", "data": user("one@b.c", 1)},
        {"op": "update", "query": {"email": "one@b.c"}, "data": {"age": 2}},
        {"op": "count", "query": {"age": 2}},
        {"op": "delete", "query": {"email": "bob@b.c"}},
    ]});
    let answer = client.post(&format!("{USERS}/batch"), &batch).await.json();
    assert_eq!((&answer["results"][1]["data"]["age"], &answer["results"][2]["data"]), (&json!(2), &json!(1)));
    assert_eq!(client.get(&format!("{USERS}/count")).await.json(), 4);
}

#[tokio::test]
async fn a_write_that_is_broken_off_ends_its_transaction() {
    let engine = engine::<(User,)>(Clock::manual(START)).await;
    let cx = engine.cx();
    let outcome = cx
        .transaction(async |tx| {
            User::insert(&tx, User::new("first@b.c")).await?;
            let users = (0..500).map(|n| User::new(&format!("{n}@b.c"))).collect();
            let mut many = Box::pin(User::insert_many(&tx, users));
            // It waits for the first of its steps, which is done when nobody waits any more.
            let polled =
                std::future::poll_fn(|waker| std::task::Poll::Ready(many.as_mut().poll(waker))).await;
            assert!(polled.is_pending());
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            drop(many);
            assert!(User::count(&tx).await.unwrap_err().is(Code::Conflict));
            Ok(())
        })
        .await;
    assert!(outcome.unwrap_err().is(Code::Conflict));
    assert_eq!(User::count(&cx).await.unwrap(), 0);
}

#[tokio::test]
async fn indexed_fields_answer_filters_and_sorts() {
    // SCH-25
    let server = start::<(User,)>().await;
    let ages: Vec<i64> = (0..300).map(|n| n * 7 % 101).collect();
    let users =
        ages.iter().enumerate().map(|(n, age)| User { age: Some(*age), ..User::new(&format!("{n}@b.c")) });
    User::insert_many(&server.cx, users.collect()).await.unwrap();
    let mut client = server.client().await;
    let fields = client.get("/@metadata").await.json()["models"][0]["fields"].clone();
    let age = fields.as_array().unwrap().iter().find(|field| field["name"] == "age").unwrap().clone();
    assert_eq!(age["indexed"], true);
    let mut expected: Vec<i64> = ages.into_iter().filter(|age| (20..40).contains(age)).collect();
    expected.sort_unstable();
    let page = client.get(&format!("{USERS}/list?age[gte]=20&age[lt]=40&sort=age&count=1000")).await;
    assert_eq!(pluck(&page, "age"), expected);
    expected.reverse();
    let page = client.get(&format!("{USERS}/list?age[gte]=20&age[lt]=40&sort=-age&count=1000")).await;
    assert_eq!(pluck(&page, "age"), expected);
}
