//! OPS-14, OPS-15: the models' log.

use std::sync::{Arc, Mutex};

use modeller::engine::{
    Clock, Feature, HookParts, HookPoint, LogAdapter, LogEntry, LogLevel, LogOptions, Operation, Timing,
};
use modeller::prelude::*;
use modeller::store::BoxFuture;
use serde_json::json;

use crate::program::{Place, has};
use crate::{Customer, FEATURED, User, app, connected};

/// Keeps what it gets.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<LogEntry>>>);

impl Kept {
    fn take(&self) -> Vec<LogEntry> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }

    /// Level, feature and message of each.
    fn lines(&self) -> Vec<String> {
        self.take()
            .iter()
            .map(|entry| format!("{} {} {}", entry.level, entry.feature, entry.message))
            .collect()
    }
}

impl LogAdapter for Kept {
    fn log(&self, entry: &LogEntry) {
        self.0.lock().unwrap().push(entry.clone());
    }
}

/// An application's context with a log of this level.
async fn logged(options: LogOptions) -> (Cx, Kept) {
    let kept = Kept::default();
    let app = app().clock(Clock::manual(1_790_000_000_000)).log(options.adapter(kept.clone()));
    (app.cx().await.unwrap(), kept)
}

fn at(level: LogLevel) -> LogOptions {
    LogOptions::new().level(level)
}

// OPS-14
#[tokio::test]
async fn a_log_is_silent_unless_it_is_asked() {
    let (cx, kept) = logged(LogOptions::new()).await;
    let told = Kept::default();
    let listener = told.clone();
    let _listening = cx.engine().on_log(move |entry| listener.log(entry));
    User::insert(&cx, User::new("a@b.c")).await.unwrap();
    cx.log::<User>().error("broken", ());
    struct Untouched;
    impl std::fmt::Display for Untouched {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            panic!("a message that nobody reads is not written")
        }
    }
    cx.log::<User>().info(Untouched, ());
    assert!(kept.take().is_empty() && told.take().is_empty());
    assert!(!cx.engine().log().is_on(LogLevel::Error, Feature::Crud));
}

// OPS-14
#[tokio::test]
async fn a_level_lets_through_what_is_at_least_as_important() {
    for (level, expected) in [
        (LogLevel::Debug, vec!["debug method d", "info method i", "warn method w", "error method e"]),
        (LogLevel::Info, vec!["info method i", "warn method w", "error method e"]),
        (LogLevel::Warn, vec!["warn method w", "error method e"]),
        (LogLevel::Error, vec!["error method e"]),
        (LogLevel::Silent, vec![]),
    ] {
        let (cx, kept) = logged(at(level)).await;
        kept.take();
        let log = cx.log::<User>();
        log.debug("d", ());
        log.info("i", ());
        log.warn("w", ());
        log.error("e", ());
        assert_eq!(kept.lines(), expected, "{level}");
    }
}

// OPS-14
#[tokio::test]
async fn features_are_switched_one_by_one() {
    let (cx, kept) =
        logged(at(LogLevel::Info).feature(Feature::Crud, false).feature(Feature::Job, false)).await;
    User::insert(&cx, User::new("a@b.c")).await.unwrap();
    for &feature in Feature::ALL {
        cx.log::<User>().about(feature).info(feature, ());
    }
    assert_eq!(
        kept.lines(),
        ["info hook hook", "info worker worker", "info method method", "info event event", "info rule rule"]
    );
    // While it runs, too.
    cx.engine().log().configure(&at(LogLevel::Info).features([Feature::Job]).adapter(kept.clone()));
    cx.log::<User>().about(Feature::Job).info("now", ());
    cx.log::<User>().info("not now", ());
    assert_eq!(kept.lines(), ["info job now"]);
}

// OPS-15
#[tokio::test]
async fn an_entry_says_what_where_and_when() {
    let (cx, kept) = logged(at(LogLevel::Info).features([Feature::Method])).await;
    let line = line!() + 1;
    cx.log::<User>().info(format_args!("sent {}", 3), json!({ "to": ["a@b.c"] }));
    let [entry]: [LogEntry; 1] = kept.take().try_into().unwrap();
    let json = serde_json::to_value(&entry).unwrap();
    assert!(entry.call_site.contains(&format!("server_features/logging.rs:{line}:")), "{}", entry.call_site);
    assert_eq!(
        json,
        json!({
            "level": "info", "feature": "method", "modelId": "system/users", "message": "sent 3",
            "callSite": entry.call_site, "timestamp": 1_790_000_000_000_i64, "data": { "to": ["a@b.c"] }, "initial": false
        })
    );
}

// OPS-15
#[tokio::test]
async fn an_entry_on_behalf_of_a_handler_names_its_place() {
    let (cx, kept) = logged(at(LogLevel::Info).features([Feature::Worker])).await;
    let site = <Customer as Model>::descriptor().site;
    cx.engine().logger(None).about(Feature::Worker).at(site).error("stopped", ());
    let [entry]: [LogEntry; 1] = kept.take().try_into().unwrap();
    assert_eq!((entry.model_id, entry.call_site), (None, format!("{}:{}", site.file, site.line)));
}

/// Takes no document of one name.
fn quota(parts: HookParts<'_>) -> BoxFuture<'_, Result<()>> {
    let user = parts.record.and_then(|record| record.as_any().downcast_ref::<User>());
    let is_bad = user.is_some_and(|user| user.email == "bad");
    Box::pin(async move {
        match is_bad {
            true => Err(Error::custom("QUOTA_EXCEEDED", 400, "no room; token=hunter2")),
            false => Ok(()),
        }
    })
}

// OPS-14, HOO-05
#[tokio::test]
async fn hooks_are_told_with_what_they_came_to() {
    let (cx, kept) = logged(at(LogLevel::Debug).features([Feature::Hook])).await;
    let point = [HookPoint::new(Timing::Before, Operation::Insert)];
    cx.engine().hooks().hook::<User>("quota", &point, quota).unwrap();
    User::insert(&cx, User::new("good")).await.unwrap();
    User::insert(&cx, User::new("bad")).await.unwrap_err();
    let [good, bad]: [LogEntry; 2] = kept.take().try_into().unwrap();
    assert_eq!(
        (good.level, good.message.as_str(), good.data),
        (LogLevel::Debug, "hook `quota` before(insert)", None)
    );
    assert_eq!((bad.level, bad.message.as_str()), (LogLevel::Error, "hook `quota` before(insert) failed"));
    assert_eq!(bad.data, Some(json!({ "code": "QUOTA_EXCEEDED", "error": "no room; token=[secret]" })));
    assert!(bad.call_site.contains("server_features/main.rs:"), "{bad:?}");
}

// OPS-15
#[tokio::test]
async fn what_was_registered_is_told_at_the_start() {
    let (_cx, kept) = logged(at(LogLevel::Info)).await;
    let [entry]: [LogEntry; 1] = kept.take().try_into().unwrap();
    assert!(
        entry.initial && entry.feature == Feature::Crud && entry.model_id == Some("system/users"),
        "{entry:?}"
    );
    assert!(entry.message.starts_with("registered: insert, get, list"), "{entry:?}");
    assert!(entry.call_site.contains("server_features/main.rs:"), "{entry:?}");
}

#[modeller::hook(Customer, before(insert))]
fn greet(_customer: &mut Customer) {}

// OPS-15
#[tokio::test]
async fn a_declared_hook_is_told_with_its_place() {
    let kept = Kept::default();
    let options = at(LogLevel::Debug).features([Feature::Hook]).adapter(kept.clone());
    let cx = App::isolated().models::<(Customer,)>().log(options).cx().await.unwrap();
    Customer::insert(&cx, Customer { email: "a@b.c".into() }).await.unwrap();
    let [registered, ran]: [LogEntry; 2] = kept.take().try_into().unwrap();
    assert_eq!((registered.initial, registered.message.as_str()), (true, "registered: greet"));
    assert_eq!((ran.initial, ran.message.as_str()), (false, "hook `greet` before(insert)"));
    assert_eq!(ran.call_site, registered.call_site);
    assert!(ran.call_site.contains("server_features/logging.rs:"), "{ran:?}");
}

#[modeller::worker(Customer, every = "1h", immediate = false)]
async fn nightly() -> Result<()> {
    Ok(())
}

// OPS-15
#[tokio::test]
async fn what_models_do_is_told_at_the_start_too() {
    let kept = Kept::default();
    let options = at(LogLevel::Info).features([Feature::Worker]).adapter(kept.clone());
    let _cx = App::isolated().models::<(Customer,)>().log(options).cx().await.unwrap();
    let [entry]: [LogEntry; 1] = kept.take().try_into().unwrap();
    assert!(entry.initial && entry.model_id == Some("shop/users"), "{entry:?}");
    assert_eq!(entry.message, "registered: nightly");
    assert!(entry.call_site.contains("server_features/logging.rs:"), "{entry:?}");
}

// OPS-14
#[tokio::test]
async fn operations_are_told_from_rust_and_from_the_wire_alike() {
    let kept = Kept::default();
    let mut client = connected(app().log(at(LogLevel::Debug).adapter(kept.clone()))).await;
    kept.take();
    let ada =
        client.post("/system/users/insert", &json!({ "email": "a@b.c", "password": "hunter2" })).await.json();
    let id = ada["_id"].as_str().unwrap();
    client.post("/system/users/insert", &json!({ "email": "a@b.c" })).await;
    client.get("/system/users/list").await;
    client.put(&format!("/system/users/update?_id={id}"), &json!({ "password": "hunter3" })).await;
    client.get("/system/users/count").await;
    let batch =
        json!({ "operations": [{ "op": "insert", "data": { "email": "b@b.c" } }, { "op": "count" }] });
    client.post("/system/users/batch", &batch).await;
    let entries = kept.take();
    let lines: Vec<String> =
        entries.iter().map(|entry| format!("{} {}", entry.level, entry.message)).collect();
    assert_eq!(
        lines,
        [
            "info insert",
            "warn insert",
            "debug list",
            "info update",
            "debug count",
            "info insert",
            "debug count",
            "info batch",
        ]
    );
    assert_eq!(entries[0].data, Some(json!({ "documents": 1, "ids": [id] })));
    assert_eq!(entries[1].data, Some(json!({ "code": "UNIQUE_VIOLATION", "field": "email" })));
    assert_eq!(entries[4].data, Some(json!({ "documents": 1 })));
    assert_eq!(entries[7].data, Some(json!({ "documents": 2 })));

    let (cx, kept) = logged(at(LogLevel::Debug)).await;
    kept.take();
    let ada = User::insert(&cx, User::new("a@b.c")).await.unwrap();
    User::find().all(&cx).await.unwrap();
    User::count(&cx).await.unwrap();
    User::find().count_distinct(&cx, User::EMAIL).await.unwrap();
    cx.transaction(async |tx| User::delete(&tx, &ada.id).await).await.unwrap();
    User::delete(&cx, &ada.id).await.unwrap_err();
    User::clear(&cx).await.unwrap();
    let data: Vec<_> =
        kept.take().into_iter().map(|entry| (entry.level, entry.message, entry.data.unwrap())).collect();
    let system = |level, message: &str, data: serde_json::Value| {
        let mut all = json!({ "actor": "system" });
        all.as_object_mut().unwrap().extend(data.as_object().unwrap().clone());
        (level, message.to_owned(), all)
    };
    let id = ada.id.as_str();
    assert_eq!(
        data,
        [
            system(LogLevel::Info, "insert", json!({ "documents": 1, "ids": [id] })),
            system(LogLevel::Debug, "find", json!({ "documents": 1 })),
            system(LogLevel::Debug, "count", json!({ "documents": 1 })),
            system(LogLevel::Debug, "aggregate", json!({})),
            system(LogLevel::Info, "delete", json!({ "transaction": true, "documents": 1, "ids": [id] })),
            system(LogLevel::Warn, "delete", json!({ "code": "NOT_FOUND" })),
            system(LogLevel::Info, "clear", json!({ "documents": 0 })),
        ]
    );
}

// OPS-14, attacks: logging
#[tokio::test]
async fn what_is_private_or_secret_is_in_no_entry() {
    let kept = Kept::default();
    let app = app().log(at(LogLevel::Debug).adapter(kept.clone()));
    let engine = app.engine().await.unwrap();
    let cx = engine.cx();
    let ada = User::insert(&cx, User::new("a@b.c")).await.unwrap();
    let log = cx.log::<User>();
    // The document itself, deep inside something else, and what is secret by type, by name, or in a text.
    log.info("saved", &ada.data);
    log.info("saved", json!({ "all": [{ "user": &ada.data, "accessToken": "hunter2" }] }));
    log.info("key", Secret::new("hunter2"));
    log.warn("GET /@ws?token=hunter2 from postgres://ann:hunter2@db", json!("Authorization: Bearer hunter2"));
    let entries = kept.take();
    assert_eq!(entries.len(), 6);
    for entry in &entries {
        let shown = format!("{entry} {entry:?} {}", serde_json::to_string(entry).unwrap());
        assert!(!shown.contains("hunter2"), "{shown}");
    }
    assert_eq!(entries[2].data, Some(json!({ "email": "a@b.c", "password": "[secret]" })));
}

// OPS-14, attacks: logging
#[tokio::test]
async fn text_stays_in_its_line_and_speaks_to_no_terminal() {
    let (cx, kept) = logged(at(LogLevel::Info).features([Feature::Method])).await;
    cx.log::<User>()
        .info("fine\n2026-01-01 ERROR forged \u{1b}[2J", json!({ "a": "b\r\n\u{9b}31m\u{202e}" }));
    let [entry]: [LogEntry; 1] = kept.take().try_into().unwrap();
    let text = entry.to_string();
    assert!(!text.chars().any(|character| character.is_control() || character == '\u{202e}'), "{text:?}");
    has(&text, &[r"fine\n2026-01-01 ERROR forged \u{1b}[2J", r"b\r\n\u{9b}31m\u{202e}"]);
}

// OPS-14
#[tokio::test]
async fn a_listener_hears_until_it_leaves() {
    let (cx, _) = logged(at(LogLevel::Info)).await;
    let told = Kept::default();
    let listener = told.clone();
    let listening = cx.engine().on_log(move |entry| listener.log(entry));
    cx.log::<User>().info("one", ());
    drop(listening);
    cx.log::<User>().info("two", ());
    assert_eq!(told.lines(), ["info method one"]);
}

// OPS-14
#[tokio::test]
async fn a_listener_may_leave_while_it_is_told() {
    let (cx, _) = logged(at(LogLevel::Info)).await;
    let slot = Arc::new(Mutex::new(None));
    let (leaving, told) = (slot.clone(), Kept::default());
    let listener = told.clone();
    *slot.lock().unwrap() = Some(cx.engine().on_log(move |entry| {
        listener.log(entry);
        drop(leaving.lock().unwrap().take());
    }));
    cx.log::<User>().info("one", ());
    cx.log::<User>().info("two", ());
    assert_eq!(told.lines(), ["info method one"]);
}

// OPS-14
#[tokio::test]
async fn an_adapter_that_panics_or_logs_harms_nobody() {
    let kept = Kept::default();
    let engine = Arc::new(Mutex::new(None::<Cx>));
    let inner = engine.clone();
    let options = at(LogLevel::Info)
        .on_entry(|_| panic!("as a test"))
        .on_entry(move |_| {
            if let Some(cx) = inner.lock().unwrap().as_ref() {
                cx.log::<User>().info("of the log itself", ());
            }
        })
        .adapter(kept.clone());
    let mut client = connected(app().log(options.clone())).await;
    kept.take();
    assert_eq!(client.post("/system/users/insert", &json!({ "email": "a@b.c" })).await.status, 201);
    assert_eq!(kept.lines(), ["info crud insert"]);
    let cx = app().log(options).cx().await.unwrap();
    *engine.lock().unwrap() = Some(cx.clone());
    kept.take();
    cx.log::<User>().info("once", ());
    assert_eq!(kept.lines(), ["info method once"]);
}

// OPS-14
#[tokio::test]
async fn the_environment_and_the_command_line_set_what_is_logged() {
    let place = Place::new();
    std::fs::create_dir(place.path("assets")).unwrap();
    let insert = json!({ "text": "a\nb", "secret": "hunter2" });
    // Silent by itself.
    let server = place.serve(FEATURED, &["--port", "0"], &[]).await;
    assert_eq!(server.client().await.post("/app/notes/insert", &insert).await.status, 201);
    let printed = server.logged().await;
    has(&printed, &["modeller::app"]);
    assert!(!printed.contains("modeller::crud") && !place.has("log.jsonl"), "{printed}");
    let arguments = ["--port", "0", "--log-level", "info", "--log-timestamp", "false"];
    let server = place
        .serve(FEATURED, &arguments, &[("MODELLER_LOG_LEVEL", "silent"), ("MODELLER_LOG", "warn")])
        .await;
    assert_eq!(server.client().await.post("/app/notes/insert", &insert).await.status, 201);
    let printed = server.logged().await;
    has(&printed, &["INFO modeller::crud: insert model=\"app/notes\" data={\"documents\":1,\"ids\":["]);
    assert!(printed.lines().all(|line| line.trim_start().starts_with("INFO modeller::crud")), "{printed}");
    assert!(!printed.contains("hunter2"));
    let lines = place.read("log.jsonl");
    let lines: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((lines.len(), &lines[0]["initial"], &lines[1]["initial"]), (2, &json!(true), &json!(false)));
    let environment = [("MODELLER_LOG_LEVEL", "debug"), ("MODELLER_LOG_FEATURES", "hook,job")];
    let server = place.serve(FEATURED, &["--port", "0"], &environment).await;
    assert_eq!(server.client().await.post("/app/notes/insert", &insert).await.status, 201);
    assert!(!server.logged().await.contains("modeller::crud"));
    for (name, value) in
        [("--log-level", "loud"), ("--log-features", "crud,nothing"), ("--log-timestamp", "perhaps")]
    {
        let error = place.run(FEATURED, &[name, value]).await.failed(2);
        has(&error, &[name]);
    }
}
