//! Who gets in, who is kept out, and what is left of those who have gone.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use modeller::live::{
    ChangesRequest, ChannelAction, ChannelEventKind, ChannelOptions, ChannelSettings, Since,
};
use modeller::{Code, Error};
use serde_json::json;

use super::{Ear, options, site};

fn private() -> ChannelOptions {
    options(json!({ "private": true }))
}

#[tokio::test]
async fn a_connection_joins_a_topic_once_and_its_options_stay() {
    // CHA-01, CHA-03
    let site = site(ChannelSettings::new()).await;
    let (ear, first) =
        site.join_with("c1", "room:1", options(json!({ "broadcast": { "self": false } }))).await;
    let (other, second) = site.join_with("c1", "room:1", ChannelOptions::default()).await;
    assert!(!first.is_old && second.is_old);
    assert_eq!(ear.kinds(), [ChannelEventKind::PresenceState]);
    site.say("c1", "room:1", "hello").await.unwrap();
    assert!(ear.words().is_empty() && other.words().is_empty(), "it does not hear itself, as it said first");
    let stats = site.channels().stats();
    assert_eq!((stats.channels, stats.connections, stats.members, stats.joins), (1, 1, 1, 1));
}

#[tokio::test]
async fn one_connection_is_in_many_channels_and_hears_each_apart() {
    // CHA-03
    let site = site(ChannelSettings::new()).await;
    let one = site.join("c1", "a").await;
    let two = site.join("c1", "b").await;
    site.join("c2", "b").await;
    site.say("c2", "b", "only here").await.unwrap();
    assert_eq!((one.words(), two.words()), (vec![], vec!["only here".to_owned()]));
    assert_eq!(site.channels().stats().connections, 2);
}

#[tokio::test]
async fn who_leaves_hears_no_more_and_nothing_stays_behind() {
    // CHA-22
    let site = site(ChannelSettings::new()).await;
    let ear = site.join("c1", "a").await;
    site.join("c1", "b").await;
    site.join("c2", "a").await;
    assert!(site.channels().leave("c1", "a"));
    assert!(!site.channels().leave("c1", "a"), "it is safe to leave twice");
    site.say("c2", "a", "hello").await.unwrap();
    assert!(ear.events().is_empty());
    assert!(site.say("c1", "a", "hello").await.unwrap_err().is(Code::NotFound));
    site.channels().leave_all("c1");
    site.channels().disconnect("c2");
    site.channels().disconnect("nobody");
    let stats = site.channels().stats();
    assert_eq!((stats.channels, stats.connections, stats.members), (0, 0, 0));
}

#[tokio::test]
async fn a_connection_comes_back_under_another_id_and_joins_again() {
    // CHA-21
    let site = site(ChannelSettings::new()).await;
    site.join("c1", "a").await;
    site.channels().disconnect("c1");
    let (_, joined) = site.join_with("c2", "a", ChannelOptions::default()).await;
    assert!(!joined.is_old);
}

#[tokio::test]
async fn nobody_gets_into_a_private_channel_unless_somebody_says_so() {
    // CHA-15
    let closed = site(ChannelSettings::new()).await;
    let (cx, ear) = (closed.anybody(), Ear::new());
    let refused = closed.channels().join(&cx, "c1", "room:1", private(), ear.clone()).await.unwrap_err();
    assert!(refused.is(Code::Forbidden));
    assert_eq!(closed.channels().stats().refused, 1);
    assert_eq!(closed.channels().stats().channels, 0);
    assert!(ear.events().is_empty());

    let settings = ChannelSettings::new().authorize(|_cx, topic, action| async move {
        Ok(&*topic == "room:1" && action == ChannelAction::Join)
    });
    let site = site(settings).await;
    let (ear, joined) = site.join_with("c1", "room:1", private()).await;
    assert!(joined.topic.is_private());
    let elsewhere = site.channels().join(&site.anybody(), "c1", "room:2", private(), ear.clone()).await;
    assert!(elsewhere.unwrap_err().is(Code::Forbidden));
    // Each action is asked for.
    let (cx, channels) = (site.anybody(), site.channels());
    assert!(site.say("c1", "room:1", "hello").await.unwrap_err().is(Code::Forbidden));
    assert!(channels.track(&cx, "c1", "room:1", b"1").await.unwrap_err().is(Code::Forbidden));
    let replay = channels.replay(&cx, "c1", "room:1", Since::Time(0), None).await;
    assert!(replay.unwrap_err().is(Code::Forbidden));
    let request = ChangesRequest { table: "orders".into(), ..ChangesRequest::default() };
    assert!(channels.bind(&cx, "c1", "room:1", &request).await.unwrap_err().is(Code::Forbidden));
    let mut since = private();
    since.since = Some(Since::Time(0));
    let joined = channels.join(&cx, "c2", "room:1", since, Ear::new()).await;
    assert!(joined.unwrap_err().is(Code::Forbidden), "who joins with a replay is asked about that, too");
}

#[tokio::test]
async fn what_is_private_is_not_heard_in_public() {
    // CHA-15
    let site = site(ChannelSettings::new().authorize(|_, _, _| async { Ok(true) })).await;
    let (inside, _) = site.join_with("c1", "room:1", private()).await;
    let outside = site.join("c2", "room:1").await;
    inside.forget();
    site.say("c1", "room:1", "secret").await.unwrap();
    site.track("c1", "room:1", "here").await;
    site.cx.channel("room:1").private().send("say", "kept secret").await.unwrap();
    assert_eq!(inside.events().len(), 3);
    assert!(outside.events().is_empty());
    assert_eq!(site.channels().presence_state("c2", "room:1").unwrap(), "{}");
    let replay = site.channels().replay(&site.anybody(), "c2", "room:1", Since::Time(0), None).await.unwrap();
    assert_eq!(replay.count, 0);
    // A connection has one of the two.
    let both =
        site.channels().join(&site.anybody(), "c1", "room:1", ChannelOptions::default(), Ear::new()).await;
    assert!(both.unwrap_err().is(Code::Conflict));
}

#[tokio::test]
async fn publishing_can_take_consent_in_public_channels_too() {
    // CHA-28
    let gated = site(ChannelSettings::new().gate([ChannelAction::Publish])).await;
    let ear = gated.join("c1", "room:1").await;
    assert!(
        gated.say("c1", "room:1", "hello").await.unwrap_err().is(Code::Forbidden),
        "nobody has consented"
    );
    gated.cx.channel("room:1").broadcast("say", "I may").unwrap();
    assert_eq!(ear.words(), ["I may"]);

    let settings = ChannelSettings::new().gate([ChannelAction::Publish]);
    let site = site(settings.authorize(|_, topic, _| async move { Ok(topic.name() == "open") })).await;
    site.join("c1", "open").await;
    site.join("c1", "shut").await;
    assert!(site.say("c1", "open", "hello").await.is_ok());
    assert!(site.say("c1", "shut", "hello").await.unwrap_err().is(Code::Forbidden));
}

#[tokio::test]
async fn an_authoriser_that_fails_lets_nobody_in() {
    // CHA-15
    let site = site(ChannelSettings::new().authorize(|_, topic, _| async move {
        match &*topic {
            "panic" => panic!("this is part of the test"),
            _ => Err(Error::new(Code::Unauthorized, "sign in first")),
        }
    }))
    .await;
    for (topic, code) in [("panic", Code::InternalError), ("error", Code::Unauthorized)] {
        let joined = site.channels().join(&site.anybody(), "c1", topic, private(), Ear::new()).await;
        assert!(joined.unwrap_err().is(code), "{topic}");
    }
}

#[tokio::test]
async fn who_may_no_more_is_put_out_and_told_so() {
    // CHA-15, CHA-23
    let allowed = Arc::new(AtomicBool::new(true));
    let may = allowed.clone();
    let settings = ChannelSettings::new().authorize(move |_, _, _| {
        let may = may.load(Ordering::SeqCst);
        async move { Ok(may) }
    });
    let site = site(settings).await;
    let (ear, _) = site.join_with("c1", "secret", private()).await;
    site.join("c1", "public").await;
    ear.forget();
    assert!(site.channels().reauthorize(&site.anybody(), "c1").await.is_empty());
    allowed.store(false, Ordering::SeqCst);
    let left = site.channels().reauthorize(&site.anybody(), "c1").await;
    assert_eq!(left.iter().map(|topic| topic.name()).collect::<Vec<_>>(), ["secret"]);
    let told = ear.json();
    assert_eq!(told.len(), 1);
    assert_eq!((&told[0]["type"], &told[0]["error"]["code"]), (&json!("closed"), &json!("FORBIDDEN")));
    site.cx.channel("secret").private().broadcast("say", "unheard").unwrap();
    assert!(ear.events().is_empty());
    assert!(site.channels().leave("c1", "public"));
}

#[tokio::test]
async fn who_may_join_and_no_more_do_what_it_does_there_is_put_out_too() {
    // CHA-15
    let allowed = Arc::new(Mutex::new(vec![ChannelAction::Track, ChannelAction::Changes]));
    let may = allowed.clone();
    let settings = ChannelSettings::new().gate([ChannelAction::Track, ChannelAction::Changes]).authorize(
        move |_, _, action| {
            let may = may.lock().unwrap().contains(&action);
            async move { Ok(may) }
        },
    );
    let site = site(settings).await;
    for topic in ["bound", "present", "listening"] {
        site.join("c1", topic).await;
    }
    let orders = ChangesRequest { table: "orders".into(), ..ChangesRequest::default() };
    site.channels().bind(&site.anybody(), "c1", "bound", &orders).await.unwrap();
    site.track("c1", "present", "here").await;
    assert!(site.channels().reauthorize(&site.anybody(), "c1").await.is_empty());
    for (left, topic) in [(ChannelAction::Track, "bound"), (ChannelAction::Changes, "present")] {
        allowed.lock().unwrap().retain(|action| *action == left);
        let out = site.channels().reauthorize(&site.anybody(), "c1").await;
        assert_eq!(out.iter().map(|topic| topic.name()).collect::<Vec<_>>(), [topic]);
    }
    let stats = site.channels().stats();
    assert_eq!((stats.members, stats.present, stats.bindings), (1, 0, 0));
}

#[tokio::test]
async fn limits_are_kept() {
    let mut settings = ChannelSettings::new();
    settings.max_channels = 2;
    let site = site(settings).await;
    let join = async |topic: &str, options| {
        site.channels().join(&site.anybody(), "c1", topic, options, Ear::new()).await
    };
    assert!(join("a", ChannelOptions::default()).await.is_ok());
    assert!(join("b", ChannelOptions::default()).await.is_ok());
    assert!(join("c", ChannelOptions::default()).await.unwrap_err().is(Code::RateLimited));
    assert!(join("a", ChannelOptions::default()).await.is_ok());
    site.channels().leave("c1", "a");
    for bad in ["", "a\0b", &"x".repeat(257)] {
        assert!(join(bad, ChannelOptions::default()).await.unwrap_err().is(Code::InvalidRequest));
    }
    let key = options(json!({ "presence": { "key": "k".repeat(129) } }));
    assert!(join("c", key).await.unwrap_err().is(Code::InvalidRequest));
    assert!(join("c", ChannelOptions::default()).await.is_ok());
    assert_eq!(site.channels().stats().channels, 2, "nothing stays of what was refused");
}

#[tokio::test]
async fn who_goes_while_joining_has_not_joined_and_is_told_nothing() {
    // CHA-15
    let site = site(ChannelSettings::new()).await;
    let ear = Ear::new();
    ear.is_closed.store(true, Ordering::SeqCst);
    site.cx.channel("a").send("say", "kept").await.unwrap();
    let since = options(json!({ "since": "2020-01-01T00:00:00Z" }));
    let joined = site.channels().join(&site.anybody(), "c1", "a", since, ear.clone()).await;
    assert!(joined.unwrap_err().is(Code::Conflict));
    // Neither who is present, nor what was kept.
    assert!(ear.events().is_empty());
    // One who gives up in the middle leaves nothing behind.
    let (cx, never) = (site.anybody(), ChannelOptions::default());
    {
        let mut joining = std::pin::pin!(site.channels().join(&cx, "c2", "a", never, Ear::new()));
        let once = std::future::poll_fn(|context| {
            std::task::Poll::Ready(joining.as_mut().poll(context).is_pending())
        });
        once.await;
    }
    site.channels().disconnect("c2");
    let stats = site.channels().stats();
    assert_eq!((stats.channels, stats.connections, stats.members), (0, 0, 0));
}
