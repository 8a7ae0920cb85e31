//! What is told when something breaks, comes late, or goes while nobody listens.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use modeller::Model;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::oneshot;
use validator::Validate;

use super::*;
use crate::engine::{Clock, Records as _};
use crate::model::{Code, Error, Row};
use crate::query::Select;
use crate::registry::Registry;
use crate::store::sqlite::{Sqlite, SqliteOptions};
use crate::store::{
    Answer, Apply, Batch, BoxFuture, Change, ChangeOp, Commit, Look, Plan, RowChange, Sink, Store,
    Transaction, Watcher, Work,
};

#[derive(Clone, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "test", name = "broken", crate = crate)]
struct Broken {
    name: String,
}

async fn engine(store: impl Store + 'static) -> Arc<Engine> {
    let registry = Registry::of(&[Broken::descriptor()]).unwrap();
    let engine = Engine::new(registry, Arc::new(store), Clock::system());
    engine.migrate(Apply::Safe).await.unwrap();
    engine
}

async fn subscribe(
    cx: &Cx,
    shape: &'static Shape,
    arguments: serde_json::Value,
    from: Option<&str>,
) -> LiveStream {
    let (queries, arguments) = (Queries::of(cx.engine()), Arguments::Json(arguments));
    queries.subscribe(cx, shape, Operation::List, arguments, from).await.unwrap()
}

async fn told(stream: &mut LiveStream) -> LiveEvent {
    tokio::time::timeout(Duration::from_secs(30), stream.next()).await.unwrap()
}

#[tokio::test]
async fn a_panic_while_matching_makes_all_begin_anew_and_is_the_end_of_nothing() {
    let engine = engine(Sqlite::open(SqliteOptions::memory()).unwrap()).await;
    let cx = engine.cx();
    let queries = Queries::of(cx.engine());
    let shape = Broken::descriptor().shape();
    let mut all = Vec::new();
    for (operation, arguments) in [
        (Operation::List, json!({})),
        (Operation::List, json!({ "count": 3 })),
        (Operation::Count, json!({})),
        (Operation::Aggregate, json!({ "groupBy": "name" })),
    ] {
        let arguments = Arguments::Json(arguments);
        all.push(queries.subscribe(&cx, shape, operation, arguments, None).await.unwrap());
    }
    Broken::insert(&cx, Broken { name: "first".into() }).await.unwrap();
    for stream in &mut all {
        assert!(matches!(told(stream).await, LiveEvent::Changes(_)));
    }
    // A row that is none: whoever looks for its id finds nothing there.
    let position = cx.engine().store().position().await.unwrap();
    let none = RowChange { shape, op: ChangeOp::Insert, old: None, new: Some(Row(Vec::new())) };
    let commits = vec![Commit { seq: position, changes: vec![none] }];
    queries.feed.committed(Batch { after: position, until: position, generation: u64::MAX, commits });
    Broken::insert(&cx, Broken { name: "second".into() }).await.unwrap();
    for stream in &mut all {
        loop {
            // What comes before the broken one, and what comes behind it, is no matter: in the end all is there.
            match told(stream).await {
                LiveEvent::Reset(text) | LiveEvent::Changes(text)
                    if text.contains("second") || text.contains("\"data\":2") =>
                {
                    break;
                }
                LiveEvent::Ended(error) => panic!("{error}"),
                _ => {}
            }
        }
    }
    Broken::insert(&cx, Broken { name: "third".into() }).await.unwrap();
    for stream in &mut all {
        let LiveEvent::Changes(text) = told(stream).await else { panic!("it begins anew without need") };
        assert!(text.contains("third") || text.contains("\"data\":3"), "{text}");
    }
}

/// A store whose reads of one moment fail for a while, and where who reads may be stopped.
struct Odd {
    store: Sqlite,
    failures: Arc<AtomicUsize>,
    /// Whoever is about to read the log next says so, and waits.
    log: Arc<Mutex<Option<Stop>>>,
    /// The same for who has just read something of one moment, or counted.
    view: Arc<Mutex<Option<Stop>>>,
    /// How far the log goes is not known.
    is_lost: Arc<AtomicBool>,
}

/// Somebody is there, and may go on.
type Stop = (oneshot::Sender<()>, oneshot::Receiver<()>);

/// Stops the next one: when somebody is there, and what lets them go on.
fn stop(next: &Mutex<Option<Stop>>) -> (oneshot::Receiver<()>, oneshot::Sender<()>) {
    let ((come, came), (go, gone)) = (oneshot::channel(), oneshot::channel());
    *next.lock().unwrap() = Some((come, gone));
    (came, go)
}

async fn stopped(stop: Option<Stop>) {
    if let Some((come, go)) = stop {
        come.send(()).unwrap();
        go.await.unwrap();
    }
}

impl Odd {
    fn new() -> Self {
        let store = Sqlite::open(SqliteOptions::memory()).unwrap();
        Odd {
            store,
            failures: Arc::default(),
            log: Arc::default(),
            view: Arc::default(),
            is_lost: Arc::default(),
        }
    }

    fn fail<T>(&self) -> Result<T> {
        Err(Error::new(Code::InternalError, "the disk does not answer"))
    }

    fn check(&self) -> Result<()> {
        let less = |failures: usize| failures.checked_sub(1);
        match self.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less) {
            Ok(_) => self.fail(),
            Err(_) => Ok(()),
        }
    }
}

impl Store for Odd {
    fn name(&self) -> &'static str {
        "odd"
    }
    fn migrate<'a>(&'a self, models: &'a [&'static Shape], apply: Apply) -> BoxFuture<'a, Result<Plan>> {
        self.store.migrate(models, apply)
    }
    fn read<'a>(&'a self, select: &'a Select, sink: Box<dyn Sink>) -> BoxFuture<'a, Result<Box<dyn Sink>>> {
        self.store.read(select, sink)
    }
    fn count<'a>(&'a self, shape: &'static Shape, filter: &'a Filter) -> BoxFuture<'a, Result<u64>> {
        let stop = self.view.lock().unwrap().take();
        Box::pin(async move {
            self.check()?;
            let answer = self.store.count(shape, filter).await;
            stopped(stop).await;
            answer
        })
    }
    fn view(&self, look: Look) -> BoxFuture<'_, Result<Answer>> {
        if let Err(error) = self.check() {
            return Box::pin(async { Err(error) });
        }
        let stop = self.view.lock().unwrap().take();
        Box::pin(async move {
            let answer = self.store.view(look).await;
            stopped(stop).await;
            answer
        })
    }
    fn write(&self, work: Work) -> BoxFuture<'_, Result<Answer>> {
        self.store.write(work)
    }
    fn begin(&self, actor: Option<String>) -> BoxFuture<'_, Result<Box<dyn Transaction>>> {
        self.store.begin(actor)
    }
    fn changes(&self, after: u64, limit: usize) -> BoxFuture<'_, Result<Vec<Change>>> {
        let stop = self.log.lock().unwrap().take();
        Box::pin(async move {
            stopped(stop).await;
            self.store.changes(after, limit).await
        })
    }
    fn position(&self) -> BoxFuture<'_, Result<u64>> {
        match self.is_lost.load(Ordering::SeqCst) {
            true => Box::pin(async { self.fail() }),
            false => self.store.position(),
        }
    }
    fn watch(&self, watcher: Arc<dyn Watcher>) -> bool {
        self.store.watch(watcher)
    }
    fn secret(&self) -> [u8; 32] {
        self.store.secret()
    }
    fn close(&self) -> BoxFuture<'_, ()> {
        self.store.close()
    }
}

#[tokio::test]
async fn an_answer_that_can_t_be_read_for_a_moment_is_the_end_of_nothing() {
    let store = Odd::new();
    let failures = store.failures.clone();
    let engine = engine(store).await;
    let cx = engine.cx();
    let queries = Queries::of(cx.engine());
    let shape = Broken::descriptor().shape();
    let subscribed = queries.subscribe(&cx, shape, Operation::List, Arguments::None, None).await;
    let mut stream = subscribed.unwrap();
    let lost = async |name: &str| {
        Broken::insert(&cx, Broken { name: name.into() }).await.unwrap();
        let until = engine.store().position().await.unwrap();
        // Somebody may not have been told of it.
        queries.feed.committed(Batch { after: until, until, generation: 0, commits: Vec::new() });
        queries.settle(&engine).await.unwrap();
    };
    lost("first").await;
    failures.store(3, Ordering::SeqCst);
    let LiveEvent::Reset(text) = told(&mut stream).await else { panic!("it does not begin anew") };
    assert!(text.contains("first"), "{text}");
    assert_eq!(failures.load(Ordering::SeqCst), 0);
    Broken::insert(&cx, Broken { name: "second".into() }).await.unwrap();
    assert!(matches!(told(&mut stream).await, LiveEvent::Changes(_)));
    // Who gives up waiting loses nothing, and does not make it go on for longer.
    lost("third").await;
    failures.store(usize::MAX, Ordering::SeqCst);
    for _ in 0..5 {
        let waits = tokio::time::timeout(Duration::from_millis(1), stream.next()).await;
        assert!(!matches!(waits, Ok(LiveEvent::Reset(_) | LiveEvent::Changes(_))));
    }
    let LiveEvent::Ended(error) = told(&mut stream).await else { panic!("it does not end") };
    assert!(error.is(Code::InternalError));
    let tries = usize::MAX - failures.load(Ordering::SeqCst);
    assert!((3..20).contains(&tries), "{tries}");
}

#[tokio::test]
async fn a_window_goes_on_with_what_it_shows_whatever_happens_while_the_log_is_read() {
    // LIV-15
    let store = Odd::new();
    let log = store.log.clone();
    let engine = engine(store).await;
    let cx = engine.cx();
    let queries = Queries::of(cx.engine());
    let subscribe = async |from: Option<&str>| {
        subscribe(&cx, Broken::descriptor().shape(), json!({ "sort": "name", "count": 3 }), from).await
    };
    let position = |text: &LiveText| {
        serde_json::from_str::<serde_json::Value>(text).unwrap()["position"].as_str().unwrap().to_owned()
    };
    // Goes on from there; what `meanwhile` does comes between what is shown and what is read of it.
    let resumed = async |from: &str, meanwhile: Pin<Box<dyn Future<Output = ()> + '_>>| {
        let (came, go) = stop(&log);
        let between = async {
            came.await.unwrap();
            meanwhile.await;
            queries.settle(&engine).await.unwrap();
            go.send(()).unwrap();
        };
        tokio::join!(subscribe(Some(from)), between).0
    };
    let mut always = subscribe(None).await;
    let nothing = position(always.first());
    let brief = Broken::insert(&cx, Broken { name: "brief".into() }).await.unwrap();
    let LiveEvent::Changes(text) = told(&mut always).await else { panic!("it is told") };
    let with_brief = position(&text);

    // It was not there, is shown, and is gone.
    let leave = Box::pin(async { drop(Broken::delete(&cx, &brief.id).await.unwrap()) });
    let stream = resumed(&nothing, leave).await;
    assert!(stream.first().contains("\"reset\":true,\"documents\":[]"), "{}", stream.first());

    // It was there, and so it is when something else comes.
    assert!(matches!(told(&mut always).await, LiveEvent::Changes(text) if text.contains("leave")));
    let stream = subscribe(Some(&with_brief)).await;
    assert!(stream.first().contains("\"reset\":true"), "{}", stream.first());
    let since = position(stream.first());
    let other = Box::pin(async { drop(Broken::insert(&cx, Broken { name: "other".into() }).await.unwrap()) });
    let mut stream = resumed(&since, other).await;
    assert!(stream.first().contains("\"changes\":[]"), "{}", stream.first());
    let LiveEvent::Changes(text) = told(&mut stream).await else { panic!("it begins anew") };
    assert!(text.contains("enter") && text.contains("other"), "{text}");
}

#[tokio::test]
async fn what_was_read_for_a_query_that_nobody_asks_any_more_is_not_the_answer_of_who_asks_again() {
    // LIV-14
    let store = Odd::new();
    let view = store.view.clone();
    let engine = engine(store).await;
    let cx = engine.cx();
    let queries = Queries::of(cx.engine());
    let subscribe = async |arguments| subscribe(&cx, Broken::descriptor().shape(), arguments, None).await;
    let window = json!({ "sort": "name", "count": 3 });
    let first = subscribe(window.clone()).await;
    // Somebody may have missed something: its answer is read anew, and whoever reads it takes a long time.
    let (came, go_on) = stop(&view);
    let after = engine.store().position().await.unwrap();
    queries.feed.committed(Batch { after, until: after + 1, generation: 0, commits: Vec::new() });
    came.await.unwrap();
    let mut witness = subscribe(json!({})).await;
    Broken::insert(&cx, Broken { name: "since".into() }).await.unwrap();
    assert!(matches!(told(&mut witness).await, LiveEvent::Changes(_)));
    drop(first);
    // Another one asks the same, and reads what is there now.
    let (came, go) = stop(&view);
    let between = async {
        came.await.unwrap();
        go_on.send(()).unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
        go.send(()).unwrap();
    };
    let (again, ()) = tokio::join!(subscribe(window), between);
    assert!(again.first().contains("since"), "{}", again.first());
}

#[tokio::test]
async fn an_answer_is_none_if_it_is_older_than_what_a_query_was_told_of() {
    // LIV-14
    let engine = engine(Sqlite::open(SqliteOptions::memory()).unwrap()).await;
    let arguments = Arguments::Json(json!({ "count": 1 }));
    let shape = Broken::descriptor().shape();
    let standing = Standing::parse(&engine.cx(), shape, Operation::List, arguments).await.unwrap();
    let asked = Arc::new(Asked::new(&engine, standing));
    let mut node = Node::new(asked, 1, Vec::new(), 5);
    let read = || Kept::Window(window::Window::new(Vec::new(), 1));
    assert!(node.read(&engine, 4, read()), "it was not told of what came before it was there");
    assert!(!node.read(&engine, 5, read()));
    node.refuse(&Error::new(Code::InvalidQuery, "this is part of the test"), 8);
    assert!(node.read(&engine, 7, read()), "what was refused is forgotten, be it told");
    assert!(!node.read(&engine, 8, read()));
}

#[tokio::test]
async fn who_is_refused_is_told_nothing_behind_that() {
    struct Ear(AtomicUsize);
    impl LiveSink for Ear {
        fn take(&self, _: &LiveText) -> bool {
            self.0.fetch_add(1, Ordering::SeqCst);
            true
        }
    }
    let engine = engine(Sqlite::open(SqliteOptions::memory()).unwrap()).await;
    let shape = Broken::descriptor().shape();
    let standing = Standing::parse(&engine.cx(), shape, Operation::List, Arguments::None).await.unwrap();
    let asked = Asked::new(&engine, standing);
    let (queue, ear) = (Queue::new(false), Arc::new(Ear(AtomicUsize::new(0))));
    queue.direct(ear.clone());
    queue.start(1);
    assert!(queue.take().is_none());
    let push = |seq| queue.push(&engine, &asked, &Arc::new(event::Frame::new(seq, Vec::new())));
    push(2);
    assert_eq!(ear.0.load(Ordering::SeqCst), 1);
    queue.refuse(Error::new(Code::InvalidQuery, "this is part of the test"));
    push(3);
    assert_eq!(ear.0.load(Ordering::SeqCst), 1);
    assert!(matches!(queue.take(), Some(queue::Next::Ended(_))));
}

#[derive(Clone, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "test", name = "fleeting", crate = crate, ttl = "1m")]
struct Fleeting {
    name: String,
}

#[tokio::test]
async fn what_has_expired_while_nobody_listened_leaves_when_it_is_removed() {
    // LIV-15
    let clock = Clock::manual(1_700_000_000_000);
    let registry = Registry::of(&[Fleeting::descriptor()]).unwrap();
    let store = Arc::new(Sqlite::open(SqliteOptions::memory()).unwrap());
    let engine = Engine::new(registry, store, clock.clone());
    engine.migrate(Apply::Safe).await.unwrap();
    let cx = engine.cx();
    for arguments in [json!({ "sort": "name", "count": 1 }), json!({ "query": { "name": "a" } })] {
        Fleeting::clear(&cx).await.unwrap();
        for name in ["a", "b"] {
            Fleeting::insert(&cx, Fleeting { name: name.into() }).await.unwrap();
            clock.advance(Duration::from_secs(30));
        }
        let subscribe = async |from: Option<&str>| {
            subscribe(&cx, Fleeting::descriptor().shape(), arguments.clone(), from).await
        };
        // It has expired by now, and is not removed yet.
        let before = subscribe(None).await;
        assert!(before.first().contains("\"name\":\"a\""), "{}", before.first());
        let known: serde_json::Value = serde_json::from_str(before.first()).unwrap();
        drop(before);
        let mut after = subscribe(known["position"].as_str()).await;
        assert!(after.first().contains("\"changes\":[]"), "{}", after.first());
        assert_eq!(engine.sweep().await.unwrap(), 1);
        let LiveEvent::Changes(text) = told(&mut after).await else { panic!("it begins anew") };
        assert!(text.contains("\"type\":\"leave\""), "{text}");
    }
}

/// Waits until a query that is asked again answers this.
async fn answered(stream: &mut ReactiveStream, expected: &str) {
    let answers = async { while !matches!(stream.next().await, Ok(answer) if &*answer == expected) {} };
    tokio::time::timeout(Duration::from_secs(30), answers).await.unwrap();
}

#[tokio::test]
async fn a_query_whose_store_has_failed_is_asked_again_though_nobody_writes() {
    // LIV-17
    let store = Odd::new();
    let failures = store.failures.clone();
    let engine = engine(store).await;
    let queries = Queries::of(&engine);
    let shape = Broken::descriptor().shape();
    failures.store(3, Ordering::SeqCst);
    let mut stream = queries.watch(&engine.cx(), shape, Operation::Count, b"{}".to_vec()).unwrap();
    assert!(stream.next().await.unwrap_err().is(Code::InternalError));
    answered(&mut stream, "0").await;
    // It is not asked for ever.
    failures.store(usize::MAX, Ordering::SeqCst);
    Broken::insert(&engine.cx(), Broken { name: "one".into() }).await.unwrap();
    assert!(stream.next().await.unwrap_err().is(Code::InternalError));
    let tries = || usize::MAX - failures.load(Ordering::SeqCst);
    let most = usize::try_from(stream::MOST_TRIES).unwrap();
    let begun = std::time::Instant::now();
    while tries() < most {
        assert!(begun.elapsed() < Duration::from_secs(30), "{}", tries());
        tokio::time::sleep(stream::PAUSE).await;
    }
    tokio::time::sleep(stream::PAUSE * 2_u32.pow(stream::MOST_TRIES + 1)).await;
    assert_eq!(tries(), most);
}

#[tokio::test]
async fn what_is_written_while_it_is_unknown_how_far_the_log_goes_is_read() {
    // LIV-17
    let store = Odd::new();
    let (view, is_lost) = (store.view.clone(), store.is_lost.clone());
    let engine = engine(store).await;
    let queries = Queries::of(&engine);
    let (came, go) = stop(&view);
    is_lost.store(true, Ordering::SeqCst);
    let shape = Broken::descriptor().shape();
    let mut stream = queries.watch(&engine.cx(), shape, Operation::Count, b"{}".to_vec()).unwrap();
    came.await.unwrap();
    Broken::insert(&engine.cx(), Broken { name: "one".into() }).await.unwrap();
    is_lost.store(false, Ordering::SeqCst);
    go.send(()).unwrap();
    answered(&mut stream, "1").await;
}
