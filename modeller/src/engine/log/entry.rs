//! One entry of the log.

use std::fmt;

use serde::Serialize;
use serde_json::Value as Json;

use super::{Feature, LogLevel, text};
use crate::model::instant;

/// One entry of the log.
///
/// As JSON it is `{level, feature, modelId?, message, callSite, timestamp, data?, initial}`. As text (`Display`) it is one line,
/// whatever the message holds: line ends and control characters are written as escapes.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct LogEntry {
    /// How important it is.
    pub level: LogLevel,
    /// What it is about.
    pub feature: Feature,
    /// The path of the model whose code it is (`system/users`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_id: Option<&'static str>,
    /// What happened, in words.
    pub message: String,
    /// Where in the source it was written, `file:line:column`; of an operation, where its model is.
    pub call_site: String,
    /// When, in Unix milliseconds.
    pub timestamp: i64,
    /// What belongs to it. What is secret, and what is private to the model, reads `"[secret]"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Json>,
    /// It tells of what was registered at the start.
    pub initial: bool,
}

impl LogEntry {
    /// The entry as one line without its time: `info crud system/users insert {"ids":["..."]} (src/users.rs:12)`.
    pub fn without_time(&self) -> impl fmt::Display {
        Line(self)
    }
}

struct Line<'a>(&'a LogEntry);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Line(entry) = self;
        write!(f, "{:5} {}", entry.level, entry.feature)?;
        if let Some(model) = entry.model_id {
            write!(f, " {model}")?;
        }
        write!(f, " {}", text::Escaped(&entry.message))?;
        if let Some(data) = &entry.data {
            write!(f, " {}", text::Escaped(&data.to_string()))?;
        }
        write!(f, " ({})", text::Escaped(&entry.call_site))
    }
}

impl fmt::Display for LogEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match instant(self.timestamp) {
            Some(time) => write!(f, "{time} {}", Line(self)),
            None => write!(f, "{} {}", self.timestamp, Line(self)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn entry() -> LogEntry {
        LogEntry {
            level: LogLevel::Info,
            feature: Feature::Method,
            model_id: Some("system/users"),
            message: "signed\nin \u{1b}[31mred".into(),
            call_site: "src/users.rs:12:5".into(),
            timestamp: 1_790_000_000_123,
            data: Some(json!({ "who": "a\r\nb\u{9b}2J" })),
            initial: false,
        }
    }

    #[test]
    fn an_entry_is_one_line_of_text() {
        // OPS-15
        let text = entry().to_string();
        assert!(text.starts_with("2026-09-21T"), "{text}");
        assert!(text.ends_with(
            r#"info  method system/users signed\nin \u{1b}[31mred {"who":"a\r\nb\u{9b}2J"} (src/users.rs:12:5)"#
        ), "{text}");
    }

    #[test]
    fn an_entry_is_an_object() {
        // OPS-15
        let json = serde_json::to_value(LogEntry { data: None, ..entry() }).unwrap();
        assert_eq!(
            json,
            json!({
                "level": "info", "feature": "method", "modelId": "system/users", "message": "signed\nin \u{1b}[31mred",
                "callSite": "src/users.rs:12:5", "timestamp": 1_790_000_000_123_i64, "initial": false
            })
        );
    }
}
