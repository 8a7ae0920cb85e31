//! What the application says is kept, and told again.

use std::sync::Arc;

use modeller::Code;
use modeller::live::{ChannelSettings, Joined, Position, Replayed, Since};
use serde_json::{Value as Json, json};

use super::{Ear, START, Site, options, remove, site, stored};

const HOUR: f64 = 3_600.0;

impl Site {
    async fn send(&self, topic: &str, text: &str) -> Position {
        self.cx.channel(topic).send("say", text).await.unwrap().position
    }

    async fn replay(&self, who: &str, topic: &str, since: Since, limit: Option<usize>) -> Replayed {
        self.channels().replay(&self.anybody(), who, topic, since, limit).await.unwrap()
    }

    async fn back(&self, who: &str, topic: &str, since: Position) -> (Arc<Ear>, Joined) {
        self.join_with(who, topic, options(json!({ "since": since.to_string() }))).await
    }
}

#[tokio::test]
async fn what_the_application_sends_is_heard_and_has_a_place() {
    // CHA-11, CHA-12
    let site = site(ChannelSettings::new()).await;
    let ear = site.join("c1", "room:1").await;
    let sent = site.cx.channel("room:1").send("message", json!({ "text": "hello" })).await.unwrap();
    let json = &ear.json()[0];
    assert_eq!(
        *json,
        json!({
            "type": "broadcast", "event": "message", "payload": { "text": "hello" },
            "meta": {
                "channel": "room:1", "message_id": sent.message_id, "sender_type": "system",
                "timestamp": "2026-09-21T14:13:20.000Z", "position": sent.position.to_string()
            }
        })
    );
}

#[tokio::test]
async fn a_replay_tells_the_same_to_the_one_who_asks_alone() {
    // CHA-13
    let site = site(ChannelSettings::new()).await;
    let first = site.join("c1", "room:1").await;
    site.send("room:1", "one").await;
    site.send("room:2", "elsewhere").await;
    site.send("room:1", "two").await;
    site.join("c1", "room:1").await;
    let then: Vec<String> = first.events().iter().map(|event| event.json().to_owned()).collect();
    let later = site.join("c2", "room:1").await;
    let replayed = site.replay("c2", "room:1", Since::Time(START), None).await;
    assert_eq!((replayed.count, replayed.is_complete, replayed.has_more), (2, true, false));
    let again = later.events();
    assert!(again.iter().all(|event| event.is_replay()));
    assert_eq!(again.iter().map(|event| event.json()).collect::<Vec<_>>(), then);
    assert!(first.events().is_empty());
    assert_eq!(site.channels().stats().replayed, 2);
}

#[tokio::test]
async fn a_replay_tells_a_thousand_at_most_and_goes_on_from_there() {
    // CHA-13
    let site = site(ChannelSettings::new()).await;
    site.cx
        .transaction(async |tx| {
            for number in 0..1_200 {
                tx.channel("a").send("say", number.to_string()).await?;
            }
            Ok(())
        })
        .await
        .unwrap();
    let ear = site.join("c1", "a").await;
    let first = site.replay("c1", "a", Since::Time(0), Some(1_000_000)).await;
    assert_eq!((first.count, first.has_more), (1_000, true));
    let second = site.replay("c1", "a", Since::Position(first.position.unwrap()), None).await;
    assert_eq!((second.count, second.has_more, second.is_complete), (200, false, true));
    let all: Vec<String> = (0..1_200).map(|number| number.to_string()).collect();
    assert_eq!(ear.words(), all);
    let few = site.replay("c1", "a", Since::Time(START), Some(3)).await;
    assert_eq!((few.count, few.has_more), (3, true));
}

#[tokio::test]
async fn what_is_older_than_a_day_is_gone_and_that_is_said() {
    // CHA-13
    let site = site(ChannelSettings::new()).await;
    let old = site.send("a", "old").await;
    site.wait(2.0 * HOUR).await;
    let newer = site.send("a", "newer").await;
    site.wait(23.0 * HOUR).await;
    let ear = site.join("c1", "a").await;
    let before = Position::clone(&old);
    let replayed = site.replay("c1", "a", Since::Time(START), None).await;
    assert_eq!((ear.words(), replayed.is_complete), (vec!["newer".to_owned()], false));
    let replayed = site.replay("c1", "a", Since::Position(before), None).await;
    assert_eq!(
        (ear.words(), replayed.is_complete),
        (vec!["newer".to_owned()], true),
        "nothing came in between"
    );
    // The counter outlives what it counted.
    site.wait(2.0 * HOUR).await;
    site.cx.engine().sweep().await.unwrap();
    let replayed = site.replay("c1", "a", Since::Position(old), None).await;
    assert_eq!((replayed.count, replayed.is_complete), (0, false));
    let replayed = site.replay("c1", "a", Since::Position(newer), None).await;
    assert_eq!((replayed.count, replayed.is_complete), (0, true));
    let next = site.send("a", "next").await;
    assert_ne!(next, old);
    assert_eq!(next.to_string(), newer.to_string().replace("-2", "-3"));
}

#[tokio::test]
async fn a_position_of_another_time_is_not_taken_for_one_of_this() {
    // CHA-14
    let site = site(ChannelSettings::new()).await;
    let old = site.send("a", "old").await;
    site.wait(49.0 * HOUR).await;
    site.cx.engine().sweep().await.unwrap();
    let new = site.send("a", "new").await;
    assert_ne!(old, new, "the channel was forgotten in between");
    let (ear, joined) = site.back("c1", "a", old).await;
    assert!(!joined.replayed.unwrap().is_complete);
    assert_eq!(ear.words(), ["new"]);
    // One that has not been given yet.
    let future = new.to_string().replace("-1", "-9").parse().unwrap();
    let (_, joined) = site.back("c2", "a", future).await;
    assert!(!joined.replayed.unwrap().is_complete);
}

#[tokio::test]
async fn who_comes_back_with_a_position_hears_all_of_it_once_and_in_order() {
    // CHA-14
    let site = Arc::new(site(ChannelSettings::new()).await);
    let (mut ear, joined) = site.join_with("c0", "a", options(json!({}))).await;
    assert_eq!(joined.position, None);
    let mut heard: Vec<Json> = Vec::new();
    let sender = tokio::spawn({
        let site = site.clone();
        async move {
            for number in 0..400 {
                site.send("a", &number.to_string()).await;
            }
        }
    });
    let mut number = 0;
    let listen = |ear: &Ear, heard: &mut Vec<Json>| {
        heard.extend(ear.json().into_iter().filter(|json| json["type"] == "broadcast"));
    };
    while !sender.is_finished() {
        tokio::task::yield_now().await;
        listen(&ear, &mut heard);
        let last = heard.last().map(|json| json["meta"]["position"].as_str().unwrap().to_owned());
        let Some(last) = last else { continue };
        // Cut, and back: whatever was on its way is lost.
        site.channels().disconnect(&format!("c{number}"));
        for _ in 0..7 {
            tokio::task::yield_now().await;
        }
        number += 1;
        let joined;
        (ear, joined) = site.back(&format!("c{number}"), "a", last.parse().unwrap()).await;
        assert!(joined.replayed.unwrap().is_complete);
    }
    sender.await.unwrap();
    listen(&ear, &mut heard);
    assert!(number > 3, "it was cut {number} times only");
    let words: Vec<usize> =
        heard.iter().map(|json| json["payload"].as_str().unwrap().parse().unwrap()).collect();
    assert_eq!(words, (0..400).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_senders_at_once_are_heard_in_the_order_of_their_places() {
    // CHA-11, CHA-14
    let site = Arc::new(site(ChannelSettings::new()).await);
    let ear = site.join("c1", "a").await;
    let senders = (0..8).map(|sender| {
        let site = site.clone();
        tokio::spawn(async move {
            for number in 0..25 {
                let text = format!("{sender}-{number}");
                match number % 3 {
                    0 => drop(site.send("a", &text).await),
                    _ => site
                        .cx
                        .transaction(async |tx| tx.channel("a").send("say", text.as_str()).await.map(drop))
                        .await
                        .unwrap(),
                }
            }
        })
    });
    for sender in senders.collect::<Vec<_>>() {
        sender.await.unwrap();
    }
    let offsets: Vec<usize> = ear
        .json()
        .iter()
        .map(|json| json["meta"]["position"].as_str().unwrap().split_once('-').unwrap().1.parse().unwrap())
        .collect();
    assert_eq!(offsets, (1..=200).collect::<Vec<_>>());
    assert_eq!(site.channels().stats().kept, 200);
}

#[tokio::test]
async fn what_another_process_sent_is_told_in_its_place() {
    // CHA-27
    let site = site(ChannelSettings::new()).await;
    let ear = site.join("c1", "a").await;
    site.send("a", "one").await;
    // Another engine on the same store, which knows nobody here.
    let registry = site.cx.engine().registry().clone();
    let engine = site.cx.engine();
    let other = modeller::engine::Engine::new(registry, engine.store().clone(), engine.clock().clone());
    other.cx().channel("a").send("say", "two").await.unwrap();
    assert_eq!(ear.words(), ["one"]);
    site.send("a", "three").await;
    assert_eq!(ear.words(), ["two", "three"]);
}

#[tokio::test]
async fn anchors_that_are_none_are_refused() {
    // CHA-14
    for text in ["", "yesterday", "2026-02-30T00:00:00Z", "0000-1", "zzzzzzzzzzzzzzzz-1"] {
        assert!(text.parse::<Since>().unwrap_err().is(Code::InvalidRequest), "{text}");
    }
    assert_eq!("2026-09-21T16:13:20.5+02:00".parse::<Since>().unwrap(), Since::Time(START + 500));
    let site = site(ChannelSettings::new()).await;
    let asked = site.channels().replay(&site.anybody(), "c1", "a", Since::Time(0), None).await;
    assert!(asked.unwrap_err().is(Code::NotFound));
    site.join("c1", "a").await;
    for since in [i64::MIN, i64::MAX] {
        assert_eq!(site.replay("c1", "a", Since::Time(since), Some(0)).await.count, 0);
    }
    site.send("a", "one").await;
    assert_eq!(site.replay("c1", "a", Since::Time(i64::MIN), None).await.count, 1);
    assert_eq!(site.replay("c1", "a", Since::Time(i64::MAX), None).await.count, 0);
}

#[tokio::test]
async fn a_replay_fits_into_memory() {
    // CHA-13
    let site = site(ChannelSettings::new()).await;
    let large = "x".repeat(200_000);
    for _ in 0..30 {
        site.send("a", &large).await;
    }
    let ear = site.join("c1", "a").await;
    let mut replayed = site.replay("c1", "a", Since::Time(0), None).await;
    assert!(replayed.has_more && (15..25).contains(&replayed.count), "{}", replayed.count);
    let mut count = replayed.count;
    while replayed.has_more {
        replayed = site.replay("c1", "a", Since::Position(replayed.position.unwrap()), None).await;
        count += replayed.count;
    }
    assert_eq!((count, ear.events().len()), (30, 30));
}

#[tokio::test]
async fn what_was_sent_is_told_again_after_a_restart() {
    // CHA-14
    let path = std::env::temp_dir().join(format!("modeller-channels-{}.db", modeller::model::new_id()));
    let file = path.to_str().unwrap();
    let first = stored(file).await;
    let anchor = first.send("a", "one").await;
    first.send("a", "two").await;
    first.cx.engine().store().close().await;
    drop(first);
    let second = stored(file).await;
    let (ear, joined) = second.back("c1", "a", anchor).await;
    assert!(joined.replayed.unwrap().is_complete);
    second.send("a", "three").await;
    assert_eq!(ear.words(), ["two", "three"]);
    second.cx.engine().store().close().await;
    remove(file);
}
