//! Who is in which room: those who are told what is published to a subscription.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use socketioxide::extract::SocketRef;

use super::connection::Connection;

/// A client, as one that is told something.
#[derive(Clone)]
pub(super) struct Member {
    pub(super) socket: SocketRef,
    pub(super) connection: Arc<Connection>,
}

/// The members of one room.
#[derive(Default)]
struct Room {
    members: Vec<Arc<Member>>,
    /// Where among them each connection is. A socket may go and come back under its id before it is taken out.
    places: HashMap<usize, usize>,
}

/// What tells connections apart for as long as they are there.
fn key(connection: &Connection) -> usize {
    std::ptr::from_ref(connection).addr()
}

/// All rooms by their names. There is a room for as long as somebody is in it.
#[derive(Default)]
pub(super) struct Rooms(RwLock<HashMap<String, Room>>);

impl Rooms {
    /// Lets a client in.
    pub(super) fn join(&self, name: &str, member: Member) {
        let mut rooms = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let room = rooms.entry(name.to_owned()).or_default();
        let (key, member) = (key(&member.connection), Arc::new(member));
        match room.places.get(&key).and_then(|&place| room.members.get_mut(place)) {
            Some(there) => *there = member,
            None => {
                room.places.insert(key, room.members.len());
                room.members.push(member);
            }
        }
    }

    /// Lets a client go.
    pub(super) fn leave(&self, name: &str, connection: &Connection) {
        let mut rooms = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let Some(room) = rooms.get_mut(name) else { return };
        if let Some(place) = room.places.remove(&key(connection)).filter(|place| *place < room.members.len())
        {
            room.members.swap_remove(place);
            // The last one has moved to that place.
            if let Some(moved) = room.members.get(place) {
                room.places.insert(key(&moved.connection), place);
            }
        }
        if room.members.is_empty() {
            rooms.remove(name);
        }
    }

    /// Those who are there.
    pub(super) fn members(&self, name: &str) -> Vec<Arc<Member>> {
        let rooms = self.0.read().unwrap_or_else(PoisonError::into_inner);
        rooms.get(name).map_or_else(Vec::new, |room| room.members.clone())
    }
}
