//! What clients are told, as frames: for those who are told the same under the same name it is framed once.

use std::sync::Arc;

use bytes::Bytes;

use super::frame;
use crate::live::LiveText;

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

/// How what somebody is told is framed.
#[derive(Clone, Debug)]
pub(super) struct Frames {
    envelope: Arc<Envelope>,
    /// What frames are called that all have who are told the same; none, if these are for one client alone.
    shared: Option<&'static str>,
}

impl Frames {
    pub(super) fn new(shared: Option<&'static str>, envelope: Envelope) -> Self {
        Frames { envelope: Arc::new(envelope), shared }
    }

    /// This text as a push.
    pub(super) fn framed(&self, text: &LiveText) -> Bytes {
        match self.shared {
            Some(name) => text.made(name, |json| self.envelope.frame(json)).as_ref().clone(),
            None => self.envelope.frame(text),
        }
    }
}
