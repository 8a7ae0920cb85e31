//! Counters of connections, in the text format that Prometheus reads.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

use super::registry::Connections;

/// The content type of the text format.
#[cfg(feature = "server")]
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What has happened at one door since the start.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) opened: AtomicU64,
    pub(super) closed: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) requests: AtomicU64,
    pub(super) pushes: AtomicU64,
    pub(super) coalesced: AtomicU64,
    pub(super) resets: AtomicU64,
    pub(super) rate_limited: AtomicU64,
}

/// A counter's name, what it says, and where it stands.
type Counter = (&'static str, &'static str, fn(&Counters) -> &AtomicU64);

const COUNTERS: &[Counter] = &[
    ("modeller_connections_opened_total", "Connections that were opened.", |of| &of.opened),
    ("modeller_connections_refused_total", "Connections that there was no room for.", |of| &of.refused),
    ("modeller_requests_total", "Requests that came over connections.", |of| &of.requests),
    ("modeller_pushes_total", "Messages that were sent without having been asked for.", |of| &of.pushes),
    ("modeller_coalesced_changes_total", "Changes that slow clients did not see one by one.", |of| {
        &of.coalesced
    }),
    ("modeller_resets_total", "Subscriptions that had to begin anew.", |of| &of.resets),
    ("modeller_rate_limited_total", "Requests beyond what their caller may make.", |of| &of.rate_limited),
];

impl Connections {
    /// All counters, as `/@metrics` shows them.
    pub fn metrics(&self) -> String {
        let (mut text, doors, stats) = (String::with_capacity(2_048), self.doors(), self.stats());
        let mut family = |name: &str, kind: &str, help: &str, lines: &[(String, String)]| {
            // Writing to a string can't fail.
            let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
            for (labels, value) in lines {
                let _ = writeln!(text, "{name}{labels} {value}");
            }
        };
        let of_door = |door: &str| format!("{{door=\"{}\"}}", label(door));
        let open = doors.iter().map(|(door, of)| {
            let closed = of.closed.load(Ordering::Relaxed);
            (of_door(door), of.opened.load(Ordering::Relaxed).saturating_sub(closed).to_string())
        });
        family("modeller_connections", "gauge", "Connections that are open.", &open.collect::<Vec<_>>());
        for (name, help, counter) in COUNTERS {
            let lines = doors
                .iter()
                .map(|(door, of)| (of_door(door), counter(of).load(Ordering::Relaxed).to_string()));
            family(name, "counter", help, &lines.collect::<Vec<_>>());
        }
        let totals = stats.connections;
        let kinds =
            [("store", totals.total_store_subscriptions), ("rules", totals.total_rules_subscriptions)];
        let lines = kinds.map(|(kind, count)| (format!("{{kind=\"{kind}\"}}"), count.to_string()));
        family("modeller_subscriptions", "gauge", "Subscriptions that connections have.", &lines);
        let signed_in = [(String::new(), totals.authenticated.to_string())];
        family(
            "modeller_connections_authenticated",
            "gauge",
            "Connections that somebody has signed in at.",
            &signed_in,
        );
        let waiting = [(String::new(), self.buffered().to_string())];
        family("modeller_buffered_bytes", "gauge", "Bytes that wait to be written to clients.", &waiting);
        let uptime = [(String::new(), (stats.uptime_ms as f64 / 1_000.0).to_string())];
        family("modeller_uptime_seconds", "gauge", "For how long the server has been running.", &uptime);
        text
    }
}

/// A label's value, as the format writes it.
fn label(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::label;

    #[test]
    fn values_of_labels_stay_within_their_quotes() {
        assert_eq!(label("a\"b\\c\nd"), "a\\\"b\\\\c\\nd");
    }
}
