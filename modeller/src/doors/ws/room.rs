//! Those who are told the same under the same name: what they are told is framed once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::Bytes;

use super::frame;

/// What is around the data of a push.
#[derive(Debug)]
pub(super) struct Envelope {
    before: String,
    after: &'static str,
}

impl Envelope {
    /// A push of the protocol of `/@ws`.
    pub(super) fn of(channel: &str, id: &str) -> Self {
        // The names of subscriptions are ours: letters, digits, `-`.
        let before =
            format!("{{\"type\":\"push\",\"channel\":\"{channel}\",\"subscriptionId\":\"{id}\",\"data\":");
        Envelope { before, after: "}" }
    }

    /// What stands before the data, and what behind it.
    pub(super) fn new(before: String, after: &'static str) -> Self {
        Envelope { before, after }
    }

    /// The push with this data.
    pub(super) fn frame(&self, data: &str) -> Bytes {
        frame::text(&[self.before.as_bytes(), data.as_bytes(), self.after.as_bytes()])
    }
}

/// Those who are told the same.
#[derive(Debug)]
pub(super) struct Room {
    id: String,
    envelope: Envelope,
    rooms: Weak<Rooms>,
    /// What was framed last.
    last: Mutex<Option<(Arc<str>, Bytes)>>,
}

/// All rooms in which there is anybody.
#[derive(Debug, Default)]
pub(super) struct Rooms(Mutex<HashMap<String, Weak<Room>>>);

impl Rooms {
    /// The room of this name.
    pub(super) fn enter(self: &Arc<Self>, id: &str, envelope: impl FnOnce() -> Envelope) -> Arc<Room> {
        let mut rooms = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(room) = rooms.get(id).and_then(Weak::upgrade) {
            return room;
        }
        let (rooms_of, last) = (Arc::downgrade(self), Mutex::default());
        let room = Arc::new(Room { id: id.to_owned(), envelope: envelope(), rooms: rooms_of, last });
        rooms.insert(id.to_owned(), Arc::downgrade(&room));
        room
    }
}

impl Room {
    /// This text as a push.
    pub(super) fn framed(&self, text: &Arc<str>) -> Bytes {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some((known, frame)) if Arc::ptr_eq(known, text) => frame.clone(),
            _ => {
                let frame = self.envelope.frame(text);
                *last = Some((text.clone(), frame.clone()));
                frame
            }
        }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let Some(rooms) = self.rooms.upgrade() else { return };
        let mut rooms = rooms.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Somebody may have opened it anew meanwhile.
        if rooms.get(&self.id).is_some_and(|room| room.strong_count() == 0) {
            rooms.remove(&self.id);
        }
    }
}
