//! Why a connection ends, as close frames say it.

use std::borrow::Cow;

/// A close code with its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Close {
    pub(super) code: u16,
    pub(super) reason: Cow<'static, str>,
}

impl Close {
    pub(super) const fn new(code: u16, reason: &'static str) -> Self {
        Close { code, reason: Cow::Borrowed(reason) }
    }

    pub(super) const fn normal() -> Self {
        Self::new(1000, "normal_closure")
    }

    pub(super) const fn shutdown() -> Self {
        Self::new(1000, "server_shutdown")
    }

    pub(super) const fn heartbeat() -> Self {
        Self::new(4001, "heartbeat_timeout")
    }

    /// The client does not keep to RFC 6455.
    pub(super) const fn protocol(reason: &'static str) -> Self {
        Self::new(1002, reason)
    }

    pub(super) const fn not_text() -> Self {
        Self::new(1003, "messages are text")
    }

    pub(super) const fn not_utf8() -> Self {
        Self::new(1007, "text is UTF-8")
    }

    pub(super) fn too_big(most: usize) -> Self {
        Close { code: 1009, reason: format!("messages have at most {most} bytes").into() }
    }

    pub(super) const fn busy() -> Self {
        Self::new(1013, "too many large messages arrive at once; try again soon")
    }

    pub(super) const fn broken() -> Self {
        Self::new(1011, "internal_error")
    }
}

/// Whether an endpoint may send this code: those of RFC 6455 7.4.1 and of the registry that are for the wire, and what libraries and
/// applications have to themselves.
pub(super) fn is_sendable(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}
