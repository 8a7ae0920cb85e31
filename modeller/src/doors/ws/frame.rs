//! Frames of clients to messages, as RFC 6455 has them; and frames of ours.
//!
//! Headers are read and written by `tungstenite`. What is around them is ours, because of memory: whoever sends nothing takes none, and
//! a frame that goes to many is made once.

use std::io::Cursor;

use bytes::Bytes;
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use super::close::{Close, is_sendable};
use crate::doors::writing;
use crate::live::{Connections, Held};

/// Longest header: two bytes, eight of length, four of mask.
const HEADER: usize = 14;

/// Longest payload of a control frame.
const CONTROL: usize = 125;

/// From this size on a message takes from the memory that all clients share.
const LARGE: usize = 16 * 1024;

/// What a client has sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Incoming {
    Text(String),
    Ping(Vec<u8>),
    Pong,
    /// The client ends it; the code is that of the answer.
    Close(u16),
}

/// The frame whose payload is being read.
#[derive(Debug)]
struct Open {
    header: FrameHeader,
    mask: [u8; 4],
    length: usize,
    read: usize,
}

/// Reads frames, however they are cut into pieces.
#[derive(Debug)]
pub(super) struct Decoder {
    most: usize,
    /// The beginning of a header.
    head: Vec<u8>,
    open: Option<Open>,
    /// The message so far, if one has begun.
    message: Option<Vec<u8>>,
    /// How much of it is known to be UTF-8.
    sound: usize,
    control: Vec<u8>,
    /// Memory that large messages take, in pieces.
    held: Vec<Held>,
    held_bytes: usize,
    /// That of the message that was completed last.
    left: Vec<Held>,
}

impl Decoder {
    /// For messages of at most so many bytes.
    pub(super) fn new(most: usize) -> Self {
        Decoder {
            most,
            head: Vec::new(),
            open: None,
            message: None,
            sound: 0,
            control: Vec::new(),
            held: Vec::new(),
            held_bytes: 0,
            left: Vec::new(),
        }
    }

    /// The memory that the message takes which was completed last: whoever has it to carry out gives it back.
    pub(super) fn release(&mut self) -> Vec<Held> {
        std::mem::take(&mut self.left)
    }

    /// Reads up to the next thing that is complete, and says how many of the bytes were taken.
    pub(super) fn feed(
        &mut self,
        bytes: &[u8],
        memory: &Connections,
    ) -> Result<(usize, Option<Incoming>), Close> {
        let mut at = 0;
        loop {
            if self.open.is_none() {
                at += self.header(&bytes[at..], memory)?;
            }
            let Some(open) = &mut self.open else { return Ok((at, None)) };
            let is_control = matches!(open.header.opcode, OpCode::Control(_));
            let payload = match (is_control, &mut self.message) {
                (false, Some(message)) => message,
                _ => &mut self.control,
            };
            let piece = &bytes[at..bytes.len().min(at + open.length - open.read)];
            let begin = payload.len();
            payload.extend_from_slice(piece);
            unmask(&mut payload[begin..], open.mask, open.read);
            open.read += piece.len();
            at += piece.len();
            if open.read < open.length {
                self.check_text()?;
                return Ok((at, None));
            }
            let Some(Open { header, .. }) = self.open.take() else { return Ok((at, None)) };
            if let Some(complete) = self.complete(&header)? {
                return Ok((at, Some(complete)));
            }
        }
    }

    /// Takes as much of a header as there is, and checks it once it is whole.
    fn header(&mut self, bytes: &[u8], memory: &Connections) -> Result<usize, Close> {
        let begun = self.head.len();
        let (header, length, size) = if begun == 0 {
            // Nearly always the header is there as a whole.
            match parse(bytes)? {
                Some(parsed) => parsed,
                None => {
                    self.head.extend_from_slice(bytes);
                    return Ok(bytes.len());
                }
            }
        } else {
            self.head.extend_from_slice(&bytes[..bytes.len().min(HEADER - begun)]);
            match parse(&self.head)? {
                Some(parsed) => parsed,
                None => return Ok(bytes.len().min(HEADER - begun)),
            }
        };
        self.head = Vec::new();
        self.check(header, length, memory)?;
        Ok(size - begun)
    }

    fn check(&mut self, header: FrameHeader, length: u64, memory: &Connections) -> Result<(), Close> {
        let Some(mask) = header.mask else { return Err(Close::protocol("frames of clients are masked")) };
        if header.rsv1 || header.rsv2 || header.rsv3 {
            return Err(Close::protocol("no extension was agreed on"));
        }
        match header.opcode {
            OpCode::Control(_) if !header.is_final => {
                return Err(Close::protocol("control frames are not fragmented"));
            }
            OpCode::Control(_) if length > CONTROL as u64 => {
                return Err(Close::protocol("control frames have at most 125 bytes"));
            }
            OpCode::Data(Data::Continue) if self.message.is_none() => {
                return Err(Close::protocol("there is nothing to continue"));
            }
            OpCode::Data(Data::Text | Data::Binary) if self.message.is_some() => {
                return Err(Close::protocol("the message before is not complete"));
            }
            OpCode::Data(Data::Binary) => return Err(Close::not_text()),
            _ => {}
        }
        let mut length = usize::try_from(length).unwrap_or(usize::MAX);
        if matches!(header.opcode, OpCode::Data(_)) {
            let message = self.message.get_or_insert_default();
            let whole = message.len().saturating_add(length);
            if whole > self.most {
                return Err(Close::too_big(self.most));
            }
            self.hold(whole, memory)?;
        } else {
            length = length.min(CONTROL);
        }
        self.open = Some(Open { header, mask, length, read: 0 });
        Ok(())
    }

    /// Takes memory for a message of this size. It grows by at least a half each time, so that there are few pieces.
    fn hold(&mut self, whole: usize, memory: &Connections) -> Result<(), Close> {
        if whole > LARGE && whole > self.held_bytes {
            let wanted = whole.max(self.held_bytes + self.held_bytes / 2).min(self.most);
            let more = memory.hold(wanted - self.held_bytes).map_err(|_| Close::busy())?;
            self.held.push(more);
            self.held_bytes = wanted;
        }
        Ok(())
    }

    /// Looks at what has come of a message that is not complete: what nothing could make UTF-8 any more is refused at once.
    fn check_text(&mut self) -> Result<(), Close> {
        let Some(message) = &self.message else { return Ok(()) };
        match std::str::from_utf8(&message[self.sound..]) {
            Ok(_) => self.sound = message.len(),
            // A character is cut.
            Err(error) if error.error_len().is_none() => self.sound += error.valid_up_to(),
            Err(_) => return Err(Close::not_utf8()),
        }
        Ok(())
    }

    /// What a frame that is all there means, if it completes something.
    fn complete(&mut self, header: &FrameHeader) -> Result<Option<Incoming>, Close> {
        match header.opcode {
            OpCode::Control(Control::Ping) => Ok(Some(Incoming::Ping(std::mem::take(&mut self.control)))),
            OpCode::Control(Control::Pong) => {
                self.control = Vec::new();
                Ok(Some(Incoming::Pong))
            }
            OpCode::Control(_) => {
                let payload = std::mem::take(&mut self.control);
                closing(&payload).map(|code| Some(Incoming::Close(code)))
            }
            OpCode::Data(_) if !header.is_final => self.check_text().map(|()| None),
            OpCode::Data(_) => {
                let message = self.message.take().unwrap_or_default();
                self.left = std::mem::take(&mut self.held);
                self.held_bytes = 0;
                self.sound = 0;
                let text = String::from_utf8(message).map_err(|_| Close::not_utf8())?;
                Ok(Some(Incoming::Text(text)))
            }
        }
    }
}

/// A whole header, how long the payload is, and how long the header.
fn parse(bytes: &[u8]) -> Result<Option<(FrameHeader, u64, usize)>, Close> {
    let mut cursor = Cursor::new(bytes);
    let parsed = FrameHeader::parse(&mut cursor).map_err(|_| Close::protocol("there is no such opcode"))?;
    let Some((header, length)) = parsed else { return Ok(None) };
    let size = cursor.position() as usize;
    if header.len(length) != size || length > i64::MAX as u64 {
        return Err(Close::protocol("a length has as few bytes as it can"));
    }
    Ok(Some((header, length, size)))
}

/// The code that a close frame is answered with.
fn closing(payload: &[u8]) -> Result<u16, Close> {
    let Some((code, reason)) = payload.split_first_chunk() else {
        // Without a code it is the end all the same.
        return if payload.is_empty() {
            Ok(1000)
        } else {
            Err(Close::protocol("a close code has two bytes"))
        };
    };
    let code = u16::from_be_bytes(*code);
    if !is_sendable(code) {
        return Err(Close::protocol("there is no such close code"));
    }
    if std::str::from_utf8(reason).is_err() {
        return Err(Close::not_utf8());
    }
    Ok(code)
}

fn unmask(bytes: &mut [u8], mask: [u8; 4], from: usize) {
    let mask = u32::from_ne_bytes([0, 1, 2, 3].map(|at| mask[(from + at) % 4]));
    let mut words = bytes.chunks_exact_mut(4);
    for word in &mut words {
        let unmasked = u32::from_ne_bytes([word[0], word[1], word[2], word[3]]) ^ mask;
        word.copy_from_slice(&unmasked.to_ne_bytes());
    }
    for (byte, mask) in words.into_remainder().iter_mut().zip(mask.to_ne_bytes()) {
        *byte ^= mask;
    }
}

/// A whole message, of these parts, ready to be written.
pub(super) fn text(parts: &[&[u8]]) -> Bytes {
    writing::frame(OpCode::Data(Data::Text), parts)
}

/// The question whether somebody is there.
pub(super) fn ping() -> Bytes {
    writing::frame(OpCode::Control(Control::Ping), &[])
}

/// The answer to a ping.
pub(super) fn pong(payload: &[u8]) -> Bytes {
    writing::frame(OpCode::Control(Control::Pong), &[payload])
}

/// The end, with its reason as far as it fits.
pub(super) fn close(close: &Close) -> Bytes {
    let mut end = close.reason.len().min(CONTROL - 2);
    while !close.reason.is_char_boundary(end) {
        end -= 1;
    }
    let reason = &close.reason.as_bytes()[..end];
    writing::frame(OpCode::Control(Control::Close), &[&close.code.to_be_bytes(), reason])
}

#[cfg(test)]
mod tests;
