//! What happens when something breaks.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use modeller::Model;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
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

async fn told(stream: &mut LiveStream) -> LiveEvent {
    tokio::time::timeout(Duration::from_secs(5), stream.next()).await.unwrap()
}

#[tokio::test]
async fn a_panic_while_matching_makes_all_begin_anew_and_is_the_end_of_nothing() {
    let registry = Registry::of(&[Broken::descriptor()]).unwrap();
    let store = Sqlite::open(SqliteOptions::memory()).unwrap();
    let engine = Engine::new(registry, Arc::new(store), Clock::system());
    engine.migrate(Apply::Safe).await.unwrap();
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

/// A store whose reads of one moment fail for a while.
struct Failing {
    store: Sqlite,
    failures: Arc<AtomicUsize>,
}

impl Store for Failing {
    fn name(&self) -> &'static str {
        "failing"
    }
    fn migrate<'a>(&'a self, models: &'a [&'static Shape], apply: Apply) -> BoxFuture<'a, Result<Plan>> {
        self.store.migrate(models, apply)
    }
    fn read<'a>(&'a self, select: &'a Select, sink: Box<dyn Sink>) -> BoxFuture<'a, Result<Box<dyn Sink>>> {
        self.store.read(select, sink)
    }
    fn count<'a>(&'a self, shape: &'static Shape, filter: &'a Filter) -> BoxFuture<'a, Result<u64>> {
        self.store.count(shape, filter)
    }
    fn view(&self, look: Look) -> BoxFuture<'_, Result<Answer>> {
        let less = |failures: usize| failures.checked_sub(1);
        if self.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).is_ok() {
            return Box::pin(async { Err(Error::new(Code::InternalError, "the disk does not answer")) });
        }
        self.store.view(look)
    }
    fn write(&self, work: Work) -> BoxFuture<'_, Result<Answer>> {
        self.store.write(work)
    }
    fn begin(&self, actor: Option<String>) -> BoxFuture<'_, Result<Box<dyn Transaction>>> {
        self.store.begin(actor)
    }
    fn changes(&self, after: u64, limit: usize) -> BoxFuture<'_, Result<Vec<Change>>> {
        self.store.changes(after, limit)
    }
    fn position(&self) -> BoxFuture<'_, Result<u64>> {
        self.store.position()
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
    let failures = Arc::new(AtomicUsize::new(0));
    let store = Failing { store: Sqlite::open(SqliteOptions::memory()).unwrap(), failures: failures.clone() };
    let registry = Registry::of(&[Broken::descriptor()]).unwrap();
    let engine = Engine::new(registry, Arc::new(store), Clock::system());
    engine.migrate(Apply::Safe).await.unwrap();
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
