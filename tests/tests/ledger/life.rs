//! Documents that go by themselves, and those that come back.

use std::time::Duration;

use modeller::test::{Kit, Response};

use super::*;

async fn kit<M: Models>() -> Kit {
    App::isolated().models::<M>().clock(Clock::manual(START)).test().await.unwrap()
}

#[track_caller]
fn refused(answer: &Response, status: u16, code: &str) {
    assert_eq!((answer.status, answer.code().as_str()), (status, code), "{}", answer.text());
}

/// Somebody is signed in.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "system", name = "sessions", ttl = "30m")]
pub struct Session {
    #[model(unique)]
    pub token: String,
    pub seat: Option<i64>,
}

/// What was last seen.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "system", name = "sights", max_size = 3, trash = "1h")]
pub struct Sight {
    #[model(key)]
    pub name: String,
}

#[tokio::test]
async fn documents_expire_after_their_last_write() {
    // SCH-13, SCH-23
    let kit = kit::<(Session,)>().await;
    let insert = kit.post("/system/sessions/insert", &json!({"token": "a"})).await.json();
    assert_eq!(insert["_expiresAt"], START + 30 * 60_000);
    kit.post("/system/sessions/insert", &json!({"token": "b"})).await.expect(201);
    kit.clock().advance(Duration::from_secs(29 * 60));
    let written = kit.put("/system/sessions/update?token=b", &json!({"seat": 1})).await.json();
    assert_eq!(written["_expiresAt"], START + 59 * 60_000);
    kit.clock().advance(Duration::from_secs(60));
    // It is gone at once, whether or not it was swept.
    assert_eq!(kit.get("/system/sessions/get?token=a").await.json(), Json::Null);
    assert_eq!(kit.get("/system/sessions/count").await.json(), 1);
    refused(&kit.put("/system/sessions/update?token=a", &json!({"seat": 1})).await, 404, "NOT_FOUND");
    assert_eq!(kit.post("/system/sessions/insert", &json!({"token": "a"})).await.status, 201);
}

#[tokio::test]
async fn a_sweep_removes_what_has_expired_and_says_how_much() {
    // SCH-23
    let clock = Clock::manual(START);
    let engine = engine::<(Session, Sight)>(clock.clone()).await;
    let cx = engine.cx();
    let session = |token: &str| Session { token: token.into(), seat: None };
    for n in 0..2_500 {
        Session::insert(&cx, session(&n.to_string())).await.unwrap();
    }
    assert_eq!(engine.sweep().await.unwrap(), 0);
    clock.advance(Duration::from_secs(31 * 60));
    Session::insert(&cx, session("new")).await.unwrap();
    assert_eq!(engine.sweep().await.unwrap(), 2_500);
    assert_eq!(engine.sweep().await.unwrap(), 0);
    // What has expired stands in nobody's way, before the sweep.
    clock.advance(Duration::from_secs(20 * 60));
    let other = Session::insert(&cx, session("other")).await.unwrap();
    clock.advance(Duration::from_secs(11 * 60));
    let renamed = Session::update(&cx, &other.id, Session::TOKEN.set("new")).await.unwrap();
    assert_eq!((renamed.token.as_str(), Session::count(&cx).await.unwrap()), ("new", 1));
}

#[tokio::test]
async fn what_is_stopped_sweeps_no_more() {
    // SCH-23
    let clock = Clock::manual(START);
    let engine = engine::<(Session,)>(clock.clone()).await;
    let cx = engine.cx();
    let lives_on =
        async || engine.store().count(Session::descriptor().shape(), &Filter::True).await.unwrap() > 0;
    // Whether what has expired goes within so many turns.
    let goes = async |token: &str, turns: usize| {
        Session::insert(&cx, Session { token: token.into(), seat: None }).await.unwrap();
        clock.advance(Duration::from_secs(31 * 60));
        for _ in 0..turns {
            if !lives_on().await {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        false
    };
    // Each takes the place of the one before.
    engine.sweep_every(Duration::from_secs(3_600));
    engine.sweep_every(Duration::from_millis(1));
    assert!(goes("a", 10_000).await);
    engine.sweep_every(Duration::from_millis(1));
    assert!(goes("b", 10_000).await);
    engine.stop().await;
    assert!(!goes("c", 50).await);
    engine.sweep_every(Duration::from_millis(1));
    assert!(goes("d", 10_000).await, "stopped is not ended");
}

#[tokio::test]
async fn the_oldest_documents_make_room() {
    // SCH-24
    let kit = kit::<(Sight,)>().await;
    // Inserted at one time: the one that comes last stays, whatever its name.
    for name in ["d", "c", "b", "a"] {
        assert_eq!(kit.post("/system/sights/insert", &json!({"name": name})).await.status, 201);
        assert_eq!(kit.get(&format!("/system/sights/get?_id={name}")).await.json()["name"], name);
    }
    kit.clock().advance(Duration::from_secs(1));
    for name in ["z", "y", "x"] {
        kit.post("/system/sights/insert", &json!({"name": name})).await.expect(201);
    }
    assert_eq!(
        kit.get("/system/sights/list")
            .await
            .data::<Vec<Sight>>()
            .iter()
            .map(|sight| &sight.name)
            .collect::<Vec<_>>(),
        ["x", "y", "z"]
    );
    // What comes back needs room, too.
    kit.delete("/system/sights/delete?_id=x").await.expect(200);
    kit.post("/system/sights/insert", &json!({"name": "w"})).await.expect(201);
    // The key of what lies in the trash is not free.
    let taken = kit.post("/system/sights/insert", &json!({"name": "x"})).await;
    refused(&taken, 409, "UNIQUE_VIOLATION");
    assert!(taken.json()["message"].as_str().unwrap().contains("trash"));
    refused(&kit.post("/system/sights/upsert", &json!({"name": "x"})).await, 409, "UNIQUE_VIOLATION");
    let back = kit.post("/system/sights/restore?_id=x", ()).await;
    assert_eq!(back.json()["name"], "x");
    assert_eq!(kit.get("/system/sights/count").await.json(), 3);
    kit.delete("/system/sights/delete?_id=x").await.expect(200);
    kit.clock().advance(Duration::from_secs(3_600));
    assert_eq!(kit.post("/system/sights/insert", &json!({"name": "x"})).await.status, 201);
}

#[tokio::test]
async fn deleted_documents_lie_in_the_trash_for_a_time() {
    // PER-04
    let kit = kit::<(User, Product)>().await;
    let path = "/system/users";
    let one = kit.post(&format!("{path}/insert"), &user("a@b.c", 1)).await.json();
    let id = one["_id"].as_str().unwrap().to_owned();
    let deleted = kit.delete(&format!("{path}/delete?_id={id}")).await.json();
    assert_eq!((&deleted["_version"], &deleted["_deletedAt"]), (&json!(2), &json!(START)));
    for read in ["list", "first", "last"] {
        assert_eq!(kit.get(&format!("{path}/{read}")).await.json(), json!([]));
    }
    refused(&kit.put(&format!("{path}/update?_id={id}"), &json!({"age": 2})).await, 404, "NOT_FOUND");
    assert_eq!(User::find().trashed().count(&kit.cx()).await.unwrap(), 1);
    // Its address is free meanwhile, so that it can only come back when that is free again.
    kit.post(&format!("{path}/insert"), &user("a@b.c", 2)).await.expect(201);
    let restore = format!("{path}/restore?_id={id}");
    refused(&kit.post(&restore, ()).await, 409, "UNIQUE_VIOLATION");
    kit.delete(&format!("{path}/delete?age=2")).await.expect(200);
    let both = kit.post(&format!("{path}/restore?email=a@b.c"), ()).await;
    refused(&both, 409, "CONFLICT");
    let back = kit.post(&restore, ()).await;
    assert_eq!((back.status, &back.json()["_version"], &back.json()["age"]), (200, &json!(3), &json!(1)));
    assert_eq!(back.json().get("_deletedAt"), None);
    refused(&kit.post(&restore, ()).await, 404, "NOT_FOUND");
    // After its time it does not come back, swept or not.
    kit.clock().advance(Duration::from_secs(3_601));
    let late = kit.post(&format!("{path}/restore?age=2"), ()).await;
    assert_eq!(late.json(), json!([]));
    assert_eq!(User::find().trashed().count(&kit.cx()).await.unwrap(), 0);
    let none = kit.post("/shop/products/restore?_id=A", ()).await;
    refused(&none, 404, "METHOD_NOT_FOUND");
}

#[tokio::test]
async fn a_write_that_finds_nothing_does_not_spoil_its_transaction() {
    let engine = engine::<(Session,)>(Clock::manual(START)).await;
    let cx = engine.cx();
    cx.transaction(async |tx| {
        Session::insert(&tx, Session { token: "a".into(), seat: None }).await?;
        assert!(Session::delete_where(&tx, Session::TOKEN.eq("b")).await?.is_empty());
        Session::insert(&tx, Session { token: "c".into(), seat: None }).await.map(drop)
    })
    .await
    .unwrap();
    assert_eq!(Session::count(&cx).await.unwrap(), 2);
}

/// A number that is an id, and stays one in the trash.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "system", name = "invoices", trash = "1h")]
pub struct Invoice {
    #[serde(default)]
    #[model(key, generated = "autoincrement")]
    pub number: i64,
}

#[tokio::test]
async fn numbers_of_documents_in_the_trash_are_not_given_again() {
    let engine = engine::<(Invoice,)>(Clock::manual(START)).await;
    let cx = engine.cx();
    let insert = async |number| Invoice::insert(&cx, Invoice { number }).await.unwrap();
    assert_eq!(insert(0).await.number, 1);
    for number in 2..6 {
        insert(number).await;
        Invoice::delete(&cx, number.to_string().as_str()).await.unwrap();
    }
    assert_eq!(insert(0).await.number, 6);
}
