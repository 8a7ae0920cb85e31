//! Looks after those who are present: whoever is silent for too long has left.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, Weak};

use tokio::runtime::Handle;
use tokio::sync::Notify;

use super::room::{Planned, Room};
use super::{Channels, lock};
use crate::engine::Clock;

/// Which channels are to be looked after, and when.
#[derive(Default)]
pub(super) struct Timer {
    plan: Mutex<Plan>,
    /// Something is to be done earlier than before.
    sooner: Notify,
}

#[derive(Default)]
struct Plan {
    rooms: BTreeMap<Planned, Arc<Room>>,
    /// A task sees to it.
    runs: bool,
}

impl Channels {
    /// Sees to it that a channel is looked after as soon as somebody's time in it is over.
    pub(super) fn watch(&self, room: &Arc<Room>) {
        let (old, new) = room.plan(self.number());
        if old.is_none() && new.is_none() {
            return;
        }
        let mut plan = lock(&self.timer.plan);
        let gone = old.and_then(|old| plan.rooms.remove(&old));
        let Some(new) = new else {
            drop(plan);
            // It may be the last to hold the channel, which tells others of that.
            drop(gone);
            return;
        };
        let is_first = plan.rooms.first_key_value().is_none_or(|(first, _)| new < *first);
        plan.rooms.insert(new, room.clone());
        let runtime = Handle::try_current().ok().filter(|_| !plan.runs);
        plan.runs |= runtime.is_some();
        drop(plan);
        drop(gone);
        if let Some(runtime) = runtime {
            runtime.spawn(run(self.me.clone(), self.timer.clone(), self.clock.clone()));
        } else if is_first {
            self.timer.sooner.notify_one();
        }
    }

    /// Lets those leave whose time is over. It happens by itself; who has moved a clock by hand need not wait for it.
    pub fn expire(&self) {
        let now = self.clock.now();
        loop {
            let mut plan = lock(&self.timer.plan);
            let due = plan.rooms.first_entry().filter(|entry| entry.key().0 <= now);
            let Some((planned, room)) = due.map(|entry| entry.remove_entry()) else { return };
            drop(plan);
            room.carried_out(planned);
            room.expire(now);
            self.watch(&room);
        }
    }
}

/// Runs for as long as anybody is present.
async fn run(channels: Weak<Channels>, timer: Arc<Timer>, clock: Clock) {
    let mut end = End { timer: timer.clone(), is_said: false };
    loop {
        let next = {
            let mut plan = lock(&timer.plan);
            let next = plan.rooms.first_key_value().map(|((at, _), _)| *at);
            plan.runs = next.is_some();
            next
        };
        let Some(next) = next else {
            end.is_said = true;
            return;
        };
        tokio::select! {
            () = clock.sleep_until(next) => {}
            () = timer.sooner.notified() => continue,
        }
        let Some(channels) = channels.upgrade() else { return };
        channels.expire();
    }
}

/// Says that the task has ended, also where its runtime has.
struct End {
    timer: Arc<Timer>,
    is_said: bool,
}

impl Drop for End {
    fn drop(&mut self) {
        // From then on there may be another one.
        if !self.is_said {
            lock(&self.timer.plan).runs = false;
        }
    }
}

impl Drop for Channels {
    fn drop(&mut self) {
        let rooms = std::mem::take(&mut lock(&self.timer.plan).rooms);
        drop(rooms);
        self.timer.sooner.notify_one();
    }
}
