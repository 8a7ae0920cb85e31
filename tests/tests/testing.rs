//! The test kit: what an application's author has for tests.
//

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use modeller::app::{App, Extension, Setup};
use modeller::doors::http::{HttpOptions, Method, Route, RouteCx};
use modeller::engine::{Clock, Identity};
use modeller::prelude::*;
use modeller::test::Kit;
use serde_json::{Value as Json, json};

/// Somebody is signed in.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "system", name = "sessions", ttl = "30m")]
pub struct Session {
    #[model(unique)]
    pub token: String,
}

/// Something that is kept.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "system", name = "notes", trash = "1h")]
pub struct Note {
    pub text: String,
}

async fn kit() -> Kit {
    App::isolated().models::<(Session, Note)>().test().await.unwrap()
}

fn note(text: &str) -> Note {
    Note { text: text.into() }
}

#[tokio::test]
async fn requests_go_through_the_whole_door() {
    let kit = kit().await;
    let made = kit.post("/system/notes/insert", note("hello")).await;
    let id = made.expect(201)["_id"].as_str().unwrap().to_owned();
    assert_eq!(made.header("etag"), Some("\"1\""));
    assert_eq!(made.data::<Note>().text, "hello");
    let path = format!("/system/notes/update?_id={id}");
    let stale = kit.anonymous().header("If-Match", "\"7\"").put(&path, json!({ "text": "x" })).await;
    assert_eq!((stale.status, stale.code().as_str()), (412, "CONFLICT"));
    assert_eq!(kit.put(&path, json!({ "text": "bye" })).await.expect(200)["text"], "bye");
    assert_eq!(kit.get("/system/notes/list").await.json()[0]["_version"], 2);
    let gone = kit.delete(&format!("/system/notes/delete?_id={id}")).await;
    assert_eq!(gone.status, 200, "{}", gone.text());
    // Without a body.
    assert_eq!(kit.post(&format!("/system/notes/restore?_id={id}"), ()).await.status, 200);
    let head = kit.anonymous().send(Method::HEAD, "/system/notes/count", Vec::new()).await;
    assert_eq!((head.status, head.body.len(), head.header("content-length")), (200, 0, Some("1")));
    assert_eq!(kit.get("/nowhere").await.code(), "ROUTE_NOT_FOUND");
    assert_eq!(kit.post("/system/notes/insert", json!({ "text": 1 })).await.code(), "VALIDATION_ERROR");
    assert_eq!(kit.get("/@openapi.json").await.expect(200)["openapi"], "3.1.0");
}

#[tokio::test]
async fn the_application_is_tested_as_it_was_built() {
    async fn who(cx: RouteCx) -> Result<Json> {
        Ok(json!({ "actor": cx.identity().actor(), "notes": Note::count(&cx).await? }))
    }
    let kit = App::isolated()
        .models::<(Note,)>()
        .http(HttpOptions::default().body_limit(100))
        .route(Route::new(Method::GET, "/who", who))
        .test()
        .await
        .unwrap();
    assert_eq!(kit.post("/system/notes/insert", note(&"x".repeat(200))).await.status, 413);
    assert_eq!(kit.get("/who").await.json(), json!({ "actor": null, "notes": 0 }));
    let system = kit.as_identity(Identity::System);
    assert_eq!(system.get("/who").await.json(), json!({ "actor": "system", "notes": 0 }));
    assert_eq!((system.identity(), system.cx().identity()), (&Identity::System, &Identity::System));
    let faults = App::isolated().test().await.unwrap_err();
    assert!(faults.to_string().contains("no models"), "{faults}");
}

/// Answers where it was told to.
struct Here(&'static str);

impl Extension for Here {
    fn id(&self) -> &str {
        self.0
    }

    fn setup(self: Box<Self>, server: &mut Setup<'_>) -> Result<()> {
        server.route(Route::new(Method::GET, self.0, |_: RouteCx| async { Ok("here") }));
        Ok(())
    }
}

#[tokio::test]
async fn extensions_are_set_up_for_a_test_too() {
    let app = || App::isolated().models::<(Note,)>().extension(Here("/here"));
    assert_eq!(app().test().await.unwrap().get("/here").await.json(), "here");
    let faults = app().extension(Here("/here")).test().await.unwrap_err();
    assert!(faults.to_string().contains("two extensions `/here`"), "{faults}");
}

#[tokio::test]
async fn several_call_one_application() {
    let kit = kit().await;
    kit.post("/system/notes/insert", note("one")).await.expect(201);
    kit.as_identity(Identity::System).post("/system/notes/insert", note("two")).await.expect(201);
    Note::insert(&kit.anonymous().cx(), note("three")).await.unwrap();
    Note::insert(&kit.cx(), note("four")).await.unwrap();
    let log = kit.engine().store().changes(0, 100).await.unwrap();
    let actors: Vec<Option<&str>> = log.iter().map(|change| change.actor.as_deref()).collect();
    assert_eq!(actors, [None, Some("system"), None, Some("system")]);
}

#[tokio::test]
async fn time_stands_still_until_the_test_moves_it() {
    let kit = kit().await;
    let first = Session::insert(&kit.cx(), Session { token: "a".into() }).await.unwrap();
    assert_eq!(kit.clock().now(), Kit::START);
    kit.advance(Duration::from_secs(29 * 60)).await;
    Session::insert(&kit.cx(), Session { token: "b".into() }).await.unwrap();
    Note::insert(&kit.cx(), note("hello")).await.unwrap();
    Note::delete_where(&kit.cx(), Note::TEXT.eq("hello")).await.unwrap();
    let swept = async || {
        let log = kit.engine().store().changes(0, 100).await.unwrap();
        log.iter().filter(|change| change.id == first.id.as_str()).count()
    };
    assert_eq!(swept().await, 1);
    // Moving the clock alone sweeps nothing, though nobody sees what has expired.
    kit.clock().advance(Duration::from_secs(60));
    assert_eq!((Session::count(&kit.cx()).await.unwrap(), swept().await), (1, 1));
    kit.settled().await;
    assert_eq!((Session::count(&kit.cx()).await.unwrap(), swept().await), (1, 2));
    // The trash is emptied, too.
    assert_eq!(Note::find().trashed().count(&kit.cx()).await.unwrap(), 1);
    kit.advance(Duration::from_secs(3_600)).await;
    assert_eq!(Note::find().trashed().count(&kit.cx()).await.unwrap(), 0);
    let own = App::isolated().models::<(Note,)>().clock(Clock::manual(7)).test().await.unwrap();
    assert_eq!(own.clock().now(), 7);
}

#[tokio::test]
async fn it_is_settled_when_what_was_set_going_has_ended() {
    let kit = kit().await;
    let done = Arc::new(AtomicU64::new(0));
    for n in 0..10 {
        let (done, cx) = (done.clone(), kit.cx());
        kit.cx().after_commit(async move {
            tokio::time::sleep(Duration::from_millis(n)).await;
            // What follows may set something going itself.
            cx.clone().after_commit(async move {
                tokio::task::yield_now().await;
                done.fetch_add(1, Ordering::Relaxed);
            });
        });
    }
    kit.settled().await;
    assert_eq!(done.load(Ordering::Relaxed), 10);
}

#[tokio::test]
#[should_panic(expected = "there is not enough")]
async fn an_answer_that_was_not_expected_ends_the_test_with_what_it_says() {
    async fn refuse(_: RouteCx) -> Result<Json> {
        Err(Error::custom("NO_MONEY", 409, "there is not enough"))
    }
    let app = App::isolated().models::<(Note,)>().route(Route::new(Method::GET, "/buy", refuse));
    app.test().await.unwrap().get("/buy").await.expect(200);
}

#[tokio::test]
async fn each_kit_is_one_of_its_own_and_soon_there() {
    let begun = Instant::now();
    let mut kits = Vec::new();
    for _ in 0..50 {
        let kit = kit().await;
        kit.post("/system/notes/insert", note("mine")).await.expect(201);
        kits.push(kit);
    }
    println!("{:?} for each of 50 kits", begun.elapsed() / 50);
    for kit in &kits {
        assert_eq!(Note::count(&kit.cx()).await.unwrap(), 1);
    }
    // The clocks differ, too.
    kits[0].advance(Duration::from_secs(1)).await;
    assert_eq!((kits[0].clock().now(), kits[1].clock().now()), (Kit::START + 1_000, Kit::START));
}

#[tokio::test]
async fn a_test_never_touches_a_file() {
    let path = std::env::temp_dir().join(format!("modeller-never-{}.db", std::process::id()));
    let app = App::isolated().models::<(Note,)>().database(path.display().to_string());
    app.test().await.unwrap().post("/system/notes/insert", note("x")).await.expect(201);
    assert!(!path.exists());
}
