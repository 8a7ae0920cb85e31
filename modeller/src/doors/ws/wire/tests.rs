//! A connection whose other end is not there yet.

use super::*;
use crate::engine::{Clock, Engine, Identity};
use crate::live::{Live, LiveOptions};
use crate::registry::Registry;
use crate::store::sqlite::{Sqlite, SqliteOptions};

fn wire() -> (Arc<Wire>, Arc<Live>) {
    let store = Arc::new(Sqlite::open(SqliteOptions::memory().readers(1)).unwrap());
    let engine = Engine::new(Registry::default(), store, Clock::system());
    let live = Live::new(engine, LiveOptions::new().backpressure(1_000, 0.8));
    let connection = live.connections().open("ws", None, Identity::Anonymous).unwrap();
    (Wire::new(Outbox::new(connection), None), live)
}

#[tokio::test]
async fn whoever_waits_for_room_goes_on_when_the_client_is_gone() {
    // OPS-03
    let (wire, _live) = wire();
    let connection = wire.outbox().connection().clone();
    assert!(wire.push(None, vec![1; 5_000].into()));
    assert!(wire.fill());
    wire.end_with("the end".into());
    assert_eq!(connection.buffered(), 5_007);
    let waiting = tokio::spawn({
        let connection = connection.clone();
        async move { connection.room().await }
    });
    tokio::task::yield_now().await;
    // As a client is let go.
    wire.outbox().close();
    assert!(!waiting.is_finished());
    wire.close();
    waiting.await.unwrap();
    assert_eq!(connection.buffered(), 0);
}

#[tokio::test]
async fn what_is_thrown_away_excuses_nobody() {
    // RWS-07, OPS-03
    let (wire, _live) = wire();
    let origin = Origin::default();
    assert!(wire.push(None, vec![1; 100].into()));
    assert!(wire.push(Some(&origin), vec![2; 500].into()));
    wire.line().asked(wire.outbox().connection().buffered());
    wire.end([&origin]);
    assert_eq!(wire.line().unsent, 100);
}
