//! For tests of doors: a live query whose subscriber has not kept up.

use std::sync::Arc;

use modeller::Model;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

use super::LiveStream;
use crate::engine::{Arguments, Clock, Engine, Records as _};
use crate::live::{Live, LiveOptions};
use crate::registry::Registry;
use crate::store::Apply;
use crate::store::sqlite::{Sqlite, SqliteOptions};

/// How many transactions wait for the subscriber: more than it is told one by one.
pub(crate) const BEHIND: u64 = 100;

#[derive(Clone, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "test", name = "behind", crate = crate)]
struct Thing {
    name: String,
}

/// A live query for which so many transactions wait.
pub(crate) async fn behind() -> (Arc<Live>, LiveStream) {
    let registry = Registry::of(&[Thing::descriptor()]).unwrap();
    let store = Arc::new(Sqlite::open(SqliteOptions::memory()).unwrap());
    let engine = Engine::new(registry, store, Clock::system());
    engine.migrate(Apply::Safe).await.unwrap();
    let live = Live::new(engine.clone(), LiveOptions::new());
    let (cx, shape) = (engine.cx(), Thing::descriptor().shape());
    let stream = live.subscribe(&cx, shape, Arguments::None, None).await.unwrap();
    for number in 0..BEHIND {
        Thing::insert(&cx, Thing { name: number.to_string() }).await.unwrap();
    }
    live.queries.settle(&engine).await.unwrap();
    (live, stream)
}
