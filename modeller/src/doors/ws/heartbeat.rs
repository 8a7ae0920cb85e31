//! When a client is asked whether it is there, and when it is taken for dead.

use std::time::Duration;

use tokio::time::Instant;

use crate::live;

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beat {
    Wait,
    Ask,
    Dead,
}

/// The beats of one connection.
#[derive(Debug)]
pub(super) struct Heartbeat {
    interval: Duration,
    timeout: Duration,
    next: Instant,
    /// Until when the answer must be there, if the client was asked.
    deadline: Option<Instant>,
}

impl Heartbeat {
    pub(super) fn new(options: live::Heartbeat, now: Instant) -> Self {
        let live::Heartbeat { interval, timeout } = options;
        // No beat at all would be a busy loop.
        let interval = interval.max(Duration::from_millis(1));
        Heartbeat { interval, timeout, next: now + interval, deadline: None }
    }

    /// When to look again.
    pub(super) fn due(&self) -> Instant {
        self.deadline.unwrap_or(self.next)
    }

    /// What is to be done now.
    pub(super) fn beat(&mut self, now: Instant) -> Beat {
        match self.deadline {
            Some(deadline) if now >= deadline => Beat::Dead,
            None if now >= self.next => {
                self.deadline = Some(now + self.timeout);
                // Beats that were missed are not made up for.
                self.next = (self.next + self.interval).max(now);
                Beat::Ask
            }
            _ => Beat::Wait,
        }
    }

    /// The client is there.
    pub(super) fn answered(&mut self) {
        self.deadline = None;
    }

    /// The client could not have answered so far: its time begins anew.
    pub(super) fn excuse(&mut self, now: Instant) {
        if let Some(deadline) = &mut self.deadline {
            *deadline = now + self.timeout;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_has_exactly_its_time_to_answer() {
        // RWS-07, OPS-02
        let start = Instant::now();
        let after = |seconds: u64| start + Duration::from_secs(seconds);
        let mut heartbeat = Heartbeat::new(live::Heartbeat::default(), start);
        assert_eq!(heartbeat.beat(after(29)), Beat::Wait);
        assert_eq!((heartbeat.due(), heartbeat.beat(after(30))), (after(30), Beat::Ask));
        assert_eq!((heartbeat.due(), heartbeat.beat(after(39))), (after(40), Beat::Wait));
        heartbeat.answered();
        assert_eq!(heartbeat.beat(after(59)), Beat::Wait);
        assert_eq!(heartbeat.beat(after(60)), Beat::Ask);
        // Not at the next beat: when its time is over.
        assert_eq!((heartbeat.due(), heartbeat.beat(after(70))), (after(70), Beat::Dead));
    }

    #[test]
    fn a_client_that_could_not_answer_gets_its_time_anew() {
        let start = Instant::now();
        let after = |seconds: u64| start + Duration::from_secs(seconds);
        let mut heartbeat = Heartbeat::new(live::Heartbeat::default(), start);
        heartbeat.excuse(after(1));
        assert_eq!(heartbeat.beat(after(30)), Beat::Ask);
        heartbeat.excuse(after(38));
        assert_eq!(heartbeat.beat(after(41)), Beat::Wait);
        assert_eq!(heartbeat.beat(after(48)), Beat::Dead);
    }
}
