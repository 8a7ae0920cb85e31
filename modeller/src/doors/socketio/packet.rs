//! What is handed to a client, as the transport takes it, and as a frame of a WebSocket that is ready to be written.

use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;
use socketioxide::extract::AckSender;
use socketioxide::handler::FromMessageParts as _;
use socketioxide::socket::Socket;
use socketioxide::{ParserError, SendError};
use socketioxide_core::Value;
use tungstenite::protocol::frame::coding::{Data, OpCode};

use super::answer::Body;
use crate::doors::writing::frame;

/// The types of packets: they are the same for both parsers.
const EVENT: u8 = 2;
const ACKNOWLEDGEMENT: u8 = 3;

/// Something for one client.
pub(super) trait Packet {
    /// How many bytes it is, about: no more than are sent.
    fn size(&self) -> usize;

    /// As a whole frame.
    ///
    /// # Errors
    /// If it can't be written.
    fn frame(&self) -> Result<Bytes, SendError>;

    /// Hands it to the transport.
    ///
    /// # Errors
    /// If the client is gone, has too many packets waiting, or it can't be written.
    fn emit(&self, socket: &Socket) -> Result<(), SendError>;
}

/// An event with one argument. It is framed once for all who are sent the same body.
pub(super) struct Event<'a>(pub(super) &'static str, pub(super) &'a Body);

impl Packet for Event<'_> {
    fn size(&self) -> usize {
        self.1.size()
    }

    fn frame(&self) -> Result<Bytes, SendError> {
        self.1.framed(self.0)
    }

    fn emit(&self, socket: &Socket) -> Result<(), SendError> {
        socket.emit(self.0, self.1)
    }
}

/// An acknowledgement, with the number that was asked for.
pub(super) struct Answer<'a> {
    pub(super) socket: &'a Arc<Socket>,
    pub(super) number: i64,
    pub(super) body: &'a Body,
}

impl Answer<'_> {
    fn framed(number: i64, body: &Body) -> Result<Bytes, SendError> {
        match body.text() {
            Some(text) => {
                Ok(text_frame(&[b"43", number.to_string().as_bytes(), b"[", text.as_bytes(), b"]"]))
            }
            None => packed_frame(&Packed { kind: ACKNOWLEDGEMENT, nsp: "/", data: [body], id: Some(number) }),
        }
    }
}

impl Packet for Answer<'_> {
    fn size(&self) -> usize {
        self.body.size()
    }

    fn frame(&self) -> Result<Bytes, SendError> {
        Self::framed(self.number, self.body)
    }

    fn emit(&self, _: &Socket) -> Result<(), SendError> {
        let mut nothing = Value::Bytes(Bytes::new());
        let Ok(sender) = AckSender::<_>::from_message_parts(self.socket, &mut nothing, &Some(self.number));
        sender.send(self.body)
    }
}

/// An event whose argument is written of several pieces of JSON.
pub(super) fn event_of(event: &str, pieces: &[&str]) -> Bytes {
    let mut parts: Vec<&[u8]> = Vec::with_capacity(pieces.len() + 4);
    // The names of our events need no escapes.
    parts.extend([b"42[\"".as_slice(), event.as_bytes(), b"\","]);
    parts.extend(pieces.iter().map(|piece| piece.as_bytes()));
    parts.push(b"]");
    text_frame(&parts)
}

/// An event with this argument, as MessagePack.
pub(super) fn packed_event(event: &str, argument: &impl Serialize) -> Result<Bytes, SendError> {
    packed_frame(&Packed { kind: EVENT, nsp: "/", data: (event, argument), id: None })
}

/// A packet of the parser that writes MessagePack.
#[derive(Serialize)]
struct Packed<T> {
    #[serde(rename = "type")]
    kind: u8,
    nsp: &'static str,
    data: T,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<i64>,
}

fn text_frame(parts: &[&[u8]]) -> Bytes {
    frame(OpCode::Data(Data::Text), parts)
}

fn packed_frame(packet: &impl Serialize) -> Result<Bytes, SendError> {
    let packet = rmp_serde::to_vec_named(packet).map_err(ParserError::new)?;
    Ok(frame(OpCode::Data(Data::Binary), &[&packet]))
}

/// How long the first frame of these is, as a server writes frames: in one piece, and unmasked.
pub(super) fn first(frames: &[u8]) -> usize {
    let (header, length) = match *frames {
        [_, 126, high, low, ..] => (4, u64::from(u16::from_be_bytes([high, low]))),
        [_, 127, ref rest @ ..] => match rest.first_chunk() {
            Some(length) => (10, u64::from_be_bytes(*length)),
            None => return frames.len(),
        },
        [_, length, ..] => (2, u64::from(length)),
        _ => return frames.len(),
    };
    usize::try_from(length).map_or(frames.len(), |length| length.saturating_add(header).min(frames.len()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::message::Form;
    use super::*;

    fn body(form: Form) -> Body {
        Body::new(form, r#"{"a":[1]}"#.to_owned()).unwrap()
    }

    #[test]
    fn text_is_framed_as_the_protocol_has_it() {
        let body = body(Form::Text);
        assert_eq!(*Event("live", &body).frame().unwrap(), *b"\x81\x1442[\"live\",{\"a\":[1]}]");
        assert_eq!(*Answer::framed(17, &body).unwrap(), *b"\x81\x0f4317[{\"a\":[1]}]");
        assert_eq!(*event_of("x", &["{\"a\":", "1}"]), *b"\x81\x0f42[\"x\",{\"a\":1}]");
    }

    #[test]
    fn what_is_packed_is_framed_as_the_protocol_has_it() {
        let body = body(Form::Packed);
        let read = |frame: Bytes| -> serde_json::Value {
            assert_eq!((frame[0], usize::from(frame[1])), (0x82, frame.len() - 2));
            rmp_serde::from_slice(&frame[2..]).unwrap()
        };
        let event = json!({ "type": 2, "nsp": "/", "data": ["live", { "a": [1] }] });
        assert_eq!(read(Event("live", &body).frame().unwrap()), event);
        let answer = json!({ "type": 3, "nsp": "/", "data": [{ "a": [1] }], "id": 17 });
        assert_eq!(read(Answer::framed(17, &body).unwrap()), answer);
    }

    #[test]
    fn frames_are_found_one_behind_the_other() {
        for size in [0, 125, 126, 65_535, 65_536] {
            let one = frame(OpCode::Data(Data::Binary), &[&vec![7; size]]);
            let two = [&one[..], b"\x81\x012"].concat();
            assert_eq!(first(&two), one.len());
            assert_eq!(first(&two[one.len()..]), 3);
        }
        for cut in [&b""[..], b"\x81", b"\x81\x7e\x00", b"\x81\x7f\x00\x00", b"\x81\x05ab"] {
            assert_eq!(first(cut), cut.len());
        }
    }
}
