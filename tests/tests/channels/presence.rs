//! Who is present.

use modeller::Code;
use modeller::engine::Identity;
use modeller::live::{ChannelAction, ChannelEventKind, ChannelSettings, Tracked};
use serde_json::{Value as Json, json};

use super::{Ear, Site, options, site};

fn states(json: &Json) -> Vec<&str> {
    json.as_array().unwrap().iter().map(|meta| meta["state"].as_str().unwrap()).collect()
}

/// What was heard, in short.
fn news(ear: &Ear) -> Vec<String> {
    let one = |json: Json| {
        let event = json["event"].as_str().unwrap().to_owned();
        let member =
            ["joins", "updates", "leaves", "state"].into_iter().find(|name| json.get(name).is_some());
        let keys = json[member.unwrap()].as_object().unwrap();
        let keys: Vec<String> =
            keys.iter().map(|(key, metas)| format!("{key}={}", states(metas).join("+"))).collect();
        format!("{event} {}", keys.join(" ")).trim().to_owned()
    };
    ear.json().into_iter().map(one).collect()
}

async fn keyed(site: &Site, who: &str, key: &str) -> std::sync::Arc<Ear> {
    let ear = site.join_with(who, "a", options(json!({ "presence": { "key": key } }))).await.0;
    ear.forget();
    ear
}

#[tokio::test]
async fn who_joins_is_told_who_is_present_and_then_of_who_comes_and_goes() {
    // CHA-16, CHA-17, CHA-18, CHA-20
    let site = site(ChannelSettings::new()).await;
    let one = site.join_with("c1", "a", options(json!({}))).await.0;
    assert_eq!(news(&one), ["sync"]);
    site.track("c1", "a", "here").await;
    assert_eq!(news(&one), ["join c1=here"]);
    let two = site.join_with("c2", "a", options(json!({}))).await.0;
    assert_eq!(news(&two), ["sync c1=here"]);
    site.track("c2", "a", "there").await;
    assert!(site.channels().untrack("c1", "a").unwrap());
    assert!(!site.channels().untrack("c1", "a").unwrap(), "it is safe to do it twice");
    assert_eq!(two.kinds(), [ChannelEventKind::PresenceJoin, ChannelEventKind::PresenceLeave]);
    assert_eq!(news(&one), ["join c2=there", "leave c1=here"]);
    let kinds = ChannelEventKind::PresenceJoin;
    assert_eq!((kinds.name(), ChannelEventKind::PresenceState.name()), ("presence_join", "presence_state"));
    assert_eq!(ChannelEventKind::PresenceLeave.name(), "presence_leave");
}

#[tokio::test]
async fn track_twice_is_one_update_and_no_leave() {
    // CHA-16
    let site = site(ChannelSettings::new()).await;
    let ear = site.join("c1", "a").await;
    let cx = site.anybody();
    let first = site.channels().track(&cx, "c1", "a", br#"{"x":1,"y":2}"#).await.unwrap();
    let second = site.channels().track(&cx, "c1", "a", br#"{"x":3}"#).await.unwrap();
    assert_eq!((first, second), (Tracked::Joined, Tracked::Updated));
    let heard = ear.json();
    assert_eq!(heard.len(), 2);
    assert_eq!(heard[1]["event"], "update");
    let meta = &heard[1]["updates"]["c1"][0];
    assert_eq!(meta["state"], json!({ "x": 3 }), "it replaces, and merges nothing");
    assert_eq!(meta["ref"], heard[0]["joins"]["c1"][0]["ref"]);
    assert_eq!(site.cx.channel("a").presence_state().unwrap(), heard[1]["updates"]);
    // The same again is an update all the same.
    site.channels().track(&cx, "c1", "a", br#"{"x":3}"#).await.unwrap();
    assert_eq!(ear.json()[0]["event"], "update");
}

#[tokio::test]
async fn tracking_takes_a_channel_that_was_joined() {
    // CHA-16, CHA-17
    let site = site(ChannelSettings::new()).await;
    assert!(site.channels().track(&site.anybody(), "c1", "a", b"1").await.unwrap_err().is(Code::NotFound));
    assert!(site.channels().untrack("c1", "a").unwrap_err().is(Code::NotFound));
    assert_eq!(site.channels().heartbeat("c1"), 0);
}

#[tokio::test]
async fn several_connections_are_one_key() {
    // CHA-19
    let site = site(ChannelSettings::new()).await;
    let (one, _two) = (keyed(&site, "c1", "ada").await, keyed(&site, "c2", "ada").await);
    site.track("c1", "a", "home").await;
    site.track("c2", "a", "work").await;
    let state = site.cx.channel("a").presence_state().unwrap();
    assert_eq!(states(&state["ada"]), ["home", "work"]);
    site.channels().leave("c2", "a");
    assert_eq!(news(&one), ["join ada=home", "join ada=work", "leave ada=work"]);
}

#[tokio::test]
async fn a_short_cut_is_noticed_by_nobody() {
    // CHA-18, CHA-21
    let site = site(ChannelSettings::new()).await;
    let watcher = site.join("w", "a").await;
    keyed(&site, "c1", "ada").await;
    site.track("c1", "a", "here").await;
    assert_eq!(news(&watcher), ["join ada=here"]);
    site.wait(44.0).await;
    site.channels().disconnect("c1");
    site.wait(5.0).await;
    let back = site.join_with("c2", "a", options(json!({ "presence": { "key": "ada" } }))).await.0;
    assert_eq!(news(&back), ["sync ada=here"]);
    site.track("c2", "a", "here").await;
    assert!(watcher.events().is_empty(), "neither leave nor join nor update");
    site.track("c2", "a", "elsewhere").await;
    assert_eq!(news(&watcher), ["update ada=elsewhere"]);
    site.wait(44.0).await;
    assert!(watcher.events().is_empty());
    site.wait(1.0).await;
    assert_eq!(news(&watcher), ["leave ada=elsewhere"]);
}

#[tokio::test]
async fn a_connection_that_goes_on_as_another_stays_present() {
    // CHA-21
    let site = site(ChannelSettings::new()).await;
    let watcher = site.join("w", "a").await;
    site.join("c1", "a").await;
    site.track("c1", "a", "here").await;
    watcher.forget();
    let mut resumed = options(json!({}));
    resumed.resumes = Some("c1".into());
    // Nobody has found out yet that the first one is cut.
    site.join_with("c2", "a", resumed.clone()).await;
    site.channels().disconnect("c1");
    site.track("c2", "a", "there").await;
    assert_eq!(news(&watcher), ["update c1=there"]);
    site.channels().disconnect("c2");
    site.wait(9.0).await;
    resumed.resumes = Some("c2".into());
    site.join_with("c3", "a", resumed).await;
    site.wait(9.0).await;
    assert!(watcher.events().is_empty());
    site.channels().leave_all("c3");
    assert_eq!(news(&watcher), ["leave c1=there"]);
}

#[tokio::test]
async fn who_may_not_be_present_takes_nobody_s_place() {
    // CHA-16, CHA-19
    let settings = ChannelSettings::new().gate([ChannelAction::Track]);
    let settings = settings.authorize(|_, _, action| async move { Ok(action != ChannelAction::Track) });
    let site = site(settings).await;
    // She may do all; nobody else may be present.
    let cx = site.anybody().as_identity(Identity::System);
    let watcher = site.join("w", "a").await;
    let hers = options(json!({ "presence": { "key": "ada" } }));
    let mut resumed = hers.clone();
    resumed.resumes = Some("c1".into());
    site.channels().join(&cx, "c1", "a", hers.clone(), Ear::new()).await.unwrap();
    site.channels().track(&cx, "c1", "a", br#""here""#).await.unwrap();
    site.channels().disconnect("c1");
    // By her key, and even by what only her client should know.
    for (eve, options) in [("e1", hers.clone()), ("e2", resumed)] {
        site.join_with(eve, "a", options).await;
        assert_eq!(site.channels().heartbeat(eve), 0);
    }
    site.wait(5.0).await;
    // She herself comes back, and is cut for good.
    site.channels().join(&cx, "c2", "a", hers, Ear::new()).await.unwrap();
    assert_eq!(site.channels().heartbeat("c2"), 1);
    site.wait(9.0).await;
    site.channels().disconnect("c2");
    assert_eq!(news(&watcher), ["join ada=here"]);
    site.wait(10.0).await;
    assert_eq!(news(&watcher), ["leave ada=here"]);
}

#[tokio::test]
async fn who_has_named_no_key_is_continued_by_nobody_who_only_sees_it() {
    // CHA-19, CHA-21
    let site = site(ChannelSettings::new()).await;
    let watcher = site.join("w", "a").await;
    site.join("c1", "a").await;
    site.track("c1", "a", "Ada").await;
    site.channels().disconnect("c1");
    keyed(&site, "e1", "c1").await;
    site.track("e1", "a", "Eve").await;
    assert_eq!(news(&watcher), ["join c1=Ada", "join c1=Eve"]);
    // And again, once she has gone on as another connection.
    for (before, now) in [("c1", "c2"), ("c2", "c3")] {
        let mut resumed = options(json!({}));
        resumed.resumes = Some(before.into());
        site.join_with(now, "a", resumed).await;
        site.track(now, "a", "Ada").await;
        site.channels().disconnect(now);
        keyed(&site, &format!("e{now}"), "c1").await;
        assert_eq!(site.channels().heartbeat(&format!("e{now}")), 0);
    }
    assert!(watcher.events().is_empty(), "she has been there all the time");
}

#[tokio::test]
async fn who_does_not_come_back_has_left_after_the_grace() {
    // CHA-18
    let site = site(ChannelSettings::new()).await;
    let watcher = site.join("w", "a").await;
    site.join("c1", "a").await;
    site.track("c1", "a", "here").await;
    watcher.forget();
    site.channels().disconnect("c1");
    site.wait(9.9).await;
    assert!(watcher.events().is_empty());
    site.wait(0.1).await;
    assert_eq!(news(&watcher), ["leave c1=here"]);
    site.channels().leave_all("w");
    assert_eq!(site.channels().stats().channels, 0);
}

#[tokio::test]
async fn who_falls_silent_leaves_within_the_ttl_and_who_does_not_stays() {
    // CHA-16
    let site = site(ChannelSettings::new()).await;
    let watcher = site.join("w", "a").await;
    let (_, joined) = site.join_with("c1", "a", options(json!({}))).await;
    assert_eq!(joined.heartbeat, 22_500);
    site.join("c2", "a").await;
    site.track("c1", "a", "dead").await;
    site.track("c2", "a", "alive").await;
    watcher.forget();
    for _ in 0..3 {
        site.wait(22.0).await;
        assert_eq!(site.channels().heartbeat("c2"), 1);
    }
    assert_eq!(news(&watcher), ["leave c1=dead"]);
    assert_eq!(site.channels().heartbeat("c1"), 0, "it has to be tracked anew");
    site.track("c1", "a", "again").await;
    assert_eq!(news(&watcher), ["join c1=again"]);
    site.wait(45.0).await;
    let state = site.cx.channel("a").presence_state().unwrap();
    assert_eq!(state, json!({}));
    assert_eq!(news(&watcher), ["leave c1=again c2=alive"]);
}

#[tokio::test]
async fn presence_is_bounded() {
    let mut settings = ChannelSettings::new();
    settings.max_present = 2;
    let site = site(settings).await;
    let cx = site.anybody();
    for who in ["c1", "c2", "c3"] {
        site.join(who, "a").await;
    }
    site.track("c1", "a", "1").await;
    site.track("c2", "a", "2").await;
    assert!(site.channels().track(&cx, "c3", "a", b"1").await.unwrap_err().is(Code::RateLimited));
    site.track("c1", "a", "3").await;
    let large = format!("\"{}\"", "x".repeat(5_000));
    assert!(
        site.channels().track(&cx, "c1", "a", large.as_bytes()).await.unwrap_err().is(Code::PayloadTooLarge)
    );
    assert!(site.channels().track(&cx, "c1", "a", b"{").await.unwrap_err().is(Code::ParseError));
    site.channels().untrack("c2", "a").unwrap();
    site.track("c3", "a", "3").await;
    assert_eq!(site.channels().stats().present, 2);
}

#[tokio::test]
async fn who_does_not_care_is_told_nothing() {
    let site = site(ChannelSettings::new()).await;
    let ear = site.join_with("c1", "a", options(json!({ "presence": { "enabled": false } }))).await.0;
    site.join("c2", "a").await;
    site.track("c2", "a", "here").await;
    site.track("c1", "a", "here").await;
    assert!(ear.events().is_empty());
}

#[tokio::test]
async fn coming_and_going_for_long_leaves_nothing_behind() {
    let site = site(ChannelSettings::new()).await;
    for round in 0..200 {
        let who = format!("c{round}");
        site.join(&who, "a").await;
        site.track(&who, "a", "here").await;
        if round % 2 == 0 {
            site.channels().untrack(&who, "a").unwrap();
        }
        site.channels().disconnect(&who);
        site.wait(1.0).await;
    }
    let stats = site.channels().stats();
    assert!(stats.present <= 6, "{stats:?}");
    site.wait(10.0).await;
    let stats = site.channels().stats();
    assert_eq!((stats.channels, stats.present, stats.connections), (0, 0, 0));
}

#[tokio::test]
async fn who_has_missed_something_is_told_anew() {
    // CHA-18
    let site = site(ChannelSettings::new()).await;
    let ear = site.join("c1", "a").await;
    site.track("c1", "a", "here").await;
    ear.forget();
    site.channels().resync("c1", "a").unwrap();
    assert_eq!(news(&ear), ["sync c1=here"]);
    assert!(site.channels().resync("c2", "a").unwrap_err().is(Code::NotFound));
}
