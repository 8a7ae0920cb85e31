//! Frames cut into pieces, and ours as others read them.

use std::sync::Arc;

use proptest::prelude::*;
use tungstenite::protocol::{Role, WebSocketContext};

use super::*;
use crate::engine::{Clock, Engine};
use crate::live::{Live, LiveOptions};
use crate::registry::Registry;
use crate::store::sqlite::{Sqlite, SqliteOptions};

fn memory() -> Connections {
    let store = Arc::new(Sqlite::open(SqliteOptions::memory().readers(1)).unwrap());
    let engine = Engine::new(Registry::default(), store, Clock::manual(0));
    Live::new(engine, LiveOptions::new()).connections().clone()
}

/// A frame of a client.
fn masked(first: u8, payload: &[u8], mask: [u8; 4]) -> Vec<u8> {
    let header = FrameHeader {
        is_final: first & 0x80 != 0,
        opcode: OpCode::from(first & 0x0f),
        mask: Some(mask),
        ..FrameHeader::default()
    };
    let mut bytes = Vec::new();
    header.format(payload.len() as u64, &mut bytes).unwrap();
    bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

/// All that the decoder makes of these bytes, given in pieces of these sizes.
fn decoded(decoder: &mut Decoder, memory: &Connections, bytes: &[u8], sizes: &[usize]) -> Vec<Incoming> {
    let (mut rest, mut found, mut sizes) = (bytes, Vec::new(), sizes.iter().cycle());
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rest.len().min(*sizes.next().unwrap()));
        let mut at = 0;
        while at < piece.len() {
            let (taken, incoming) = decoder.feed(&piece[at..], memory).unwrap();
            at += taken;
            found.extend(incoming);
        }
        rest = after;
    }
    found
}

proptest! {
    #[test]
    fn messages_are_the_same_however_they_are_cut(
        texts in prop::collection::vec((".{0,300}", prop::collection::vec(0_usize..400, 0..4), any::<[u8; 4]>()), 1..5),
        sizes in prop::collection::vec(1_usize..500, 1..6),
    ) {
        let (mut bytes, mut expected) = (Vec::new(), Vec::new());
        for (text, cuts, mask) in &texts {
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| *cut.min(&text.len())).collect();
            cuts.sort_unstable();
            let (mut begin, mut opcode) = (0, 1);
            for cut in cuts {
                bytes.extend(masked(opcode, &text.as_bytes()[begin..cut], *mask));
                bytes.extend(masked(0x89, b"ping", *mask));
                expected.push(Incoming::Ping(b"ping".to_vec()));
                (begin, opcode) = (cut, 0);
            }
            bytes.extend(masked(0x80 | opcode, &text.as_bytes()[begin..], *mask));
            expected.push(Incoming::Text(text.clone()));
        }
        let memory = memory();
        let mut decoder = Decoder::new(100_000);
        prop_assert_eq!(decoded(&mut decoder, &memory, &bytes, &sizes), expected);
        // Who says nothing takes nothing.
        prop_assert_eq!(decoder.head.capacity() + decoder.control.capacity(), 0);
        prop_assert!(decoder.message.is_none() && decoder.held.is_empty());
    }

    #[test]
    fn noise_is_refused_or_taken_and_never_more_than_there_is(noise in prop::collection::vec(any::<u8>(), 0..200)) {
        let memory = memory();
        let (mut decoder, mut at) = (Decoder::new(50), 0);
        while at < noise.len() {
            match decoder.feed(&noise[at..], &memory) {
                Ok((taken, incoming)) => {
                    prop_assert!(taken <= noise.len() - at && (taken > 0 || incoming.is_some()));
                    at += taken;
                }
                Err(close) => {
                    prop_assert!([1002, 1003, 1007, 1009].contains(&close.code));
                    break;
                }
            }
        }
    }

    #[test]
    fn an_independent_reader_reads_our_frames(parts in prop::collection::vec(".{0,90}", 0..4), long in any::<bool>()) {
        let mut parts = parts;
        if long {
            parts.push("x".repeat(70_000));
        }
        let pieces: Vec<&[u8]> = parts.iter().map(|part| part.as_bytes()).collect();
        let bytes = [text(&pieces), close(&Close::heartbeat())].concat();
        let mut stream = std::io::Cursor::new(bytes);
        let mut reader = WebSocketContext::new(Role::Client, None);
        let message = reader.read(&mut stream).unwrap();
        let read = message.into_text().unwrap();
        prop_assert_eq!(read.as_str(), parts.concat());
        let end = reader.read(&mut stream).unwrap();
        let tungstenite::Message::Close(Some(end)) = end else { panic!("{end:?} is no end") };
        prop_assert_eq!((u16::from(end.code), end.reason.as_str()), (4001, "heartbeat_timeout"));
    }
}

#[test]
fn a_long_reason_is_cut_where_a_character_ends() {
    let reason = "ü".repeat(100);
    let frame = close(&Close { code: 1002, reason: reason.into() });
    assert_eq!((frame[0], frame[1], frame.len()), (0x88, 124, 126));
    assert!(std::str::from_utf8(&frame[4..]).is_ok());
}

#[test]
fn text_that_nothing_can_make_utf8_is_refused_before_it_is_complete() {
    let (memory, mask) = (memory(), [1, 2, 3, 4]);
    let (first, next) = (b"ok\xff and more".as_slice(), b"more".as_slice());
    let mut decoder = Decoder::new(100);
    let whole = masked(0x81, first, mask);
    assert_eq!(decoder.feed(&whole[..8], &memory).unwrap(), (8, None));
    assert_eq!(decoder.feed(&whole[8..9], &memory).unwrap_err().code, 1007);
    // At the end of a frame, too, and over several; what is only cut may go on.
    for (pieces, fails) in [
        ([b"\xf0\x9f".as_slice(), b"\xa6\x80", next], false),
        ([b"\xf4", b"\x90", next], true),
        ([b"a", b"\x80", next], true),
        ([b"\xe2", next, b"\x82"], true),
    ] {
        let mut decoder = Decoder::new(100);
        let frames = [masked(0x01, pieces[0], mask), masked(0x00, pieces[1], mask)];
        assert_eq!(decoder.feed(&frames[0], &memory).unwrap().1, None);
        let second = decoder.feed(&frames[1], &memory);
        assert_eq!(second.err().map(|close| close.code), fails.then_some(1007), "{pieces:?}");
        if !fails {
            let last = decoder.feed(&masked(0x80, pieces[2], mask), &memory).unwrap().1;
            assert_eq!(last, Some(Incoming::Text("🦀more".into())));
            // The next message begins anew.
            let other = decoder.feed(&masked(0x81, b"a", mask), &memory).unwrap().1;
            assert_eq!(other, Some(Incoming::Text("a".into())));
        }
    }
}
