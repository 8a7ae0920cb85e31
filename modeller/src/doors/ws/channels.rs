//! Channels for a client of this door: what is said there is pushed, and what it has no room for is not lost without a word.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tokio::sync::Notify;

use super::frame;
use super::wire::Wire;
use crate::engine::Cx;
use crate::live::{ChannelEvent, ChannelSink, Channels};
use crate::model::Result;

/// What events are called that are framed for this door.
const FORMAT: &str = "ws";

/// A client's part in its channels. It leaves them when it is dropped.
pub(super) struct Ears {
    channels: Arc<Channels>,
    /// Whoever says this may go on as the same one: the client alone is told.
    secret: String,
    /// The client's name there, which all who hear it learn.
    name: String,
    sink: Arc<Sink>,
}

/// Where the client's events go.
struct Sink {
    wire: Arc<Wire>,
    /// Channels whose events did not fit.
    missed: Mutex<BTreeSet<String>>,
    full: Notify,
}

impl Sink {
    fn missed(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.missed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ChannelSink for Sink {
    fn send(&self, event: &ChannelEvent) {
        let framed = event.encoded(FORMAT, |event| push(&event.message()));
        // Once something was missed, what comes after it has to wait until that was said.
        let mut missed = self.missed();
        if !missed.contains(event.topic().name()) && self.wire.push(Bytes::from_owner(framed)) {
            return;
        }
        missed.insert(event.topic().name().to_owned());
        drop(missed);
        self.full.notify_one();
    }

    fn is_open(&self) -> bool {
        !self.wire.outbox().is_closed()
    }
}

fn push(data: &str) -> Vec<u8> {
    let head = b"{\"type\":\"push\",\"channel\":\"channel\",\"data\":";
    frame::text(&[head, data.as_bytes(), b"}"]).into()
}

impl Ears {
    pub(super) fn new(channels: Arc<Channels>, wire: Arc<Wire>) -> Self {
        let sink = Arc::new(Sink { wire, missed: Mutex::default(), full: Notify::new() });
        let secret = uuid::Uuid::new_v4().to_string();
        let name = name_of(&secret);
        tokio::spawn(catch_up(Arc::downgrade(&sink), channels.clone(), name.clone()));
        Ears { channels, secret, name, sink }
    }

    /// Does what the client asks for, with the arguments as JSON text.
    pub(super) async fn perform(
        &self,
        cx: &Cx,
        operation: &str,
        arguments: &[u8],
        resumes: Option<&str>,
    ) -> Result<Vec<u8>> {
        let (sink, resumes) = (self.sink.clone(), resumes.map(name_of));
        let performed = self.channels.perform(cx, &self.name, operation, arguments, resumes.as_deref(), sink);
        let mut answer = performed.await?;
        if operation == "subscribe" {
            answer["connection"] = self.secret.as_str().into();
        }
        Ok(answer.to_string().into_bytes())
    }

    /// The client is there.
    pub(super) fn heartbeat(&self) {
        self.channels.heartbeat(&self.name);
    }

    /// The client says goodbye.
    pub(super) fn leave(&self) {
        self.channels.leave_all(&self.name);
    }

    /// The client has become somebody else.
    pub(super) async fn reauthorize(&self, cx: &Cx) {
        self.channels.reauthorize(cx, &self.name).await;
    }
}

impl Drop for Ears {
    fn drop(&mut self) {
        // It may come back.
        self.channels.disconnect(&self.name);
        self.sink.full.notify_one();
    }
}

/// The name that goes with a secret. It gives nothing away: what is heard in a channel says who said it.
fn name_of(secret: &str) -> String {
    URL_SAFE_NO_PAD.encode(&Sha256::digest(secret.as_bytes())[..16])
}

/// Says in which channels something was missed, and who is present there, as soon as there is room for it.
async fn catch_up(sink: Weak<Sink>, channels: Arc<Channels>, name: String) {
    loop {
        let Some(there) = sink.upgrade() else { return };
        // It is held for as long as it is waited for: the client's end wakes it.
        there.full.notified().await;
        loop {
            if there.wire.outbox().is_closed() {
                return;
            }
            there.wire.outbox().connection().room().await;
            let Some(topic) = there.missed().first().cloned() else { break };
            let said = json!({ "type": "missed", "channel": topic });
            if there.wire.outbox().push(push(&said.to_string()).into()) {
                there.wire.outbox().connection().reset();
                there.missed().remove(&topic);
                // Who has left meanwhile need not know.
                drop(channels.resync(&name, &topic));
            }
        }
    }
}
