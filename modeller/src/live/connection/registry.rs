//! All connections: who is there, how many may be, and how they end together.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use super::LiveOptions;
use super::entry::{Connection, Watching};
use super::limiter::{Caller, Limiter};
use super::metrics::Counters;
use super::stats::{ConnectionEvent, ConnectionInfo, ConnectionTotals, Stats, StoreStats};
use crate::engine::{Clock, Engine, Identity};
use crate::live::Rules;
use crate::model::{Code, Error, Result};

/// How long connections have to notice that they are to close.
const CLOSING: Duration = Duration::from_secs(1);

/// How far the end has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Clients come and go.
    Open,
    /// Nobody comes any more; who is there is told (`shutdown`), and has this long to go.
    Stopping {
        /// The time from the beginning of the phase to its end.
        grace: Duration,
    },
    /// Who is still there is cut off.
    Closed,
}

/// Somebody who is told who comes and goes.
type Listener = Arc<dyn Fn(&ConnectionEvent) + Send + Sync>;

/// The connections of all doors that keep them open.
#[derive(Clone)]
pub struct Connections {
    shared: Arc<Shared>,
    /// What the statistics ask; it outlives what is asked of it.
    engine: Weak<Engine>,
}

/// What connections share.
pub(super) struct Shared {
    pub(super) options: LiveOptions,
    pub(super) clock: Clock,
    pub(super) limiter: Option<Limiter>,
    /// From how many waiting bytes on changes are held back.
    pub(super) mark: usize,
    started: i64,
    port: AtomicU16,
    rules: AtomicBool,
    next: AtomicU64,
    open: Mutex<HashMap<u64, Weak<Connection>>>,
    doors: Mutex<BTreeMap<&'static str, Arc<Counters>>>,
    listeners: RwLock<Vec<Listener>>,
    /// Bytes of large messages that are held.
    held: AtomicUsize,
    phase: watch::Sender<Phase>,
    /// Whether anybody is there.
    count: watch::Sender<usize>,
}

/// Memory that a large message takes; dropping it gives it back.
#[derive(Debug)]
pub struct Held {
    shared: Arc<Shared>,
    bytes: usize,
}

impl Connections {
    pub(in crate::live) fn new(engine: &Arc<Engine>, options: LiveOptions) -> Self {
        let clock = engine.clock().clone();
        let shared = Arc::new(Shared {
            limiter: options.rate_limit.map(Limiter::new),
            mark: options.backpressure.mark(),
            started: clock.now(),
            clock,
            options,
            port: AtomicU16::new(0),
            rules: AtomicBool::new(false),
            next: AtomicU64::new(1),
            open: Mutex::default(),
            doors: Mutex::default(),
            listeners: RwLock::default(),
            held: AtomicUsize::new(0),
            phase: watch::Sender::new(Phase::Open),
            count: watch::Sender::new(0),
        });
        Connections { shared, engine: Arc::downgrade(engine) }
    }

    /// The limits that they keep to.
    pub fn options(&self) -> &LiveOptions {
        &self.shared.options
    }

    /// Lets a client in. It is there until what is answered is dropped, by everybody who holds it.
    ///
    /// # Errors
    /// `OVERLOADED` if there are as many as there may be, or if the server stops.
    pub fn open(
        &self,
        door: &'static str,
        remote: Option<SocketAddr>,
        identity: Identity,
    ) -> Result<Arc<Connection>> {
        let shared = &self.shared;
        let refused = |why: &'static str| {
            shared.counters(door).refused.fetch_add(1, Ordering::Relaxed);
            Err(Error::new(Code::Overloaded, why))
        };
        if !self.is_running() {
            return refused("the server is about to stop");
        }
        let mut open = shared.open();
        if open.len() >= shared.options.max_connections {
            return refused("there are as many connections as there may be; try again later");
        }
        let id = shared.next.fetch_add(1, Ordering::Relaxed);
        let connection = Arc::new(Connection::new(shared.clone(), id, door, remote, identity));
        open.insert(id, Arc::downgrade(&connection));
        shared.count.send_replace(open.len());
        Ok(connection)
    }

    /// Counts a request of somebody who has no connection that stays open, as [`Connection::admit`] does.
    ///
    /// # Errors
    /// `RATE_LIMITED`, with `retryAfterMs` among the details.
    pub fn admit(&self, door: &'static str, remote: Option<SocketAddr>, identity: &Identity) -> Result<()> {
        self.shared.admit(&self.shared.counters(door), identity, remote)
    }

    /// Tells who a caller is, which says to be somebody. Who is not believed counts by its address, and from where that happens as often as
    /// requests may come nobody is asked about for a while: or else guesses would only be answered differently.
    ///
    /// # Errors
    /// Those of the question; `RATE_LIMITED`, with `retryAfterMs` among the details.
    #[cfg(feature = "server")]
    pub(crate) async fn recognise(
        &self,
        door: &'static str,
        remote: Option<SocketAddr>,
        question: impl Future<Output = Result<Identity>>,
    ) -> Result<Identity> {
        let Some(limiter) = &self.shared.limiter else { return question.await };
        let (counters, clock) = (self.shared.counters(door), &self.shared.clock);
        let stranger = Caller::Stranger(Box::new(Caller::at(remote.map(|remote| remote.ip()))));
        limiter.room(&stranger, clock.now()).map_err(|wait| limited(&counters, wait))?;
        let answer = question.await;
        if answer.is_err() {
            limiter.admit(stranger, clock.now()).map_err(|wait| limited(&counters, wait))?;
        }
        answer
    }

    /// Calls this with every client that comes or goes from now on. It is called in the midst of that, and should be quick; what it panics
    /// with is logged.
    pub fn listen(&self, listener: impl Fn(&ConnectionEvent) + Send + Sync + 'static) {
        self.shared.listeners.write().unwrap_or_else(PoisonError::into_inner).push(Arc::new(listener));
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.shared.open().len()
    }

    /// Whether clients are let in.
    pub fn is_running(&self) -> bool {
        *self.shared.phase.borrow() == Phase::Open
    }

    /// All that are there, those who came first at first.
    pub fn list(&self) -> Vec<ConnectionInfo> {
        let mut list: Vec<_> = self.all().iter().map(|connection| connection.info()).collect();
        list.sort_unstable_by_key(|info| info.id);
        list
    }

    /// The server as a whole.
    pub fn stats(&self) -> Stats {
        let (shared, all) = (&self.shared, self.all());
        let watched = |what| all.iter().map(|connection| connection.subscriptions(what)).sum();
        let signed_in = all.iter().filter(|connection| connection.identity() != Identity::Anonymous);
        let port = shared.port.load(Ordering::Relaxed);
        let engine = self.engine.upgrade();
        let rules_enabled = shared.rules.load(Ordering::Relaxed);
        let rules = engine.as_ref().filter(|_| rules_enabled).and_then(|engine| Rules::of(engine));
        Stats {
            name: shared.options.name.clone(),
            port: (port != 0).then_some(port),
            connection_count: all.len(),
            uptime_ms: shared.clock.now().saturating_sub(shared.started).max(0),
            auth_enabled: false,
            rate_limit_enabled: shared.limiter.is_some(),
            rules_enabled,
            connections: ConnectionTotals {
                active: all.len(),
                authenticated: signed_in.count(),
                total_store_subscriptions: watched(Watching::Store),
                total_rules_subscriptions: watched(Watching::Rules),
            },
            store: StoreStats {
                name: engine.as_ref().map_or_else(String::new, |engine| engine.store().name().to_owned()),
                buckets: engine.map_or(0, |engine| engine.registry().models().len()),
            },
            rules: rules.map(|rules| rules.counted()),
        }
    }

    /// Says where the server listens.
    pub fn set_port(&self, port: u16) {
        self.shared.port.store(port, Ordering::Relaxed);
    }

    /// Says whether there are rules.
    pub fn set_rules(&self, enabled: bool) {
        self.shared.rules.store(enabled, Ordering::Relaxed);
    }

    /// Takes memory for a large message of a client.
    ///
    /// # Errors
    /// `OVERLOADED` if so much is taken already that there is none left.
    pub fn hold(&self, bytes: usize) -> Result<Held> {
        let shared = self.shared.clone();
        let before = shared.held.fetch_add(bytes, Ordering::AcqRel);
        let held = Held { shared, bytes };
        if before.saturating_add(bytes) > self.shared.options.payload_memory {
            let message = "too many large messages arrive at once; try again soon";
            return Err(Error::new(Code::Overloaded, message));
        }
        Ok(held)
    }

    /// How far the end has come, and a way to wait for it. A door that sees [`Phase::Closed`] and has not told its client of the end
    /// yet tells it then. As far as it has come already is a change, too: it may have come between the [`open`](Connections::open) of a
    /// connection and this.
    pub fn ending(&self) -> watch::Receiver<Phase> {
        let mut phase = self.shared.phase.subscribe();
        phase.mark_changed();
        phase
    }

    /// Ends them all: lets nobody in any more, has all clients told, waits until they are gone or `grace` is over, and cuts off
    /// those that are still there.
    pub async fn stop(&self, grace: Duration) {
        let shared = &self.shared;
        let mut count = shared.count.subscribe();
        let stops = shared.phase.send_if_modified(|phase| {
            let stops = *phase == Phase::Open;
            if stops {
                *phase = Phase::Stopping { grace };
            }
            stops
        });
        // Of several who stop it, the first one's time counts, and the others wait with it.
        let mut phase = shared.phase.subscribe();
        let over = async {
            let _ = match stops {
                true => count.wait_for(|count| *count == 0).await.map(drop),
                false => phase.wait_for(|phase| *phase == Phase::Closed).await.map(drop),
            };
        };
        if stops {
            let _ = timeout(grace, over).await;
            shared.phase.send_replace(Phase::Closed);
        } else {
            over.await;
        }
        let gone = async { count.wait_for(|count| *count == 0).await.map(drop) };
        if timeout(CLOSING, gone).await.is_err() {
            tracing::warn!("{} connections were cut off", self.count());
        }
    }

    /// How many bytes wait to be written, to all of them.
    pub(super) fn buffered(&self) -> usize {
        self.all().iter().map(|connection| connection.buffered()).sum()
    }

    /// The counters of the doors that anybody has come in by.
    pub(super) fn doors(&self) -> BTreeMap<&'static str, Arc<Counters>> {
        self.shared.doors.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn all(&self) -> Vec<Arc<Connection>> {
        // What is dropped here may be the last of its kind, and wants the lock: not before it is free again.
        self.shared.open().values().filter_map(Weak::upgrade).collect()
    }
}

impl Shared {
    fn open(&self) -> MutexGuard<'_, HashMap<u64, Weak<Connection>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn counters(&self, door: &'static str) -> Arc<Counters> {
        self.doors.lock().unwrap_or_else(PoisonError::into_inner).entry(door).or_default().clone()
    }

    pub(super) fn admit(
        &self,
        counters: &Counters,
        identity: &Identity,
        remote: Option<SocketAddr>,
    ) -> Result<()> {
        counters.requests.fetch_add(1, Ordering::Relaxed);
        let Some(limiter) = &self.limiter else { return Ok(()) };
        let caller = match identity.actor() {
            Some(actor) => Caller::Actor(actor.into()),
            None => Caller::at(remote.map(|remote| remote.ip())),
        };
        limiter.admit(caller, self.clock.now()).map_err(|wait| limited(counters, wait))
    }

    /// Tells all who listen; whom nobody listens to costs nothing.
    pub(super) fn tell(&self, event: impl FnOnce() -> ConnectionEvent) {
        let listeners = self.listeners.read().unwrap_or_else(PoisonError::into_inner).clone();
        if listeners.is_empty() {
            return;
        }
        let event = event();
        for listener in listeners {
            if catch_unwind(AssertUnwindSafe(|| listener(&event))).is_err() {
                tracing::error!("a listener to connections panicked");
            }
        }
    }

    pub(super) fn forget(&self, id: u64) {
        let mut open = self.open();
        open.remove(&id);
        self.count.send_replace(open.len());
    }
}

/// The answer to who has to wait so many milliseconds.
fn limited(counters: &Counters, wait: i64) -> Error {
    counters.rate_limited.fetch_add(1, Ordering::Relaxed);
    Error::new(Code::RateLimited, format!("too many requests; try again in {wait} ms"))
        .with_details(serde_json::json!({ "retryAfterMs": wait }))
}

impl Drop for Held {
    fn drop(&mut self) {
        self.shared.held.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections").field("count", &self.count()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("options", &self.options).finish_non_exhaustive()
    }
}
