//! Connections with an engine behind them and no door in front.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::*;
use crate::engine::{Clock, Engine, Identity};
use crate::live::{Live, Rules, RulesOptions};
use crate::model::Code;
use crate::registry::Registry;
use crate::store::sqlite::{Sqlite, SqliteOptions};

fn live(options: LiveOptions) -> (Arc<Live>, Clock) {
    let clock = Clock::manual(1_000);
    let store = Arc::new(Sqlite::open(SqliteOptions::memory().readers(1)).unwrap());
    (Live::new(Engine::new(Registry::default(), store, clock.clone()), options), clock)
}

fn open(live: &Live, address: &str) -> Arc<Connection> {
    live.connections().open("ws", Some(address.parse().unwrap()), Identity::Anonymous).unwrap()
}

#[tokio::test]
async fn a_connection_is_known_for_as_long_as_it_is_held() {
    // OPS-07, OPS-08, OPS-10
    let (live, clock) = live(LiveOptions::new());
    let connections = live.connections();
    assert!(connections.is_running());
    let first = open(&live, "127.0.0.1:5000");
    clock.advance(Duration::from_secs(5));
    let second = open(&live, "127.0.0.1:5001");
    second.set_identity(Identity::System);
    let place = second.subscribe(Watching::Store).unwrap();
    second.reset();
    second.coalesced(3);
    let list = connections.list();
    assert_eq!(connections.count(), 2);
    assert_eq!(
        (list[0].remote_address, list[0].connected_at, list[0].authenticated),
        (first.remote(), 1_000, false)
    );
    assert_eq!((list[1].connected_at, list[1].authenticated, list[1].store_subscriptions), (6_000, true, 1));
    assert_eq!((list[1].user_id.as_deref(), list[1].coalesced, list[1].resets), (Some("system"), 3, 1));
    let json = serde_json::to_value(&list[1]).unwrap();
    assert_eq!((&json["remoteAddress"], &json["storeSubscriptions"]), (&"127.0.0.1:5001".into(), &1.into()));
    drop(first);
    assert_eq!(connections.count(), 1);
    // A subscription keeps its connection in the list.
    drop(second);
    assert_eq!(connections.count(), 1);
    drop(place);
    assert_eq!(connections.count(), 0);
}

#[tokio::test]
async fn statistics_add_up_what_is_there() {
    // OPS-09
    let (live, clock) = live(LiveOptions::new().rate_limit(RateLimit::default()));
    let connection = open(&live, "127.0.0.1:5000");
    let _other = open(&live, "127.0.0.1:5001");
    connection.set_identity(Identity::System);
    let _places =
        [Watching::Store, Watching::Store, Watching::Rules].map(|what| connection.subscribe(what).unwrap());
    clock.advance(Duration::from_millis(1_500));
    live.connections().set_port(3_030);
    let stats = serde_json::to_value(live.connections().stats()).unwrap();
    let expected = serde_json::json!({
        "name": "modeller", "port": 3030, "connectionCount": 2, "uptimeMs": 1500, "authEnabled": false,
        "rateLimitEnabled": true, "rulesEnabled": false,
        "connections": {"active": 2, "authenticated": 1, "totalStoreSubscriptions": 2, "totalRulesSubscriptions": 1},
        "store": {"name": "sqlite", "buckets": 0}, "rules": null,
    });
    assert_eq!(stats, expected);
}

#[tokio::test]
async fn statistics_say_how_rules_fare() {
    // OPS-09
    let store = Arc::new(Sqlite::open(SqliteOptions::memory().readers(1)).unwrap());
    let engine = Engine::new(Registry::default(), store, Clock::manual(0));
    let rules = Rules::start(&engine, RulesOptions::new().queue(1)).unwrap();
    let live = Live::new(engine, LiveOptions::new());
    let _stream = rules.subscribe("**").unwrap();
    let cx = live.engine().cx();
    for topic in ["a", "b"] {
        rules.emit(&cx, topic, 1, None).unwrap();
    }
    let stats = live.connections().stats();
    let expected = serde_json::json!({
        "subscriptions": 1, "handlers": 0, "emitted": 2, "handled": 0, "failed": 0, "missed": 1,
    });
    assert_eq!((stats.rules_enabled, stats.rules), (true, Some(expected)));
}

#[tokio::test]
async fn callers_are_limited_by_name_and_else_by_address() {
    // OPS-01
    let limit = RateLimit { max_requests: 2, window: Duration::from_secs(60) };
    let (live, clock) = live(LiveOptions::new().rate_limit(limit));
    let (one, same) = (open(&live, "10.0.0.1:1"), open(&live, "10.0.0.1:2"));
    let other = open(&live, "10.0.0.2:1");
    assert!(one.admit().is_ok());
    clock.advance(Duration::from_secs(20));
    assert!(same.admit().is_ok());
    let error = one.admit().unwrap_err();
    assert!(error.is(Code::RateLimited));
    assert_eq!(error.details().unwrap()["retryAfterMs"], 40_000);
    assert!(other.admit().is_ok());
    // Who has signed in is the same person from everywhere.
    one.set_identity(Identity::System);
    other.set_identity(Identity::System);
    assert!(one.admit().is_ok() && other.admit().is_ok());
    assert!(one.admit().is_err());
    clock.advance(Duration::from_secs(40));
    assert!(same.admit().is_ok());
}

#[tokio::test]
async fn nobody_is_limited_unless_it_is_asked_for() {
    // OPS-01
    let (live, _) = live(LiveOptions::new());
    let connection = open(&live, "10.0.0.1:1");
    assert!((0..10_000).all(|_| connection.admit().is_ok()));
}

#[tokio::test]
async fn a_connection_has_so_many_subscriptions_and_no_more() {
    // LIV-19
    let (live, _) = live(LiveOptions::new());
    let connection = open(&live, "10.0.0.1:1");
    let kind = |number| if number % 2 == 0 { Watching::Store } else { Watching::Rules };
    let mut places: Vec<_> = (0..100).map(|number| connection.subscribe(kind(number)).unwrap()).collect();
    for _ in 0..3 {
        assert!(connection.subscribe(Watching::Store).unwrap_err().is(Code::RateLimited));
    }
    places.pop();
    places.push(connection.subscribe(Watching::Store).unwrap());
    assert_eq!(connection.subscriptions(Watching::Store), 51);
    assert!(connection.subscribe(Watching::Rules).is_err());
    drop(places);
    assert_eq!(connection.subscriptions(Watching::Store) + connection.subscriptions(Watching::Rules), 0);
}

#[tokio::test]
async fn there_are_so_many_connections_and_no_more() {
    let (live, _) = live(LiveOptions::new().max_connections(2));
    let (_one, two) = (open(&live, "10.0.0.1:1"), open(&live, "10.0.0.1:2"));
    let again = || live.connections().open("ws", None, Identity::Anonymous);
    assert!(again().unwrap_err().is(Code::Overloaded));
    drop(two);
    assert!(again().is_ok());
}

#[tokio::test]
async fn changes_wait_while_too_much_does_already() {
    // OPS-03
    let (live, _) = live(LiveOptions::new().backpressure(1_000, 0.8));
    let connection = open(&live, "10.0.0.1:1");
    connection.queued(799);
    assert!(connection.has_room());
    connection.queued(101);
    assert!(!connection.has_room());
    let waiting = tokio::spawn({
        let connection = connection.clone();
        async move { connection.room().await }
    });
    tokio::task::yield_now().await;
    connection.wrote(50);
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    connection.wrote(51);
    waiting.await.unwrap();
    assert_eq!(connection.buffered(), 799);
}

#[tokio::test]
async fn answers_flow_before_pushes_and_past_the_mark() {
    // OPS-03
    let (live, _) = live(LiveOptions::new().backpressure(10, 0.8));
    let connection = open(&live, "10.0.0.1:1");
    let outbox = Outbox::new(connection.clone());
    assert!(outbox.push("push 1".into()));
    assert!(outbox.push("push 2".into()));
    assert!(!outbox.push("push 3".into()));
    outbox.reply("answer".into());
    let mut taken = std::collections::VecDeque::new();
    outbox.take(&mut taken);
    assert_eq!(taken, ["answer", "push 1", "push 2"]);
    assert_eq!(connection.buffered(), 18);
    connection.wrote(18);
    assert!(outbox.push("push 3".into()));
    outbox.close();
    assert_eq!(connection.buffered(), 0);
    outbox.reply("answer".into());
    assert!(!outbox.push("push 4".into()));
    outbox.take(&mut taken);
    assert_eq!((taken.len(), connection.buffered()), (3, 0));
    // A shared frame is not copied.
    let frame = bytes::Bytes::from(vec![1; 100]);
    let other = Outbox::new(open(&live, "10.0.0.1:2"));
    other.reply(frame.clone());
    taken.clear();
    other.take(&mut taken);
    assert_eq!(taken[0].as_ptr(), frame.as_ptr());
}

#[tokio::test]
async fn nothing_is_said_of_what_is_over() {
    // OPS-03, LIV-16
    let (live, _) = live(LiveOptions::new().backpressure(1_000, 0.8));
    let connection = open(&live, "10.0.0.1:1");
    let outbox = Outbox::new(connection.clone());
    let (goes, stays) = (Origin::default(), Origin::default());
    assert!(!outbox.may_speak(&goes) && !goes.is_over());
    assert!(outbox.push_of(Some(&goes), "goes 1".into()));
    assert!(outbox.push_of(Some(&stays), "stays 1".into()));
    assert!(outbox.push("from nowhere".into()));
    assert!(outbox.push_of(Some(&goes), "goes 2".into()));
    assert!(outbox.may_speak(&goes), "something of it waits");
    outbox.end([&goes]);
    assert_eq!(connection.buffered(), "stays 1from nowhere".len());
    assert!(goes.is_over() && !outbox.may_speak(&goes) && !stays.is_over());
    assert!(!outbox.push_of(Some(&goes), "goes 3".into()));
    assert!(outbox.push_of(Some(&stays), "stays 2".into()));
    let mut taken = std::collections::VecDeque::new();
    outbox.take(&mut taken);
    assert_eq!(taken, ["stays 1", "from nowhere", "stays 2"]);
    assert!(!outbox.may_speak(&stays), "what was taken out is said");
}

#[tokio::test]
async fn the_end_lets_nobody_in_and_waits_for_those_who_are_there() {
    // OPS-05
    const GRACE: Duration = Duration::from_millis(80);
    let (live, _) = live(LiveOptions::new());
    let connections = live.connections().clone();
    let (stays, goes) = (open(&live, "10.0.0.1:1"), open(&live, "10.0.0.1:2"));
    let mut ending = connections.ending();
    let start = Instant::now();
    let stopping = tokio::spawn({
        let connections = connections.clone();
        async move { connections.stop(GRACE).await }
    });
    let phase = *ending.wait_for(|phase| *phase != Phase::Open).await.unwrap();
    assert_eq!(phase, Phase::Stopping { grace: GRACE });
    assert!(!connections.is_running());
    let refused = connections.open("ws", None, Identity::Anonymous).unwrap_err();
    assert!(refused.is(Code::Overloaded));
    drop(goes);
    ending.wait_for(|phase| *phase == Phase::Closed).await.unwrap();
    assert!(start.elapsed() >= GRACE);
    assert!(!stopping.is_finished());
    drop(stays);
    stopping.await.unwrap();
    // Stopping what has stopped does nothing.
    connections.stop(Duration::from_secs(600)).await;
}

#[tokio::test]
async fn the_end_comes_sooner_when_everybody_is_gone() {
    // OPS-05
    let (live, _) = live(LiveOptions::new());
    let connection = open(&live, "10.0.0.1:1");
    let start = Instant::now();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(20)).await;
        drop(connection);
    });
    let long = Duration::from_secs(600);
    tokio::join!(live.connections().stop(long), live.connections().stop(long));
    assert!(start.elapsed() < Duration::from_secs(60));
}

#[tokio::test]
async fn large_messages_share_bounded_memory() {
    let (live, _) = live(LiveOptions::new().payload_memory(1_000));
    let held = live.connections().hold(600).unwrap();
    assert!(live.connections().hold(600).unwrap_err().is(Code::Overloaded));
    let more = live.connections().hold(400).unwrap();
    drop((held, more));
    assert!(live.connections().hold(1_000).is_ok());
}

#[tokio::test]
async fn metrics_are_lines_that_prometheus_reads() {
    let (live, clock) = live(LiveOptions::new());
    let connection = open(&live, "10.0.0.1:1");
    drop(open(&live, "10.0.0.1:2"));
    let _place = connection.subscribe(Watching::Rules).unwrap();
    connection.admit().unwrap();
    connection.pushed();
    connection.queued(7);
    clock.advance(Duration::from_millis(2_500));
    let text = live.connections().metrics();
    let mut families = std::collections::HashSet::new();
    let mut family = String::new();
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            family = help.split(' ').next().unwrap().to_owned();
            assert!(families.insert(family.clone()), "{family} comes twice");
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').unwrap();
            assert_eq!(name, family);
            assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
        } else {
            let (name, value) = line.rsplit_once(' ').unwrap();
            assert_eq!(name.split('{').next().unwrap(), family);
            assert!(value.parse::<f64>().is_ok(), "{line}");
        }
    }
    assert!(text.ends_with('\n'));
    for line in [
        "modeller_connections{door=\"ws\"} 1",
        "modeller_connections_opened_total{door=\"ws\"} 2",
        "modeller_requests_total{door=\"ws\"} 1",
        "modeller_pushes_total{door=\"ws\"} 1",
        "modeller_resets_total{door=\"ws\"} 0",
        "modeller_rate_limited_total{door=\"ws\"} 0",
        "modeller_subscriptions{kind=\"rules\"} 1",
        "modeller_buffered_bytes 7",
        "modeller_uptime_seconds 2.5",
    ] {
        assert!(text.lines().any(|other| other == line), "{line} is not in\n{text}");
    }
}
