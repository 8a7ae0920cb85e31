//! What can be set about connections.

use std::time::Duration;

/// How many requests one caller may make.
///
/// A caller is an identity, whatever connections it has; without one it is a remote address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// How many requests there may be in any stretch of time as long as `window`.
    pub max_requests: u32,
    /// How long a request counts.
    pub window: Duration,
}

impl Default for RateLimit {
    /// 200 requests a minute.
    fn default() -> Self {
        RateLimit { max_requests: 200, window: Duration::from_secs(60) }
    }
}

/// How a connection is found to be dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// How often the server asks.
    pub interval: Duration,
    /// How long the client may take to answer.
    pub timeout: Duration,
}

impl Default for Heartbeat {
    /// Every 30 seconds, with 10 seconds to answer.
    fn default() -> Self {
        Heartbeat { interval: Duration::from_secs(30), timeout: Duration::from_secs(10) }
    }
}

/// What happens when a client reads more slowly than it is sent to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Backpressure {
    /// How many bytes may wait for one client.
    pub max_buffered: usize,
    /// The part of them above which changes are held back, and become one.
    pub high_water_mark: f64,
}

impl Backpressure {
    /// From how many bytes on changes are held back.
    pub fn mark(&self) -> usize {
        // Where it is no part of the whole, the nearest one that is.
        let part = if self.high_water_mark.is_nan() { 1.0 } else { self.high_water_mark.clamp(0.0, 1.0) };
        ((self.max_buffered as f64 * part) as usize).max(1)
    }
}

impl Default for Backpressure {
    /// 1 MiB, of which changes take up 0.8.
    fn default() -> Self {
        Backpressure { max_buffered: 1024 * 1024, high_water_mark: 0.8 }
    }
}

/// Limits of connections that stay open: how many there are, what each may, and when it is given up.
///
/// ```
/// use std::time::Duration;
/// use modeller::live::{LiveOptions, RateLimit};
///
/// let options = LiveOptions::new().rate_limit(RateLimit::default()).grace(Duration::from_secs(5));
/// assert_eq!(options.max_payload, 1_048_576);
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LiveOptions {
    /// What the server calls itself in its [statistics](super::Stats). `modeller` unless set.
    pub name: String,
    /// How many requests one caller may make. As many as it likes unless set.
    pub rate_limit: Option<RateLimit>,
    /// How a connection is found to be dead. Every 30 seconds, with 10 seconds to answer, unless set.
    pub heartbeat: Heartbeat,
    /// What happens to slow readers. 1 MiB, of which changes take up 0.8, unless set.
    pub backpressure: Backpressure,
    /// Largest message of a client, in bytes. 1 MiB unless set.
    pub max_payload: usize,
    /// How many bytes of large messages (above 16 KiB) are held at once, of all clients together: from when they arrive until they are
    /// answered. 256 MiB unless set.
    pub payload_memory: usize,
    /// How many subscriptions one connection may have. 100 unless set.
    pub max_subscriptions: usize,
    /// How many requests of one connection may be under way; the next ones wait in the client's socket. 64 unless set.
    pub max_in_flight: usize,
    /// How long a request may take before the client is told that it did. 30 s unless set.
    pub request_timeout: Duration,
    /// How many connections there may be, of all doors that keep them open. 8,000 unless set.
    pub max_connections: usize,
    /// How long clients have to go by themselves when the server stops. No time at all unless set.
    pub grace: Duration,
}

impl LiveOptions {
    /// As documented at each of them.
    pub fn new() -> Self {
        LiveOptions {
            name: "modeller".into(),
            rate_limit: None,
            heartbeat: Heartbeat::default(),
            backpressure: Backpressure::default(),
            max_payload: 1024 * 1024,
            payload_memory: 256 * 1024 * 1024,
            max_subscriptions: 100,
            max_in_flight: 64,
            request_timeout: Duration::from_secs(30),
            max_connections: 8_000,
            grace: Duration::ZERO,
        }
    }

    /// Sets [`name`](LiveOptions::name).
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Sets [`rate_limit`](LiveOptions::rate_limit).
    #[must_use]
    pub fn rate_limit(mut self, limit: RateLimit) -> Self {
        self.rate_limit = Some(limit);
        self
    }

    /// Sets [`heartbeat`](LiveOptions::heartbeat).
    #[must_use]
    pub fn heartbeat(mut self, interval: Duration, timeout: Duration) -> Self {
        self.heartbeat = Heartbeat { interval, timeout };
        self
    }

    /// Sets [`backpressure`](LiveOptions::backpressure).
    #[must_use]
    pub fn backpressure(mut self, max_buffered: usize, high_water_mark: f64) -> Self {
        self.backpressure = Backpressure { max_buffered, high_water_mark };
        self
    }

    /// Sets [`max_payload`](LiveOptions::max_payload), in bytes.
    #[must_use]
    pub fn max_payload(mut self, bytes: usize) -> Self {
        self.max_payload = bytes;
        self
    }

    /// Sets [`payload_memory`](LiveOptions::payload_memory), in bytes.
    #[must_use]
    pub fn payload_memory(mut self, bytes: usize) -> Self {
        self.payload_memory = bytes;
        self
    }

    /// Sets [`max_subscriptions`](LiveOptions::max_subscriptions).
    #[must_use]
    pub fn max_subscriptions(mut self, subscriptions: usize) -> Self {
        self.max_subscriptions = subscriptions;
        self
    }

    /// Sets [`max_in_flight`](LiveOptions::max_in_flight), 1 at least.
    #[must_use]
    pub fn max_in_flight(mut self, requests: usize) -> Self {
        self.max_in_flight = requests.max(1);
        self
    }

    /// Sets [`request_timeout`](LiveOptions::request_timeout).
    #[must_use]
    pub fn request_timeout(mut self, time: Duration) -> Self {
        self.request_timeout = time;
        self
    }

    /// Sets [`max_connections`](LiveOptions::max_connections).
    #[must_use]
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.max_connections = connections;
        self
    }

    /// Sets [`grace`](LiveOptions::grace).
    #[must_use]
    pub fn grace(mut self, time: Duration) -> Self {
        self.grace = time;
        self
    }
}

impl Default for LiveOptions {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_as_the_protocol_has_them() {
        // OPS-01, OPS-02, OPS-03, OPS-04, OPS-05, LIV-19
        let options = LiveOptions::default();
        assert_eq!(options.rate_limit, None);
        assert_eq!(
            RateLimit::default(),
            RateLimit { max_requests: 200, window: Duration::from_millis(60_000) }
        );
        let beat =
            Heartbeat { interval: Duration::from_millis(30_000), timeout: Duration::from_millis(10_000) };
        assert_eq!(options.heartbeat, beat);
        assert_eq!(options.backpressure, Backpressure { max_buffered: 1_048_576, high_water_mark: 0.8 });
        assert_eq!(options.backpressure.mark(), 838_860);
        assert_eq!((options.max_payload, options.max_subscriptions), (1_048_576, 100));
        assert_eq!(options.grace, Duration::ZERO);
    }

    #[test]
    fn a_mark_is_a_part_of_the_whole_whatever_is_set() {
        for (part, mark) in [(-1.0, 1), (0.5, 500), (7.0, 1_000), (f64::NAN, 1_000), (f64::INFINITY, 1_000)] {
            assert_eq!(Backpressure { max_buffered: 1_000, high_water_mark: part }.mark(), mark, "{part}");
        }
    }
}
