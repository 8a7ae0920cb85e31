//! Events reach those whose pattern selects their topic, in their order.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use modeller::live::{RuleReceived, RuleStream, RulesOptions};
use modeller::prelude::*;
use modeller::test::Kit;
use serde_json::json;

async fn kit(options: RulesOptions) -> Kit {
    App::isolated().allow_empty().rules(options).test().await.unwrap()
}

fn topics(stream: &mut RuleStream) -> Vec<String> {
    let next = || match stream.try_receive()? {
        RuleReceived::Event(event) => Some(event.topic.clone()),
        RuleReceived::Missed(count) => Some(format!("missed {count}")),
    };
    std::iter::from_fn(next).collect()
}

#[tokio::test]
async fn an_event_reaches_the_subscribers_whose_pattern_selects_it() {
    // RUL-02 RUL-04
    let cx = kit(RulesOptions::new()).await.cx();
    let rules = cx.rules().unwrap();
    let (mut some, mut all) = (rules.subscribe("orders.*").unwrap(), rules.subscribe("**").unwrap());
    assert_ne!(some.id(), all.id());
    let sent = rules.emit(&cx, "orders.created", json!({ "total": 7 }), Some("c-1")).unwrap();
    rules.emit(&cx, "orders.created.eu", json!(null), None).unwrap();

    let RuleReceived::Event(event) = some.receive().await else { panic!("it is not behind") };
    assert_eq!(event, sent);
    let json = serde_json::to_value(&*event).unwrap();
    let expected = json!({
        "id": event.id, "topic": "orders.created", "data": { "total": 7 },
        "correlationId": "c-1", "timestamp": Kit::START,
    });
    assert_eq!(json, expected);
    assert!(topics(&mut some).is_empty());
    assert_eq!(topics(&mut all), ["orders.created", "orders.created.eu"]);

    drop(some);
    let stats = rules.stats(&cx).await.unwrap();
    assert_eq!((stats.subscriptions, stats.emitted, stats.missed), (1, 2, 0));
}

#[tokio::test]
async fn whoever_is_too_slow_is_told_how_much_was_missed() {
    // RUL-04
    let cx = kit(RulesOptions::new().queue(3)).await.cx();
    let rules = cx.rules().unwrap();
    let mut stream = rules.subscribe("*").unwrap();
    for index in 0..10 {
        rules.emit(&cx, &format!("t.{index}"), json!(index), None).unwrap();
    }
    assert_eq!(topics(&mut stream), ["missed 7", "t.7", "t.8", "t.9"]);
    // Large ones are bounded by their bytes.
    let cx = kit(RulesOptions::new()).await.cx();
    let rules = cx.rules().unwrap();
    let mut stream = rules.subscribe("*").unwrap();
    for index in 0..5 {
        rules.emit(&cx, &format!("t.{index}"), json!("x".repeat(900_000)), None).unwrap();
    }
    assert_eq!(topics(&mut stream), ["missed 3", "t.3", "t.4"]);
    assert_eq!(rules.stats(&cx).await.unwrap().missed, 3);
}

/// How many bytes this process has in memory, where that can be read.
fn resident() -> Option<usize> {
    let pages = std::fs::read_to_string("/proc/self/statm").ok()?;
    pages.split(' ').nth(1)?.parse().ok().map(|pages: usize| pages * 4096)
}

#[tokio::test]
async fn data_that_waits_takes_as_much_memory_as_it_has_json() {
    // RUL-04
    let cx = kit(RulesOptions::new()).await.cx();
    let rules = cx.rules().unwrap();
    let streams: Vec<_> = (0..10).map(|index| rules.subscribe(&format!("t.{index}")).unwrap()).collect();
    let before = resident().unwrap_or_default();
    for index in 0..10 {
        rules.emit(&cx, &format!("t.{index}"), json!(vec![0; 520_000]), None).unwrap();
    }
    let grown = resident().unwrap_or_default().saturating_sub(before);
    // They are 10 MB, and would be 370 MB as values. Whoever else runs here takes little.
    assert!(grown < 250_000_000, "{grown} bytes for 10 events");
    for mut stream in streams {
        let RuleReceived::Event(event) = stream.receive().await else { panic!("it is not behind") };
        assert_eq!(event.data.as_array().unwrap().len(), 520_000);
    }
}

#[tokio::test]
async fn data_is_received_as_it_was_emitted() {
    // RUL-02
    let cx = kit(RulesOptions::new()).await.cx();
    let rules = cx.rules().unwrap();
    let mut stream = rules.subscribe("*").unwrap();
    let deep = (0..63).fold(json!(1), |inner, _| json!([inner]));
    for data in [
        json!({ "z": 1, "a": [1.0, -0.0, 0.1 + 0.2, 1e300, 5e-324, u64::MAX, i64::MIN], "": "\u{0}\u{2028}\"🦀" }),
        json!(null),
        deep,
    ] {
        let sent = rules.emit(&cx, "a", data, None).unwrap();
        assert_eq!(stream.receive().await, RuleReceived::Event(sent));
    }
}

#[tokio::test]
async fn what_can_be_no_event_or_subscription_is_refused() {
    // RUL-02 RUL-04
    let cx = kit(RulesOptions::new().max_subscriptions(1)).await.cx();
    let rules = cx.rules().unwrap();
    assert_eq!(rules.emit(&cx, "a..b", json!(1), None).unwrap_err().field(), Some("topic"));
    let long = "x".repeat(300);
    assert_eq!(rules.emit(&cx, "a", json!(1), Some(&long)).unwrap_err().field(), Some("correlationId"));
    let error = rules.emit(&cx, "a", json!("x".repeat(1 << 20)), None).unwrap_err();
    assert_eq!((error.code(), error.field()), ("PAYLOAD_TOO_LARGE", Some("data")));
    assert_eq!(rules.subscribe("a*").unwrap_err().code(), "INVALID_REQUEST");
    let one = rules.subscribe("a").unwrap();
    assert_eq!(rules.subscribe("a").unwrap_err().code(), "OVERLOADED");
    drop(one);
    drop(rules.subscribe("a").unwrap());
    let app = App::isolated().allow_empty().rules(RulesOptions::new().on("a*", async |_, _| Ok(())));
    assert!(app.engine().await.unwrap_err().to_string().contains("whole part"));
}

#[tokio::test]
async fn an_event_of_a_transaction_is_told_after_the_commit_or_never() {
    // RUL-02
    let kit = kit(RulesOptions::new()).await;
    let (cx, rules) = (kit.cx(), kit.cx().rules().unwrap());
    let mut stream = rules.subscribe("*").unwrap();
    let heard = async |fails: bool| -> Result<()> {
        cx.transaction(async |tx| {
            let rules = tx.rules()?;
            rules.set_fact(&tx, "a", 1).await?;
            rules.emit(&tx, "a.set", json!(1), None)?;
            if fails { Err(Error::new(Code::Forbidden, "no")) } else { Ok(()) }
        })
        .await
    };
    heard(true).await.unwrap_err();
    assert!(topics(&mut stream).is_empty());
    heard(false).await.unwrap();
    kit.settled().await;
    assert_eq!(topics(&mut stream), ["a.set"]);
}

#[tokio::test]
async fn handlers_are_called_one_event_after_the_other_and_harm_nobody() {
    // RUL-02
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (noting, under_way) = (seen.clone(), Arc::new(AtomicUsize::new(0)));
    let options = RulesOptions::new()
        .timeout(Duration::from_millis(50))
        .on("a.*", move |_, event| {
            let (noting, under_way) = (noting.clone(), under_way.clone());
            async move {
                assert_eq!(under_way.fetch_add(1, Ordering::SeqCst), 0, "calls overlap");
                tokio::task::yield_now().await;
                noting.lock().unwrap().push(event.topic.clone());
                under_way.fetch_sub(1, Ordering::SeqCst);
                Ok(())
            }
        })
        .on("a.error", async |_, _| Err(Error::new(Code::Forbidden, "no")))
        .on("a.panic", async |_, event| panic!("{}", event.topic))
        .on("a.early", |_, event| -> std::future::Ready<Result<()>> { panic!("{}", event.topic) })
        .on("a.hang", async |_, _| std::future::pending().await);
    let kit = kit(options).await;
    let (cx, rules) = (kit.cx(), kit.cx().rules().unwrap());
    let all = ["a.error", "a.panic", "a.early", "a.hang", "a.last", "b.other"];
    for topic in all {
        rules.emit(&cx, topic, json!(null), None).unwrap();
    }
    kit.settled().await;
    assert_eq!(*seen.lock().unwrap(), all[..5]);
    let stats = rules.stats(&cx).await.unwrap();
    assert_eq!((stats.handled, stats.failed, stats.handlers), (5, 4, 5));
}

#[tokio::test]
async fn a_handler_that_was_dropped_is_not_called() {
    let kit = kit(RulesOptions::new()).await;
    let (cx, rules) = (kit.cx(), kit.cx().rules().unwrap());
    let calls = Arc::new(AtomicUsize::new(0));
    let counting = calls.clone();
    let handler = rules.on("a", move |_, _| {
        counting.fetch_add(1, Ordering::SeqCst);
        async { Ok(()) }
    });
    let handler = handler.unwrap();
    rules.emit(&cx, "a", json!(1), None).unwrap();
    kit.settled().await;
    handler.off();
    rules.emit(&cx, "a", json!(2), None).unwrap();
    kit.settled().await;
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn handlers_that_set_off_each_other_come_to_an_end() {
    // RUL-02
    let options = RulesOptions::new().on("ping.*", async |cx, event| {
        let count = event.data.as_i64().unwrap_or_default() + 1;
        let rules = cx.rules()?;
        rules.set_fact(&cx, "pings", count).await?;
        cx.transaction(async |tx| rules.emit(&tx, "ping.again", json!(count), None).map(drop)).await
    });
    let kit = kit(options).await;
    let (cx, rules) = (kit.cx(), kit.cx().rules().unwrap());
    rules.emit(&cx, "ping.first", json!(0), None).unwrap();
    kit.settled().await;
    assert_eq!(rules.get_fact(&cx, "pings").await.unwrap().unwrap().value, json!(8));
    assert_eq!(rules.stats(&cx).await.unwrap().failed, 1);
}

#[tokio::test]
async fn events_may_come_from_threads_outside_of_the_runtime() {
    // RUL-02
    let options =
        RulesOptions::new().on("a", async |cx, _| cx.rules()?.set_fact(&cx, "heard", true).await.map(drop));
    let kit = kit(options).await;
    let cx = kit.cx();
    let there = cx.clone();
    std::thread::spawn(move || there.rules().unwrap().emit(&there, "a", json!(1), None).unwrap())
        .join()
        .unwrap();
    kit.settled().await;
    assert!(cx.rules().unwrap().get_fact(&cx, "heard").await.unwrap().is_some());
}
