//! What the server says about itself and its clients.

use std::net::SocketAddr;

use serde::Serialize;

/// One connection, as [`Connections::list`](super::Connections::list) shows it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ConnectionInfo {
    /// Its number.
    pub id: u64,
    /// The door that it came in by.
    pub door: &'static str,
    /// Where it comes from, if that is known.
    pub remote_address: Option<SocketAddr>,
    /// Whether somebody has signed in.
    pub authenticated: bool,
    /// Who that is.
    pub user_id: Option<String>,
    /// How many live queries it has.
    pub store_subscriptions: usize,
    /// How many subscriptions to facts and events of the rules it has.
    pub rules_subscriptions: usize,
    /// The [signature](crate::live::NamedQuery::signature) of the query that it is about, if it is about one alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
    /// Since when it is there, in Unix milliseconds.
    pub connected_at: i64,
    /// How many bytes wait to be written to it.
    pub buffered_bytes: usize,
    /// How many changes it did not see one by one, because it read too slowly.
    pub coalesced: u64,
    /// How many subscriptions had to begin anew for that reason.
    pub resets: u64,
}

/// A client has come, or has gone.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ConnectionEvent {
    /// It is in, and it is known who it is.
    Opened(ConnectionInfo),
    /// It is gone.
    Closed(ConnectionInfo),
}

/// The server as a whole, as [`Connections::stats`](super::Connections::stats) shows it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Stats {
    /// What it calls itself.
    pub name: String,
    /// Where it listens, if it does.
    pub port: Option<u16>,
    /// How many connections there are.
    pub connection_count: usize,
    /// For how long it has been running.
    pub uptime_ms: i64,
    /// Whether anybody has to sign in.
    pub auth_enabled: bool,
    /// Whether callers may make only so many requests.
    pub rate_limit_enabled: bool,
    /// Whether there are rules.
    pub rules_enabled: bool,
    /// The connections, added up.
    pub connections: ConnectionTotals,
    /// Where the documents are.
    pub store: StoreStats,
    /// How the rules fare, if there are any: `{subscriptions, handlers, emitted, handled, failed, missed}`. How many facts there are the
    /// store alone knows; [`Rules::stats`](crate::live::Rules::stats) asks it.
    pub rules: Option<serde_json::Value>,
}

/// The connections, added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ConnectionTotals {
    /// How many there are.
    pub active: usize,
    /// At how many of them somebody has signed in.
    pub authenticated: usize,
    /// How many live queries they have.
    pub total_store_subscriptions: usize,
    /// How many subscriptions to facts and events of the rules they have.
    pub total_rules_subscriptions: usize,
}

/// Where the documents are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct StoreStats {
    /// What kind of store it is.
    pub name: String,
    /// How many models there are.
    pub buckets: usize,
}
