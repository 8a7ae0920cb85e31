//! What there is of channels, and how much has happened in them.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

use super::{Channels, lock};

/// What has happened since the start.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) joins: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) broadcasts: AtomicU64,
    pub(super) kept: AtomicU64,
    pub(super) told: AtomicU64,
    pub(super) replayed: AtomicU64,
    pub(super) changes: AtomicU64,
}

impl Counters {
    /// So many have heard a broadcast.
    pub(super) fn told(&self, members: u64) {
        self.told.fetch_add(members, Ordering::Relaxed);
    }
}

/// How many channels there are and who is in them, and how much has happened since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ChannelStats {
    /// Channels that somebody has joined, or is present in.
    pub channels: u64,
    /// Connections that have joined a channel.
    pub connections: u64,
    /// Connections in channels, each counted in each.
    pub members: u64,
    /// Listeners of the application's own.
    pub listeners: u64,
    /// Who is present, counted in each channel.
    pub present: u64,
    /// Bindings to changes of models.
    pub bindings: u64,
    /// How often somebody joined.
    pub joins: u64,
    /// How often somebody was told that he may not.
    pub refused: u64,
    /// Broadcasts that were not kept.
    pub broadcasts: u64,
    /// Broadcasts that were kept.
    pub kept: u64,
    /// How often a member was given a broadcast.
    pub told: u64,
    /// How often a member was given one again.
    pub replayed: u64,
    /// How often a member was given a change.
    pub changes: u64,
}

impl Channels {
    /// How many channels there are, and how much has happened.
    pub fn stats(&self) -> ChannelStats {
        // They are let go only after the lock: the last one to hold a channel takes it out of the list.
        let rooms: Vec<_> = lock(&self.rooms).values().filter_map(|room| room.upgrade()).collect();
        let counts = rooms.iter().map(|room| room.counts());
        let sum = |sums: [u64; 3], (members, listeners, present): (usize, usize, usize)| {
            [sums[0] + members as u64, sums[1] + listeners as u64, sums[2] + present as u64]
        };
        let [members, listeners, present] = counts.fold([0; 3], sum);
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counters = &self.counters;
        ChannelStats {
            channels: rooms.len() as u64,
            connections: lock(&self.connections).len() as u64,
            members,
            listeners,
            present,
            bindings: self.bindings.len() as u64,
            joins: read(&counters.joins),
            refused: read(&counters.refused),
            broadcasts: read(&counters.broadcasts),
            kept: read(&counters.kept),
            told: read(&counters.told),
            replayed: read(&counters.replayed),
            changes: read(&counters.changes),
        }
    }

    /// What a connection has joined: the topics, and whether each is the private one.
    pub fn joined(&self, connection: &str) -> Vec<(Arc<str>, bool)> {
        let connections = lock(&self.connections);
        let places = connections.get(connection).into_iter().flat_map(HashMap::iter);
        places.map(|(topic, place)| (topic.clone(), place.room.topic.is_private())).collect()
    }
}
