//! What clients say to each other.

use std::sync::Arc;

use modeller::Code;
use modeller::live::{ChannelEvent, ChannelOptions, ChannelSettings, ChannelSink, Heard, acknowledgement};
use serde_json::json;

use super::{options, site};

#[tokio::test]
async fn a_broadcast_reaches_all_in_one_envelope_and_is_acknowledged() {
    // CHA-02, CHA-07, CHA-09, CHA-12
    let site = site(ChannelSettings::new()).await;
    let (one, two) = (site.join("c1", "room:1").await, site.join("c2", "room:1").await);
    let cx = site.anybody();
    let said = site.channels().broadcast(&cx, "c1", "room:1", "message", br#" {"text": "hi"} "#).await;
    let ack = acknowledgement(&said);
    assert_eq!(ack, json!({ "status": "ok", "message_id": said.unwrap().message_id }));
    let heard = two.events();
    assert_eq!(one.events()[0].json(), heard[0].json());
    let json: serde_json::Value = serde_json::from_str(heard[0].json()).unwrap();
    assert_eq!(
        json,
        json!({
            "type": "broadcast", "event": "message", "payload": { "text": "hi" },
            "meta": {
                "channel": "room:1", "message_id": ack["message_id"], "sender_id": "c1", "sender_type": "user",
                "timestamp": "2026-09-21T14:13:20.000Z"
            }
        })
    );
    assert_eq!(heard[0].position(), None);
}

#[tokio::test]
async fn a_failed_broadcast_is_an_acknowledgement_too() {
    // CHA-07
    let site = site(ChannelSettings::new()).await;
    let said = site.channels().broadcast(&site.anybody(), "c1", "room:1", "message", b"1").await;
    let ack = acknowledgement(&said);
    assert_eq!((&ack["status"], &ack["error"]["code"]), (&json!("error"), &json!("NOT_FOUND")));
    assert!(ack["error"]["message"].is_string());
}

#[tokio::test]
async fn one_hears_oneself_unless_one_says_no() {
    // CHA-10
    let site = site(ChannelSettings::new()).await;
    let quiet = options(json!({ "broadcast": { "self": false } }));
    let (one, two) = (site.join_with("c1", "a", quiet).await.0, site.join("c2", "a").await);
    site.say("c1", "a", "from one").await.unwrap();
    site.say("c2", "a", "from two").await.unwrap();
    assert_eq!(one.words(), ["from two"]);
    assert_eq!(two.words(), ["from one", "from two"]);
}

#[tokio::test]
async fn what_clients_say_is_kept_by_nobody() {
    // CHA-08
    let site = site(ChannelSettings::new()).await;
    site.join("c1", "a").await;
    let before = site.cx.engine().store().changes(0, 100).await.unwrap().len();
    site.say("c1", "a", "hello").await.unwrap();
    site.cx.channel("a").broadcast("say", "from the application").unwrap();
    assert_eq!(site.cx.engine().store().changes(0, 100).await.unwrap().len(), before);
    let later = site.join("c2", "a").await;
    let since = modeller::live::Since::Time(0);
    assert_eq!(site.channels().replay(&site.anybody(), "c2", "a", since, None).await.unwrap().count, 0);
    assert!(later.words().is_empty());
}

#[tokio::test]
async fn what_can_not_be_told_to_everybody_is_told_to_nobody() {
    let site = site(ChannelSettings::new()).await;
    let ear = site.join("c1", "a").await;
    let cx = site.anybody();
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    let large = format!("\"{}\"", "x".repeat(300_000));
    let bad: [(&str, &[u8], Code); 8] = [
        ("say", b"{", Code::ParseError),
        ("say", b"1 2", Code::ParseError),
        ("say", b"\"\xff\"", Code::ParseError),
        ("say", br#"{"a":1,"a":2}"#, Code::ParseError),
        ("say", deep.as_bytes(), Code::ParseError),
        ("say", large.as_bytes(), Code::PayloadTooLarge),
        ("", b"1", Code::InvalidRequest),
        ("a\nb", b"1", Code::InvalidRequest),
    ];
    for (event, payload, code) in bad {
        let said = site.channels().broadcast(&cx, "c1", "a", event, payload).await;
        assert!(said.unwrap_err().is(code), "{event}: {code}");
    }
    assert!(ear.events().is_empty());
    assert!(site.channels().broadcast(&cx, "c1", "a", "say", b"").await.is_ok(), "nothing is null");
    assert_eq!(ear.json()[0]["payload"], json!(null));
}

#[tokio::test]
async fn a_sink_that_panics_takes_nothing_from_the_others() {
    struct Bad;
    impl ChannelSink for Bad {
        fn send(&self, _: &ChannelEvent) {
            panic!("this is part of the test");
        }
    }
    let site = site(ChannelSettings::new()).await;
    let cx = site.anybody();
    site.channels().join(&cx, "c0", "a", ChannelOptions::default(), Arc::new(Bad)).await.unwrap();
    let ear = site.join("c1", "a").await;
    site.say("c1", "a", "hello").await.unwrap();
    assert_eq!(ear.words(), ["hello"]);
}

#[tokio::test]
async fn all_hear_the_same_bytes_in_the_same_order() {
    let site = site(ChannelSettings::new()).await;
    let mut ears = Vec::new();
    for number in 0..20 {
        ears.push(site.join(&format!("c{number}"), "a").await);
    }
    for number in 0..50 {
        site.say(&format!("c{}", number % 20), "a", &number.to_string()).await.unwrap();
    }
    let first = ears[0].events();
    assert_eq!(first.len(), 50);
    for ear in &ears[1..] {
        let events = ear.events();
        assert!(events.iter().zip(&first).all(|(one, other)| std::ptr::eq(one.json(), other.json())));
        assert_eq!(events.len(), 50);
    }
    assert_eq!(site.channels().stats().told, 1_000);
}

#[tokio::test]
async fn application_code_listens_and_speaks() {
    let site = site(ChannelSettings::new()).await;
    let mut listening = site.cx.channel("a").listen().await.unwrap();
    assert_eq!(site.channels().stats().listeners, 1);
    site.join("c1", "a").await;
    site.say("c1", "a", "hello").await.unwrap();
    let Some(Heard::Event(event)) = listening.hear().await else { panic!("nothing was heard") };
    assert!(event.json().contains("hello"));
    for _ in 0..300 {
        site.cx.channel("a").broadcast("say", "much").unwrap();
    }
    let Some(Heard::Missed(missed)) = listening.hear().await else { panic!("it has missed some") };
    assert_eq!(missed, 300 - 256);
    drop(listening);
    assert_eq!(site.channels().stats().listeners, 0);
}

#[tokio::test]
async fn what_is_said_in_a_transaction_is_said_after_the_commit_or_never() {
    let site = site(ChannelSettings::new()).await;
    let ear = site.join("c1", "a").await;
    let heard = ear.clone();
    let failed: modeller::Result<()> = site
        .cx
        .transaction(async |tx| {
            tx.channel("a").broadcast("say", "never")?;
            tx.channel("a").send("say", "never kept").await?;
            Err(modeller::Error::new(Code::Conflict, "no"))
        })
        .await;
    assert!(failed.is_err());
    assert!(ear.events().is_empty());
    site.cx
        .transaction(async |tx| {
            tx.channel("a").broadcast("say", "said")?;
            tx.channel("a").send("say", "kept").await?;
            assert!(heard.events().is_empty(), "it is not committed yet");
            Ok(())
        })
        .await
        .unwrap();
    assert_eq!(ear.words(), ["said", "kept"]);
}
