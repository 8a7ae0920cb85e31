//! Random comings and goings: whoever follows the events knows at each moment who is present.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use modeller::live::ChannelSettings;
use proptest::prelude::*;
use serde_json::Value as Json;

use super::{Ear, Site, options, site};

/// Who is present, by key and reference, as one who follows the events has it.
#[derive(Default)]
struct Replica {
    present: BTreeMap<String, BTreeMap<String, Json>>,
    /// References that were there once, and are no more.
    gone: BTreeSet<String>,
}

impl Replica {
    fn hear(&mut self, json: &Json) {
        let entries = |name: &str| -> Vec<(String, String, Json)> {
            let keys = json[name].as_object().unwrap();
            let metas = keys
                .iter()
                .flat_map(|(key, metas)| metas.as_array().unwrap().iter().map(move |meta| (key, meta)));
            let text = |json: &Json| json.as_str().unwrap().to_owned();
            metas.map(|(key, meta)| (key.clone(), text(&meta["ref"]), meta["state"].clone())).collect()
        };
        match json["event"].as_str().unwrap() {
            "sync" => {
                self.present.clear();
                for (key, reference, state) in entries("state") {
                    self.present.entry(key).or_default().insert(reference, state);
                }
            }
            "join" => {
                for (key, reference, state) in entries("joins") {
                    assert!(!self.gone.contains(&reference), "nobody comes back from the dead");
                    assert!(self.present.entry(key).or_default().insert(reference, state).is_none());
                }
            }
            "update" => {
                for (key, reference, state) in entries("updates") {
                    let old = self.present.get_mut(&key).unwrap().insert(reference, state);
                    assert!(old.is_some(), "who is not there can't change");
                }
            }
            "leave" => {
                for (key, reference, state) in entries("leaves") {
                    let same = self.present.get_mut(&key).unwrap();
                    assert_eq!(same.remove(&reference), Some(state), "it leaves in its last state");
                    if same.is_empty() {
                        self.present.remove(&key);
                    }
                    self.gone.insert(reference);
                }
            }
            other => panic!("{other}"),
        }
    }

    fn json(&self) -> Json {
        let keys = self.present.iter().map(|(key, metas)| {
            // In the order in which they came.
            let mut metas: Vec<_> = metas.iter().collect();
            metas.sort_by_key(|(reference, _)| reference.parse::<u64>().unwrap());
            let meta = |(reference, state)| serde_json::json!({ "ref": reference, "state": state });
            (key.clone(), metas.into_iter().map(meta).collect::<Json>())
        });
        Json::Object(keys.collect())
    }
}

#[derive(Clone, Debug)]
enum Step {
    Join(u8, u8),
    Track(u8, u8),
    Untrack(u8),
    Heartbeat(u8),
    Leave(u8),
    Cut(u8),
    /// Another connection takes the place of this one.
    Resume(u8),
    Watch,
    Wait(u8),
}

fn step() -> impl Strategy<Value = Step> {
    let who = 0_u8..5;
    prop_oneof![
        3 => (who.clone(), 0_u8..3).prop_map(|(who, key)| Step::Join(who, key)),
        4 => (who.clone(), 0_u8..3).prop_map(|(who, state)| Step::Track(who, state)),
        1 => who.clone().prop_map(Step::Untrack),
        2 => who.clone().prop_map(Step::Heartbeat),
        1 => who.clone().prop_map(Step::Leave),
        2 => who.clone().prop_map(Step::Cut),
        1 => who.prop_map(Step::Resume),
        1 => Just(Step::Watch),
        2 => (1_u8..20).prop_map(Step::Wait),
    ]
}

/// The connection that somebody has now.
fn name(generations: &[usize; 5], who: u8) -> String {
    format!("c{who}.{}", generations[usize::from(who)])
}

async fn follow(steps: Vec<Step>) {
    let site = site(ChannelSettings::new()).await;
    let mut watchers: Vec<(Arc<Ear>, Replica)> = Vec::new();
    let mut generations = [0; 5];
    watch(&site, &mut watchers).await;
    for step in steps {
        let taken = format!("{step:?}");
        match step {
            Step::Join(who, key) => {
                // One of the keys is that of the connection itself.
                let key = if key == 0 { String::new() } else { format!("k{key}") };
                let options = options(serde_json::json!({ "presence": { "key": key } }));
                site.join_with(&name(&generations, who), "a", options).await;
            }
            Step::Track(who, state) => {
                let (cx, state) = (site.anybody(), state.to_string());
                drop(site.channels().track(&cx, &name(&generations, who), "a", state.as_bytes()).await);
            }
            Step::Untrack(who) => drop(site.channels().untrack(&name(&generations, who), "a")),
            Step::Heartbeat(who) => drop(site.channels().heartbeat(&name(&generations, who))),
            Step::Leave(who) => site.channels().leave_all(&name(&generations, who)),
            Step::Cut(who) => {
                site.channels().disconnect(&name(&generations, who));
                generations[usize::from(who)] += 1;
            }
            Step::Resume(who) => {
                let mut options = options(serde_json::json!({}));
                options.resumes = Some(name(&generations, who));
                generations[usize::from(who)] += 1;
                site.join_with(&name(&generations, who), "a", options).await;
            }
            Step::Watch => watch(&site, &mut watchers).await,
            Step::Wait(seconds) => site.wait(f64::from(seconds)).await,
        }
        let state = site.cx.channel("a").presence_state().unwrap();
        for (ear, replica) in &mut watchers {
            ear.json().iter().for_each(|json| replica.hear(json));
            assert_eq!(replica.json(), state, "after {taken}");
        }
    }
    // All go, and nothing is left of them.
    for (who, last) in generations.into_iter().enumerate() {
        for generation in 0..=last {
            site.channels().disconnect(&format!("c{who}.{generation}"));
        }
    }
    site.wait(10.0).await;
    for (ear, replica) in &mut watchers {
        ear.json().iter().for_each(|json| replica.hear(json));
        assert!(replica.present.is_empty());
    }
    (0..watchers.len()).for_each(|number| site.channels().leave_all(&format!("w{number}")));
    let stats = site.channels().stats();
    assert_eq!((stats.channels, stats.members, stats.present, stats.connections), (0, 0, 0, 0));
}

async fn watch(site: &Site, watchers: &mut Vec<(Arc<Ear>, Replica)>) {
    let ear = site.join_with(&format!("w{}", watchers.len()), "a", options(Json::Null)).await.0;
    watchers.push((ear, Replica::default()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn who_follows_the_events_knows_who_is_present(steps in prop::collection::vec(step(), 1..80)) {
        // CHA-16, CHA-18, CHA-19
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(follow(steps));
    }
}
