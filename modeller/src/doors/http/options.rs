//! What can be set at the HTTP door.

use std::time::Duration;

/// Limits, times and permissions of the HTTP door.
///
/// ```
/// use modeller::doors::http::HttpOptions;
/// let options = HttpOptions::default().body_limit(64 * 1024).cors(["https://app.example.com"]);
/// assert_eq!(options.body_limit, 65_536);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HttpOptions {
    /// Largest request body in bytes; larger ones get `PAYLOAD_TOO_LARGE`. 1 MiB unless set.
    pub body_limit: usize,
    /// Largest request head in bytes, at least 8 KiB; larger ones get 431. 64 KiB unless set.
    pub header_limit: usize,
    /// How long a client may take to send a request's head, then its body, and to take up the answer. An idle
    /// connection is closed after the same time. 30 s unless set.
    pub read_timeout: Duration,
    /// How long a call may take before the caller gets `OVERLOADED`. 30 s unless set.
    pub call_timeout: Duration,
    /// How many connections there may be; further ones wait in the system's queue. 10,000 unless set.
    pub max_connections: usize,
    /// How many calls may be under way; further ones get `OVERLOADED` with `Retry-After`. 4,096 unless set.
    pub max_in_flight: usize,
    /// How many bytes of large request bodies (above 64 KiB) are held at once; further ones get `OVERLOADED`. 256 MiB unless
    /// set.
    pub body_memory: usize,
    /// Whether answers above 1 KiB are compressed for clients that accept gzip. On unless set.
    pub compression: bool,
    /// Origins whose pages may call from a browser (`https://app.example.com`), or `*` for all. None unless set.
    pub cors: Vec<String>,
    /// Names that the server answers to (`localhost`, `api.example.com`), without ports; any if there are none. Naming them
    /// keeps a foreign page from reaching a local server by pointing its own name at it. None unless set.
    pub hosts: Vec<String>,
    /// How long requests under way may go on after the server was told to stop. 10 s unless set.
    pub grace: Duration,
}

impl Default for HttpOptions {
    fn default() -> Self {
        HttpOptions {
            body_limit: 1024 * 1024,
            header_limit: 64 * 1024,
            read_timeout: Duration::from_secs(30),
            call_timeout: Duration::from_secs(30),
            max_connections: 10_000,
            max_in_flight: 4_096,
            body_memory: 256 * 1024 * 1024,
            compression: true,
            cors: Vec::new(),
            hosts: Vec::new(),
            grace: Duration::from_secs(10),
        }
    }
}

impl HttpOptions {
    /// Sets [`body_limit`](HttpOptions::body_limit), in bytes.
    #[must_use]
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }

    /// Sets [`header_limit`](HttpOptions::header_limit), in bytes.
    #[must_use]
    pub fn header_limit(mut self, bytes: usize) -> Self {
        self.header_limit = bytes;
        self
    }

    /// Sets [`read_timeout`](HttpOptions::read_timeout).
    #[must_use]
    pub fn read_timeout(mut self, time: Duration) -> Self {
        self.read_timeout = time;
        self
    }

    /// Sets [`call_timeout`](HttpOptions::call_timeout).
    #[must_use]
    pub fn call_timeout(mut self, time: Duration) -> Self {
        self.call_timeout = time;
        self
    }

    /// Sets [`max_connections`](HttpOptions::max_connections).
    #[must_use]
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.max_connections = connections;
        self
    }

    /// Sets [`max_in_flight`](HttpOptions::max_in_flight).
    #[must_use]
    pub fn max_in_flight(mut self, calls: usize) -> Self {
        self.max_in_flight = calls;
        self
    }

    /// Sets [`body_memory`](HttpOptions::body_memory), in bytes.
    #[must_use]
    pub fn body_memory(mut self, bytes: usize) -> Self {
        self.body_memory = bytes;
        self
    }

    /// Sets [`compression`](HttpOptions::compression).
    #[must_use]
    pub fn compression(mut self, on: bool) -> Self {
        self.compression = on;
        self
    }

    /// Sets the origins of [`cors`](HttpOptions::cors).
    #[must_use]
    pub fn cors<I: IntoIterator<Item = S>, S: Into<String>>(mut self, origins: I) -> Self {
        self.cors = origins.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the names of [`hosts`](HttpOptions::hosts).
    #[must_use]
    pub fn hosts<I: IntoIterator<Item = S>, S: Into<String>>(mut self, names: I) -> Self {
        self.hosts = names.into_iter().map(Into::into).collect();
        self
    }

    /// Sets [`grace`](HttpOptions::grace).
    #[must_use]
    pub fn grace(mut self, time: Duration) -> Self {
        self.grace = time;
        self
    }
}
