//! One channel: who has joined it and who is present, for as long as somebody holds on to it.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::event::quote;
use super::presence::Presence;
use super::{ChannelEvent, ChannelEventKind, ChannelSink, Channels, Position, Topic};
use crate::live::lookahead::{self, Look};

/// How far the broadcasts that were kept have been told in a channel.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Head {
    /// Nobody has joined yet.
    #[default]
    Unknown,
    /// Nothing was ever kept.
    Nothing,
    /// Up to this one.
    At(Position),
}

impl Head {
    pub(super) fn position(self) -> Option<Position> {
        match self {
            Head::At(position) => Some(position),
            Head::Unknown | Head::Nothing => None,
        }
    }
}

pub(super) struct Room {
    pub(super) topic: Topic,
    /// Held by whoever tells what was kept, so that it is told in order.
    pub(super) head: tokio::sync::Mutex<Head>,
    state: Mutex<State>,
    home: Weak<Channels>,
}

#[derive(Default)]
struct State {
    members: BTreeMap<u64, Member>,
    presence: Presence,
    /// When somebody looks after those who are present.
    planned: Option<Planned>,
    /// The state of all who are present, as it was told last.
    told: Option<ChannelEvent>,
}

/// One who has joined.
pub(super) struct Member {
    pub(super) sink: Arc<dyn ChannelSink>,
    /// The connection; application code has none.
    pub(super) connection: Option<Arc<str>>,
    /// Whether it hears itself.
    pub(super) echo: bool,
    /// Whether it hears who is present.
    pub(super) presence: bool,
    /// Under which key it is present.
    pub(super) key: Arc<str>,
    /// Whether it has named that key.
    pub(super) is_named: bool,
    /// Its entry.
    pub(super) entry: Option<u64>,
    /// It has taken its entry over, and not said yet in which state it is.
    pub(super) is_heir: bool,
}

/// Whose place among those who are present a newcomer takes: that of a connection, or else that of one that was cut and had named this key.
#[derive(Clone, Copy)]
pub(super) struct Heritage<'a> {
    pub(super) connection: Option<&'a str>,
    pub(super) key: Option<&'a str>,
}

/// When a channel is looked after, and a number that tells apart those of one time.
pub(super) type Planned = (i64, u64);

/// What became of one who wants to be present.
pub(super) enum Tracking {
    Joined,
    Updated,
    /// It has not joined the channel.
    Stranger,
    /// Too many are.
    Full,
}

impl Room {
    pub(super) fn new(topic: Topic, home: Weak<Channels>) -> Arc<Self> {
        Arc::new(Room { topic, head: Default::default(), state: Mutex::default(), home })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many connections, how many others, and how many who are present.
    pub(super) fn counts(&self) -> (usize, usize, usize) {
        let state = self.state();
        let connections = state.members.values().filter(|member| member.connection.is_some()).count();
        (connections, state.members.len() - connections, state.presence.len())
    }

    /// Whether there is anybody whose place this is.
    pub(super) fn has_left(&self, heritage: Heritage<'_>) -> bool {
        self.state().left(heritage).is_some()
    }

    /// Lets somebody in, who is first told who is present. Whoever it takes over from stays present without a break.
    pub(super) fn enter(&self, id: u64, mut member: Member, heritage: Option<Heritage<'_>>, until: i64) {
        let mut state = self.state();
        if let Some(entry) = heritage.and_then(|heritage| state.left(heritage)) {
            // Nobody may have found out yet that the one before was cut.
            let before = state.members.values_mut().find(|member| member.entry == Some(entry));
            if let Some(before) = before {
                before.entry = None;
            }
            state.presence.keep(entry, until);
            if let Some(key) = state.presence.key(entry) {
                (member.key, member.is_named) = (key.clone(), state.presence.is_named(entry));
            }
            member.entry = Some(entry);
            member.is_heir = true;
        }
        // Application code can look by itself.
        if member.presence && member.connection.is_some() {
            let event = state.told(&self.topic);
            tell(&member, &event);
        }
        state.members.insert(id, member);
    }

    /// Lets a member go; `false` if there is none. With a time it was cut, and may come back until then.
    pub(super) fn leave(&self, id: u64, grace: Option<i64>) -> bool {
        let mut state = self.state();
        let Some(member) = state.members.remove(&id) else { return false };
        match (member.entry, grace, member.connection) {
            (Some(entry), Some(until), Some(connection)) => state.presence.cut(entry, connection, until),
            (Some(entry), ..) => self.gone(&mut state, &[entry]),
            (None, ..) => {}
        }
        true
    }

    /// Tells all members, but for one. `false` if that one is no member.
    pub(super) fn publish(&self, event: &ChannelEvent, sender: Option<u64>) -> bool {
        let state = self.state();
        let silent = match sender.map(|sender| state.members.get(&sender)) {
            Some(None) => return false,
            Some(Some(member)) if !member.echo => sender,
            _ => None,
        };
        let mut told = 0;
        let looks: [Look<(&u64, &Member)>; 2] = [|(_, it)| it.sink.look(), |(_, it)| it.sink.look_behind()];
        lookahead::for_each(state.members.iter(), &looks, |(id, member)| {
            if Some(*id) != silent {
                tell(member, event);
                told += 1;
            }
        });
        drop(state);
        if let Some(home) = self.home.upgrade() {
            home.counters.told(told);
        }
        true
    }

    /// Tells one member. `false` if it is none.
    pub(super) fn tell_one(&self, id: u64, event: &ChannelEvent) -> bool {
        let state = self.state();
        state.members.get(&id).map(|member| tell(member, event)).is_some()
    }

    /// Tells a member who is present. `false` if it is none.
    pub(super) fn sync(&self, id: u64) -> bool {
        let mut state = self.state();
        let event = state.told(&self.topic);
        state.members.get(&id).map(|member| tell(member, &event)).is_some()
    }

    /// Where a member is told what happens.
    pub(super) fn sink(&self, id: u64) -> Option<Arc<dyn ChannelSink>> {
        self.state().members.get(&id).map(|member| member.sink.clone())
    }

    /// Whether this one is a member.
    pub(super) fn has(&self, id: u64) -> bool {
        self.state().members.contains_key(&id)
    }

    /// Whether a member is present.
    pub(super) fn is_present(&self, id: u64) -> bool {
        let state = self.state();
        let entry = state.members.get(&id).and_then(|member| member.entry);
        entry.is_some_and(|entry| state.presence.key(entry).is_some())
    }

    /// A member is present in this state.
    pub(super) fn track(&self, id: u64, entry: u64, json: Arc<str>, until: i64, most: usize) -> Tracking {
        let mut state = self.state();
        let State { members, presence, .. } = &mut *state;
        let Some(member) = members.get_mut(&id) else { return Tracking::Stranger };
        let known = member.entry.filter(|entry| presence.key(*entry).is_some());
        let was_heir = std::mem::take(&mut member.is_heir);
        let (entry, kind) = match known {
            Some(entry) => {
                let differs = presence.replace(entry, json).unwrap_or(false);
                presence.keep(entry, until);
                if was_heir && !differs {
                    // It only says again what all have heard.
                    return Tracking::Updated;
                }
                (entry, ChannelEventKind::PresenceUpdate)
            }
            None if presence.len() >= most => return Tracking::Full,
            None => {
                presence.add(entry, member.key.clone(), member.is_named, json, until);
                member.entry = Some(entry);
                (entry, ChannelEventKind::PresenceJoin)
            }
        };
        self.announce(&mut state, kind, &[entry]);
        match kind {
            ChannelEventKind::PresenceJoin => Tracking::Joined,
            _ => Tracking::Updated,
        }
    }

    /// A member is present no more; whether it was.
    pub(super) fn untrack(&self, id: u64) -> bool {
        let mut state = self.state();
        let entry = state.members.get_mut(&id).and_then(|member| member.entry.take());
        let entry = entry.filter(|entry| state.presence.key(*entry).is_some());
        if let Some(entry) = entry {
            self.gone(&mut state, &[entry]);
        }
        entry.is_some()
    }

    /// A member is still there; whether it is present.
    pub(super) fn heartbeat(&self, id: u64, until: i64) -> bool {
        let mut state = self.state();
        let entry = state.members.get(&id).and_then(|member| member.entry);
        entry.is_some_and(|entry| state.presence.keep(entry, until))
    }

    /// Who is present, as JSON.
    pub(super) fn present(&self) -> String {
        self.state().presence.json()
    }

    /// Takes out whose time is over.
    pub(super) fn expire(&self, now: i64) {
        let mut state = self.state();
        let due = state.presence.due(now);
        if !due.is_empty() {
            self.gone(&mut state, &due);
        }
    }

    /// When this channel is to be looked after next: the plan that holds no more, and the one that takes its place under this number.
    pub(super) fn plan(&self, number: u64) -> (Option<Planned>, Option<Planned>) {
        let mut state = self.state();
        let next = state.presence.next();
        match state.planned {
            Some((at, _)) if next == Some(at) => (None, None),
            // Heartbeats push the time on and on: it is early enough to see that when it has come.
            Some((at, _)) if next.is_some_and(|next| at < next) => (None, None),
            old => {
                state.planned = next.map(|next| (next, number));
                (old, state.planned)
            }
        }
    }

    /// A plan is carried out now.
    pub(super) fn carried_out(&self, planned: Planned) {
        let mut state = self.state();
        if state.planned == Some(planned) {
            state.planned = None;
        }
    }

    fn gone(&self, state: &mut State, entries: &[u64]) {
        let Some(leaves) = state.presence.remove(entries) else { return };
        self.tell_presence(state, ChannelEventKind::PresenceLeave, &leaves);
    }

    fn announce(&self, state: &mut State, kind: ChannelEventKind, entries: &[u64]) {
        let Some(json) = state.presence.json_of(entries) else { return };
        self.tell_presence(state, kind, &json);
    }

    fn tell_presence(&self, state: &mut State, kind: ChannelEventKind, entries: &str) {
        state.told = None;
        let event = presence_event(kind, &self.topic, entries);
        for member in state.members.values().filter(|member| member.presence) {
            tell(member, &event);
        }
    }
}

impl State {
    /// The state of all who are present, made once for all who join before it changes.
    fn told(&mut self, topic: &Topic) -> ChannelEvent {
        let presence = &self.presence;
        let make = || presence_event(ChannelEventKind::PresenceState, topic, &presence.json());
        self.told.get_or_insert_with(make).clone()
    }

    /// The entry that somebody takes over.
    fn left(&self, heritage: Heritage<'_>) -> Option<u64> {
        let continued = heritage.connection.and_then(|connection| self.entry_of(connection));
        continued.or_else(|| self.presence.orphan(heritage.key?))
    }

    /// The entry of a connection, be it cut or not.
    fn entry_of(&self, connection: &str) -> Option<u64> {
        let member = self.members.values().find(|member| member.connection.as_deref() == Some(connection));
        let entry = member.and_then(|member| member.entry);
        entry
            .filter(|entry| self.presence.key(*entry).is_some())
            .or_else(|| self.presence.orphan_of(connection))
    }
}

fn presence_event(kind: ChannelEventKind, topic: &Topic, entries: &str) -> ChannelEvent {
    let (name, member) = match kind {
        ChannelEventKind::PresenceJoin => ("join", "joins"),
        ChannelEventKind::PresenceUpdate => ("update", "updates"),
        ChannelEventKind::PresenceLeave => ("leave", "leaves"),
        _ => ("sync", "state"),
    };
    let mut json = format!(r#"{{"type":"presence","event":"{name}","channel":"#);
    quote(topic, &mut json);
    json.push_str(&format!(r#","{member}":{entries}}}"#));
    ChannelEvent::new(kind, topic, json)
}

/// A sink that panics takes nothing from the others.
pub(super) fn tell(member: &Member, event: &ChannelEvent) {
    hand(&*member.sink, event);
}

pub(super) fn hand(sink: &dyn ChannelSink, event: &ChannelEvent) {
    if catch_unwind(AssertUnwindSafe(|| sink.send(event))).is_err() {
        tracing::error!(topic = %event.topic(), "a listener of a channel panicked");
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        if let Some(home) = self.home.upgrade() {
            home.forget(&self.topic);
        }
    }
}
