//! Frames as they are on the wire, right and wrong: RFC 6455 without a client library in between.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::*;

const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;
const FIN: u8 = 0x80;

/// A connection whose bytes are all one's own.
pub struct Raw(pub TcpStream);

impl Raw {
    /// Upgraded, and welcomed.
    pub async fn connect(server: &Server) -> Self {
        Self::connect_with(server, &[]).await
    }

    /// Upgraded, and welcomed; with these bytes, which don't wait for that.
    async fn connect_with(server: &Server, bytes: &[u8]) -> Self {
        let mut raw = Raw(TcpStream::connect(server.address).await.unwrap());
        let head =
            request(&["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13"], server);
        raw.send(&[head.as_bytes(), bytes].concat()).await;
        let answer = raw.head().await;
        assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
        // The answer to the key of RFC 6455 1.3.
        assert!(
            answer.to_lowercase().contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="),
            "{answer}"
        );
        assert_eq!(raw.frame().await.unwrap().0, FIN | TEXT);
        raw
    }

    pub async fn head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let byte = timeout(PATIENCE, self.0.read_u8()).await.expect("an answer comes").unwrap();
            head.push(byte);
        }
        String::from_utf8(head).unwrap()
    }

    /// The next frame's first byte and payload, if there is one.
    pub async fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let read = async {
            let first = self.0.read_u8().await.ok()?;
            let length = match self.0.read_u8().await.ok()? {
                126 => self.0.read_u16().await.ok()?.into(),
                127 => usize::try_from(self.0.read_u64().await.ok()?).unwrap(),
                length => {
                    assert!(length < 126, "frames of servers are not masked");
                    length.into()
                }
            };
            let mut payload = vec![0; length];
            self.0.read_exact(&mut payload).await.ok()?;
            Some((first, payload))
        };
        timeout(PATIENCE, read).await.expect("something comes, or the end")
    }

    pub async fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.unwrap();
    }

    /// The close code; then the connection is over.
    pub async fn closed(&mut self) -> u16 {
        loop {
            let (first, payload) = self.frame().await.expect("a close frame comes before the end");
            if first == FIN | CLOSE {
                assert!(self.frame().await.is_none(), "nothing follows the end");
                return u16::from_be_bytes([payload[0], payload[1]]);
            }
        }
    }

    /// Reads the answers to so many requests, in any order.
    async fn is_answered(&mut self, count: i64) {
        let mut seen = std::collections::HashSet::new();
        for _ in 0..count {
            let answer: Json = serde_json::from_slice(&self.frame().await.unwrap().1).unwrap();
            assert_eq!(answer["type"], "result");
            assert!((0..count).contains(&answer["id"].as_i64().unwrap()));
            assert!(seen.insert(answer["id"].as_i64().unwrap()));
        }
    }

    /// Asks, and reads the answer.
    pub async fn works(&mut self) {
        self.send(&frame(FIN | TEXT, br#"{"id":1,"type":"store.buckets"}"#)).await;
        let (first, payload) = self.frame().await.unwrap();
        assert_eq!((first, payload.starts_with(b"{\"id\":1,\"type\":\"result\"")), (FIN | TEXT, true));
    }
}

/// So many requests, one behind the other.
fn asked(count: i64) -> Vec<u8> {
    let request = |id| json!({"id": id, "type": "store.buckets"}).to_string();
    (0..count).flat_map(|id| frame(FIN | TEXT, request(id).as_bytes())).collect()
}

fn request(lines: &[&str], server: &Server) -> String {
    let lines = lines.join("\r\n");
    format!(
        "GET /@ws HTTP/1.1\r\nHost: {}\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n{lines}\r\n\r\n",
        server.address
    )
}

/// A masked frame.
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    let mut bytes = vec![first];
    match payload.len() {
        short @ 0..126 => bytes.push(0x80 | short as u8),
        medium @ 126..65_536 => {
            bytes.push(0x80 | 126);
            bytes.extend((medium as u16).to_be_bytes());
        }
        long => {
            bytes.push(0x80 | 127);
            bytes.extend((long as u64).to_be_bytes());
        }
    }
    bytes.extend(mask);
    bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

#[tokio::test]
async fn requests_that_are_no_handshake_are_refused_over_http() {
    let server = Server::start(LiveOptions::new()).await;
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
    for lines in [
        vec![],
        vec![key],
        vec![key, "Sec-WebSocket-Version: 8"],
        vec!["Sec-WebSocket-Key: short", "Sec-WebSocket-Version: 13"],
    ] {
        let mut raw = Raw(TcpStream::connect(server.address).await.unwrap());
        raw.send(request(&lines, &server).as_bytes()).await;
        let answer = raw.head().await;
        assert!(answer.starts_with("HTTP/1.1 426 "), "{answer}");
        assert!(answer.to_lowercase().contains("sec-websocket-version: 13"), "{answer}");
    }
    let mut client = modeller_tests::http::Client::connect(server.address).await;
    let answer = client.get("/@ws").await;
    assert_eq!((answer.status, answer.code().as_str()), (426, "INVALID_REQUEST"));
    assert_eq!(server.live.connections().count(), 0);
}

#[tokio::test]
async fn pages_of_other_origins_get_no_connection() {
    let server = Server::start(LiveOptions::new()).await;
    let mut raw = Raw(TcpStream::connect(server.address).await.unwrap());
    let lines = [
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
        "Origin: https://evil.example",
    ];
    raw.send(request(&lines, &server).as_bytes()).await;
    assert!(raw.head().await.starts_with("HTTP/1.1 403 "));
}

#[tokio::test]
async fn messages_may_come_in_pieces_with_control_frames_between() {
    let server = Server::start(LiveOptions::new()).await;
    let mut raw = Raw::connect(&server).await;
    let text = r#"{"id":"ü","type":"store.buckets"}"#.as_bytes();
    // In the midst of a character.
    let at = text.iter().position(|byte| *byte > 127).unwrap() + 1;
    raw.send(&frame(TEXT, &text[..at])).await;
    raw.send(&frame(FIN | PING, b"between")).await;
    assert_eq!(raw.frame().await.unwrap(), (FIN | PONG, b"between".to_vec()));
    raw.send(&frame(0, &[])).await;
    for byte in &text[at..text.len() - 1] {
        raw.send(&frame(0, &[*byte])).await;
    }
    raw.send(&frame(FIN | PONG, b"unasked")).await;
    raw.send(&frame(FIN, &text[text.len() - 1..])).await;
    let (_, answer) = raw.frame().await.unwrap();
    let answer: Json = serde_json::from_slice(&answer).unwrap();
    assert_eq!((&answer["id"], &answer["type"]), (&json!("ü"), &json!("result")));
}

#[tokio::test]
async fn frames_may_come_byte_by_byte_or_many_at_once() {
    let server = Server::start(LiveOptions::new()).await;
    let mut raw = Raw::connect(&server).await;
    let text = json!({"id": 1, "type": "store.call", "bucket": "system/users", "method": "behave",
        "data": {"how": "x".repeat(200)}});
    for byte in frame(FIN | TEXT, text.to_string().as_bytes()) {
        raw.send(&[byte]).await;
    }
    assert!(String::from_utf8(raw.frame().await.unwrap().1).unwrap().contains("xxx"));
    raw.send(&asked(300)).await;
    raw.is_answered(300).await;
}

#[tokio::test]
async fn who_does_not_wait_for_the_handshake_is_heard() {
    let server = Server::start(LiveOptions::new()).await;
    // HTTP has read the first of them, or all.
    for count in [1, 10, 300] {
        Raw::connect_with(&server, &asked(count)).await.is_answered(count).await;
        // Half a frame is no other thing.
        let (bytes, half) = (asked(count), 20);
        let (first, rest) = bytes.split_at(bytes.len() - half);
        let mut raw = Raw::connect_with(&server, first).await;
        raw.send(rest).await;
        raw.is_answered(count).await;
    }
}

#[tokio::test]
async fn violations_are_answered_with_their_code_and_harm_nobody_else() {
    let options = LiveOptions::new().max_payload(2_000);
    let server = Server::start(options).await;
    let mut other = Raw::connect(&server).await;
    let unmasked = [&[FIN | TEXT, 2], b"{}".as_slice()].concat();
    let close = |code: u16, reason: &[u8]| frame(FIN | CLOSE, &[&code.to_be_bytes(), reason].concat());
    let mut long_form = frame(FIN | TEXT, &[b'x'; 130]);
    long_form[2..4].copy_from_slice(&100_u16.to_be_bytes());
    let cases: Vec<(&str, Vec<u8>, u16)> = vec![
        ("not masked", unmasked, 1002),
        ("a reserved bit", frame(FIN | 0x40 | TEXT, b"{}"), 1002),
        ("another reserved bit", frame(FIN | 0x10 | TEXT, b"{}"), 1002),
        ("no opcode of data", frame(FIN | 3, b"{}"), 1002),
        ("no opcode of control", frame(FIN | 11, b""), 1002),
        ("a ping in pieces", frame(PING, b"a"), 1002),
        ("a ping that is too long", frame(FIN | PING, &[b'a'; 126]), 1002),
        ("a close that is too long", frame(FIN | CLOSE, &[3; 126]), 1002),
        ("nothing to continue", frame(FIN, b"a"), 1002),
        ("a message within a message", [frame(TEXT, b"a"), frame(FIN | TEXT, b"b")].concat(), 1002),
        ("a length that is longer than it need be", long_form, 1002),
        ("a length of 2^63", [&[FIN | TEXT, 0xff], [0xff; 8].as_slice(), &[0; 4]].concat(), 1002),
        ("bytes that are no text", frame(FIN | TEXT, b"\xff\xfe"), 1007),
        ("half a surrogate", frame(FIN | TEXT, b"\xed\xa0\x80"), 1007),
        ("a character cut off", frame(FIN | TEXT, b"\xc3"), 1007),
        ("no text at all", frame(FIN | BINARY, b"{}"), 1003),
        ("too much", frame(FIN | TEXT, &[b'x'; 2_001]), 1009),
        ("too much in pieces", [frame(TEXT, &[b'x'; 1_500]), frame(FIN, &[b'x'; 501])].concat(), 1009),
        (
            "far too much, announced",
            [&[FIN | TEXT, 0xff], 1_u64.rotate_right(2).to_be_bytes().as_slice(), &[0; 4]].concat(),
            1009,
        ),
        ("half a close code", frame(FIN | CLOSE, &[3]), 1002),
        ("a close code that is none", close(999, b""), 1002),
        ("a close code for nobody", close(1005, b""), 1002),
        ("another one", close(1006, b""), 1002),
        ("a close code beyond", close(5_000, b""), 1002),
        ("a reason that is no text", close(1000, b"\xff"), 1007),
    ];
    for (what, bytes, code) in cases {
        let mut raw = Raw::connect(&server).await;
        raw.send(&bytes).await;
        assert_eq!(raw.closed().await, code, "{what}");
        other.works().await;
    }
    // As large as it may be.
    let text = json!({"id": 1, "type": "store.buckets"}).to_string();
    other.send(&frame(FIN | TEXT, (text.clone() + &" ".repeat(2_000 - text.len())).as_bytes())).await;
    assert!(other.frame().await.unwrap().1.starts_with(b"{\"id\":1,"));
    server.until(1).await;
}

#[tokio::test]
async fn a_goodbye_is_answered_with_its_own_code() {
    let server = Server::start(LiveOptions::new()).await;
    for (payload, code) in [
        (vec![], 1000),
        (1000_u16.to_be_bytes().to_vec(), 1000),
        ([&1001_u16.to_be_bytes(), b"going away".as_slice()].concat(), 1001),
        (3_000_u16.to_be_bytes().to_vec(), 3_000),
        (4_999_u16.to_be_bytes().to_vec(), 4_999),
    ] {
        let mut raw = Raw::connect(&server).await;
        raw.send(&frame(FIN | CLOSE, &payload)).await;
        // What comes after the end is not read.
        let _ = raw.0.write_all(&frame(FIN | TEXT, b"{}")).await;
        assert_eq!(raw.closed().await, code);
    }
    server.until(0).await;
}

#[tokio::test]
async fn who_goes_without_a_word_is_forgotten() {
    let server = Server::start(LiveOptions::new()).await;
    let mut raw = Raw::connect(&server).await;
    raw.send(&frame(FIN | TEXT, b"{}")[..3]).await;
    server.until(1).await;
    drop(raw);
    server.until(0).await;
}

#[tokio::test]
async fn a_message_that_never_ends_is_given_up() {
    // RWS-07: who is in the midst of a message can't say that it is there.
    let times = (Duration::from_millis(100), Duration::from_millis(100));
    let server = Server::start(LiveOptions::new().heartbeat(times.0, times.1)).await;
    let mut raw = Raw::connect(&server).await;
    raw.send(&frame(TEXT, b"{")).await;
    let ended = async {
        loop {
            if raw.0.write_all(&frame(0, b"")).await.is_err() {
                return;
            }
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, ended).await.expect("it is cut off");
    server.until(0).await;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn noise_never_breaks_the_server(noise in prop::collection::vec(any::<u8>(), 1..400)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let server = Server::start(LiveOptions::new().max_payload(100)).await;
            let mut raw = Raw::connect(&server).await;
            let _ = raw.0.write_all(&noise).await;
            let _ = raw.0.shutdown().await;
            while raw.frame().await.is_some() {}
            Raw::connect(&server).await.works().await;
            server.until(0).await;
        });
    }
}
