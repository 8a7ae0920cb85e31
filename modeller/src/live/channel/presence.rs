//! Who is present in a channel: keys, and under each the entries of the connections that share it. Without clocks and without I/O.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::event::quote;

/// Somebody who is present.
#[derive(Debug)]
struct Entry {
    key: Arc<str>,
    /// Whether a client has named the key. Else it is its connection's id, which everybody sees.
    is_named: bool,
    /// JSON text.
    state: Arc<str>,
    /// Until when, unless a heartbeat comes.
    deadline: i64,
    /// The connection that was cut, as long as nobody has taken its place.
    cut: Option<Arc<str>>,
}

/// The entries of one channel.
#[derive(Debug, Default)]
pub(super) struct Presence {
    entries: BTreeMap<u64, Entry>,
    keys: BTreeMap<Arc<str>, Vec<u64>>,
    deadlines: BTreeSet<(i64, u64)>,
}

impl Presence {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// A new entry, under a key that a client has named or not.
    pub(super) fn add(&mut self, id: u64, key: Arc<str>, is_named: bool, state: Arc<str>, deadline: i64) {
        self.keys.entry(key.clone()).or_default().push(id);
        self.deadlines.insert((deadline, id));
        self.entries.insert(id, Entry { key, is_named, state, deadline, cut: None });
    }

    /// Gives an entry another state, and answers whether it is another one; `None` if there is no such entry.
    pub(super) fn replace(&mut self, id: u64, state: Arc<str>) -> Option<bool> {
        let entry = self.entries.get_mut(&id)?;
        let differs = *entry.state != *state;
        entry.state = state;
        Some(differs)
    }

    /// Somebody speaks for it: it stays until then. `false` if there is no such entry.
    pub(super) fn keep(&mut self, id: u64, deadline: i64) -> bool {
        let Some(entry) = self.entries.get_mut(&id) else { return false };
        self.deadlines.remove(&(entry.deadline, id));
        self.deadlines.insert((deadline, id));
        entry.deadline = deadline;
        entry.cut = None;
        true
    }

    /// The connection of an entry was cut: until then somebody may take its place.
    pub(super) fn cut(&mut self, id: u64, connection: Arc<str>, deadline: i64) {
        if self.keep(id, deadline)
            && let Some(entry) = self.entries.get_mut(&id)
        {
            entry.cut = Some(connection);
        }
    }

    /// The entry that a connection takes over which names this key: the one that has been cut for longest.
    pub(super) fn orphan(&self, key: &str) -> Option<u64> {
        let ids = self.keys.get(key)?.iter().copied();
        let is_free = |entry: &&Entry| entry.cut.is_some() && entry.is_named;
        let cut =
            ids.filter_map(|id| self.entries.get(&id).filter(is_free).map(|entry| (entry.deadline, id)));
        cut.min().map(|(_, id)| id)
    }

    /// The entry that a connection left behind when it was cut.
    pub(super) fn orphan_of(&self, connection: &str) -> Option<u64> {
        let left = |entry: &Entry| entry.cut.as_deref() == Some(connection);
        self.entries.iter().find(|(_, entry)| left(entry)).map(|(id, _)| *id)
    }

    /// The key of an entry.
    pub(super) fn key(&self, id: u64) -> Option<&Arc<str>> {
        self.entries.get(&id).map(|entry| &entry.key)
    }

    /// Whether a client has named the key of an entry.
    pub(super) fn is_named(&self, id: u64) -> bool {
        self.entries.get(&id).is_some_and(|entry| entry.is_named)
    }

    /// Takes entries out, and answers the JSON of those that were there: by key, with their last states.
    pub(super) fn remove(&mut self, ids: &[u64]) -> Option<String> {
        let json = self.json_of(ids);
        for &id in ids {
            let Some(entry) = self.entries.remove(&id) else { continue };
            self.deadlines.remove(&(entry.deadline, id));
            if let Some(same) = self.keys.get_mut(&entry.key) {
                same.retain(|other| *other != id);
                if same.is_empty() {
                    self.keys.remove(&entry.key);
                }
            }
        }
        json
    }

    /// When the next entry is due.
    pub(super) fn next(&self) -> Option<i64> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// The entries whose time is over.
    pub(super) fn due(&self, now: i64) -> Vec<u64> {
        self.deadlines.iter().take_while(|(deadline, _)| *deadline <= now).map(|(_, id)| *id).collect()
    }

    /// All keys with their entries, as JSON.
    pub(super) fn json(&self) -> String {
        self.write(self.keys.iter().map(|(key, ids)| (key, ids.as_slice())))
    }

    /// These entries by key, as JSON; `None` if there is none of them.
    pub(super) fn json_of(&self, ids: &[u64]) -> Option<String> {
        let mut keys: BTreeMap<&Arc<str>, Vec<u64>> = BTreeMap::new();
        for id in ids {
            if let Some(entry) = self.entries.get(id) {
                keys.entry(&entry.key).or_default().push(*id);
            }
        }
        (!keys.is_empty()).then(|| self.write(keys.iter().map(|(key, ids)| (*key, ids.as_slice()))))
    }

    fn write<'a>(&self, keys: impl Iterator<Item = (&'a Arc<str>, &'a [u64])>) -> String {
        let mut out = String::from("{");
        for (key, ids) in keys {
            if out.len() > 1 {
                out.push(',');
            }
            quote(key, &mut out);
            out.push_str(":[");
            for (at, id) in ids.iter().enumerate() {
                let Some(entry) = self.entries.get(id) else { continue };
                let comma = if at > 0 { "," } else { "" };
                out.push_str(&format!(r#"{comma}{{"ref":"{id}","state":{}}}"#, entry.state));
            }
            out.push(']');
        }
        out.push('}');
        out
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value as Json, json};

    use super::*;

    fn read(json: Option<String>) -> Json {
        json.map_or(Json::Null, |json| serde_json::from_str(&json).unwrap())
    }

    #[test]
    fn a_key_has_the_entries_of_all_who_share_it() {
        // CHA-19
        let mut presence = Presence::default();
        presence.add(1, "ada".into(), true, r#"{"at":"home"}"#.into(), 10);
        presence.add(2, "bob".into(), true, "1".into(), 10);
        presence.add(3, "ada".into(), true, r#"{"at":"work"}"#.into(), 10);
        let all = json!({
            "ada": [{ "ref": "1", "state": { "at": "home" } }, { "ref": "3", "state": { "at": "work" } }],
            "bob": [{ "ref": "2", "state": 1 }]
        });
        assert_eq!(read(Some(presence.json())), all);
        assert_eq!(
            read(presence.remove(&[1])),
            json!({ "ada": [{ "ref": "1", "state": { "at": "home" } }] })
        );
        assert_eq!(read(presence.remove(&[1])), Json::Null);
        presence.remove(&[2, 3]);
        assert_eq!(presence.json(), "{}");
        assert_eq!(presence.next(), None);
    }

    #[test]
    fn who_was_cut_is_taken_over_once_and_the_longest_one_first() {
        let mut presence = Presence::default();
        for (id, deadline) in [(1, 10), (2, 20), (3, 30)] {
            presence.add(id, "ada".into(), true, "1".into(), deadline);
        }
        assert_eq!(presence.orphan("ada"), None);
        presence.cut(2, "c2".into(), 45);
        presence.cut(1, "c1".into(), 40);
        assert_eq!(presence.orphan("ada"), Some(1));
        assert_eq!(presence.orphan("bob"), None);
        assert_eq!(presence.orphan_of("c2"), Some(2));
        assert!(presence.keep(1, 50));
        assert_eq!(presence.orphan("ada"), Some(2));
        assert_eq!(presence.orphan_of("c1"), None);
        assert_eq!(presence.due(45), [3, 2]);
    }

    proptest! {
        // Whatever happens, keys, entries and deadlines tell of the same entries.
        #[test]
        fn the_books_agree(steps in prop::collection::vec((0_u8..5, 1_u64..6, 0_usize..3, 0_i64..50), 0..60)) {
            let mut presence = Presence::default();
            for (step, id, key, time) in steps {
                match step {
                    0 if presence.key(id).is_none() => presence.add(id, ["a", "b", "c"][key].into(), true, "1".into(), time),
                    0 | 1 => { presence.keep(id, time); }
                    2 => presence.cut(id, "c".into(), time),
                    3 => { presence.remove(&presence.due(time)); }
                    _ => { presence.remove(&[id]); }
                }
                let entries: BTreeSet<u64> = presence.entries.keys().copied().collect();
                let keyed: Vec<u64> = presence.keys.values().flatten().copied().collect();
                prop_assert_eq!(keyed.len(), entries.len());
                prop_assert_eq!(keyed.into_iter().collect::<BTreeSet<_>>(), entries.clone());
                let due: BTreeSet<u64> = presence.deadlines.iter().map(|(_, id)| *id).collect();
                prop_assert_eq!(&due, &entries);
                prop_assert_eq!(presence.deadlines.len(), entries.len());
                prop_assert!(presence.keys.values().all(|ids| !ids.is_empty()));
                prop_assert!(serde_json::from_str::<Json>(&presence.json()).unwrap().is_object());
            }
        }
    }
}
