//! Subscriptions of a client whose other end is not there yet.

use modeller::Model;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

use super::*;
use crate::engine::{Arguments, Clock, Engine, Identity};
use crate::live::{LiveOptions, Watching};
use crate::registry::Registry;
use crate::store::Apply;
use crate::store::sqlite::{Sqlite, SqliteOptions};

#[derive(Clone, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "test", name = "watched", crate = crate)]
struct Thing {
    name: String,
}

async fn session() -> Arc<Session> {
    let registry = Registry::of(&[Thing::descriptor()]).unwrap();
    let store = Arc::new(Sqlite::open(SqliteOptions::memory()).unwrap());
    let engine = Engine::new(registry, store, Clock::system());
    engine.migrate(Apply::Safe).await.unwrap();
    let live = Live::new(engine, LiveOptions::new());
    let connection = live.connections().open("ws", None, Identity::System).unwrap();
    Session::new(live, connection, Writers::new())
}

async fn watch(session: &Session, cx: &Cx) -> Result<Watch> {
    let stream = session.live.subscribe(cx, Thing::descriptor().shape(), Arguments::None, None).await?;
    let (first, place) = (stream.first().clone(), session.connection.subscribe(Watching::Store)?);
    session.watch(cx, Told::Documents(stream), first, place)
}

fn is_told(session: &Session, id: &str) -> bool {
    session.watched().as_ref().unwrap()[id].task.is_some()
}

#[tokio::test]
async fn a_name_that_is_used_again_belongs_to_the_newer_one() {
    // LIV-16
    let session = session().await;
    let cx = session.live.engine().cx().as_identity(Identity::System);
    let early = watch(&session, &cx).await.unwrap();
    let id = early.id.clone();
    // By a client that guesses its name before it has the answer.
    session.end(&id).unwrap();
    let late = watch(&session, &cx).await.unwrap();
    assert_eq!(late.id, id);
    session.begin(early);
    assert!(!is_told(&session, &id));
    session.begin(late);
    assert!(is_told(&session, &id));
    assert_eq!(watch(&session, &cx).await.unwrap().id, format!("{id}-2"));
}

#[tokio::test]
async fn what_was_asked_before_a_sign_out_does_not_begin_after_it() {
    let session = session().await;
    let cx = session.live.engine().cx().as_identity(Identity::System);
    session.connection.set_identity(Identity::Anonymous);
    session.end_all();
    assert!(watch(&session, &cx).await.err().unwrap().is(Code::Conflict));
    let nobody = cx.as_identity(Identity::Anonymous);
    assert!(watch(&session, &nobody).await.is_ok());
}
