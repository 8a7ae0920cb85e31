//! What happens when something breaks.

use std::time::Duration;

use modeller::Model;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use validator::Validate;

use super::*;
use crate::engine::{Clock, Records as _};
use crate::model::Row;
use crate::registry::Registry;
use crate::store::sqlite::{Sqlite, SqliteOptions};
use crate::store::{Apply, Batch, ChangeOp, Commit, RowChange, Watcher as _};

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
