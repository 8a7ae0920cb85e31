//! What a client sends: an event with one argument, out of a packet of either parser.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::Value as Json;
use serde_json::value::RawValue;
use socketioxide::adapter::LocalAdapter;
use socketioxide::handler::FromMessage;
use socketioxide::socket::Socket;
use socketioxide_core::Value;

use super::answer::Manner;
use super::channels::PREFIX;
use super::packed;
use crate::model::{Code, Error, Result, check_json};

/// How packets are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// As JSON text: the parser that clients have by themselves.
    Text,
    /// As MessagePack.
    Packed,
}

impl Form {
    /// A name that nobody else has for what is written so.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Form::Text => "socketio",
            Form::Packed => "socketio/msgpack",
        }
    }
}

/// A packet as it came, with what it takes to answer it.
pub(super) struct Incoming {
    pub(super) socket: Arc<Socket>,
    pub(super) value: Value,
    /// The number of its acknowledgement, if one is asked for.
    pub(super) ack: Option<i64>,
}

/// Tells apart how the library finds arguments of handlers: this one takes the whole packet.
pub(super) enum Whole {}

impl FromMessage<LocalAdapter, Whole> for Incoming {
    type Error = Infallible;

    fn from_message(
        socket: Arc<Socket>,
        value: Value,
        ack: Option<i64>,
    ) -> std::result::Result<Self, Infallible> {
        Ok(Incoming { socket, value, ack })
    }
}

/// How the acknowledgement of a packet is to be worded, whatever else is wrong with it.
pub(super) fn manner(value: &Value) -> Manner {
    let is_of_channels = match value {
        Value::Str(text, _) => {
            let event = text.trim_start().strip_prefix('[').map(str::trim_start);
            event.and_then(|event| event.strip_prefix('"')).is_some_and(|event| event.starts_with(PREFIX))
        }
        // The head of an array, and that of a short or a longer text.
        Value::Bytes(bytes) => [2, 3]
            .iter()
            .any(|&head| bytes.get(head..).is_some_and(|event| event.starts_with(PREFIX.as_bytes()))),
    };
    if is_of_channels { Manner::Channels } else { Manner::Plain }
}

/// How many bytes a packet has, those that travel beside its text among them.
pub(super) fn size(value: &Value) -> usize {
    let attached = match value {
        Value::Str(_, attached) => attached.iter().flatten().map(Bytes::len).sum(),
        Value::Bytes(_) => 0,
    };
    value.len().saturating_add(attached)
}

/// An event and its argument, which is JSON text and strictly so.
#[derive(Debug, PartialEq)]
pub(super) struct Message {
    pub(super) event: String,
    pub(super) argument: String,
}

impl Message {
    /// Reads a packet.
    ///
    /// # Errors
    /// `PARSE_ERROR` or `INVALID_REQUEST`.
    pub(super) fn of(value: Value) -> Result<Self> {
        match value {
            Value::Str(text, attached) => match attached.filter(|attached| !attached.is_empty()) {
                None => Self::of_text(&text),
                Some(attached) => Self::with_bytes(&text, attached),
            },
            Value::Bytes(bytes) => Self::of_elements(packed::elements(&bytes)?),
        }
    }

    fn of_text(text: &str) -> Result<Self> {
        check_json(text.as_bytes())?;
        let elements: Vec<&RawValue> = serde_json::from_str(text).map_err(|_| malformed())?;
        let [event, arguments @ ..] = elements.as_slice() else { return Err(malformed()) };
        let event: Cow<'_, str> = serde_json::from_str(event.get()).map_err(|_| malformed())?;
        let argument = match arguments {
            [] => "{}",
            [argument] => argument.get(),
            _ => return Err(several()),
        };
        Ok(Message { event: event.into_owned(), argument: argument.to_owned() })
    }

    /// Bytes travel beside the text, and take their places in it as base64: JSON has none.
    fn with_bytes(text: &str, attached: VecDeque<Bytes>) -> Result<Self> {
        let mut json: Json = serde_json::from_str(check_json(text.as_bytes())?).map_err(|_| malformed())?;
        let mut attached: Vec<Option<Bytes>> = attached.into_iter().map(Some).collect();
        put_in(&mut json, &mut attached)?;
        match json {
            Json::Array(elements) => Self::of_elements(elements),
            _ => Err(malformed()),
        }
    }

    fn of_elements(elements: Vec<Json>) -> Result<Self> {
        let mut elements = elements.into_iter();
        let Some(Json::String(event)) = elements.next() else { return Err(malformed()) };
        let argument = match (elements.next(), elements.next()) {
            (None, _) => "{}".to_owned(),
            (Some(argument), None) => argument.to_string(),
            _ => return Err(several()),
        };
        Ok(Message { event, argument })
    }
}

/// Puts bytes in their places. Each go to one place, as clients number them: or else a short message would become one as long as it likes.
fn put_in(json: &mut Json, attached: &mut [Option<Bytes>]) -> Result<()> {
    if let Some(number) = json.get("_placeholder").is_some_and(|mark| mark == true).then(|| json.get("num")) {
        let number = number.and_then(Json::as_u64).and_then(|number| usize::try_from(number).ok());
        let bytes = number.and_then(|number| attached.get_mut(number)?.take()).ok_or_else(|| {
            Error::new(Code::InvalidRequest, "a place for bytes in the message has none that belong there")
        })?;
        *json = STANDARD.encode(bytes).into();
        return Ok(());
    }
    match json {
        Json::Array(items) => items.iter_mut().try_for_each(|item| put_in(item, attached)),
        Json::Object(members) => members.values_mut().try_for_each(|member| put_in(member, attached)),
        _ => Ok(()),
    }
}

fn malformed() -> Error {
    Error::new(Code::ParseError, "a message is an array of an event's name and its argument")
}

fn several() -> Error {
    Error::new(Code::InvalidRequest, "an event takes one argument, an object")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Message> {
        Message::of(Value::Str(text.to_owned().into(), None))
    }

    fn message(event: &str, argument: &str) -> Message {
        Message { event: event.into(), argument: argument.into() }
    }

    #[test]
    fn an_event_has_one_argument_or_none() {
        assert_eq!(read(r#"["call",{"a":1.0}]"#).unwrap(), message("call", r#"{"a":1.0}"#));
        assert_eq!(read(r#"["call"]"#).unwrap(), message("call", "{}"));
        assert!(read(r#"["call",1,2]"#).unwrap_err().is(Code::InvalidRequest));
    }

    #[test]
    fn what_belongs_to_channels_is_told_by_its_first_bytes() {
        let names = ["realtime:track", "realtime:postgres_changes:unsubscribe", "real", "call", ""];
        for (at, name) in names.into_iter().enumerate() {
            let json = serde_json::json!([name, { "realtime:": 1 }]);
            let packed = rmp_serde::to_vec_named(&json).unwrap();
            let expected = if at < 2 { Manner::Channels } else { Manner::Plain };
            assert_eq!(manner(&Value::Str(json.to_string().into(), None)), expected, "{name}");
            assert_eq!(manner(&Value::Bytes(packed.into())), expected, "{name}");
        }
        assert_eq!(manner(&Value::Str(" [ \"realtime:x\"".into(), None)), Manner::Channels);
        assert_eq!(manner(&Value::Bytes(Bytes::new())), Manner::Plain);
    }

    #[test]
    fn what_is_no_message_is_refused() {
        for bad in ["", "[]", "{}", "[1]", r#"["a",{"b":1,"b":2}]"#, r#"["a",{]"#, r#"["a",1e999]"#] {
            assert!(read(bad).unwrap_err().is(Code::ParseError), "{bad}");
        }
    }

    #[test]
    fn bytes_are_put_in_as_base64() {
        let text = r#"["call",{"data":{"photo":{"_placeholder":true,"num":1}},"x":[{"_placeholder":true,"num":0}]}]"#;
        let bytes = |last: &[&'static [u8]]| {
            let attached = last.iter().map(|bytes| Bytes::from_static(bytes)).collect();
            Message::of(Value::Str(text.to_owned().into(), Some(attached)))
        };
        let expected = message("call", r#"{"data":{"photo":"AQI="},"x":[""]}"#);
        assert_eq!(bytes(&[b"", b"\x01\x02"]).unwrap(), expected);
        assert!(bytes(&[b""]).unwrap_err().is(Code::InvalidRequest));
    }

    #[test]
    fn a_packet_is_as_large_as_its_text_and_the_bytes_beside_it() {
        // OPS-04
        let attached = VecDeque::from([Bytes::from_static(b"\x01\x02"), Bytes::from_static(b"\x03")]);
        assert_eq!(size(&Value::Str("four".into(), Some(attached))), 7);
        assert_eq!(size(&Value::Str("four".into(), None)), 4);
        assert_eq!(size(&Value::Bytes(Bytes::from_static(b"five!"))), 5);
    }

    #[test]
    fn bytes_are_put_in_once() {
        // OPS-04
        let place = r#"{"_placeholder":true,"num":0}"#;
        let text = format!(r#"["call",[{place},{place}]]"#);
        let attached = VecDeque::from([Bytes::from_static(b"\x01\x02")]);
        let read = Message::of(Value::Str(text.into(), Some(attached)));
        assert!(read.unwrap_err().is(Code::InvalidRequest));
    }
}
