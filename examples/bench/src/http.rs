//! As much of an HTTP/1.1 client as a benchmark needs, and no more: answers with a `content-length`, over kept-open
//! connections.

use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::{SocketAddr, TcpStream as BlockingStream};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An answer's head: its status, and where in the buffer the body lies.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Head {
    status: u16,
    body: usize,
    end: usize,
}

/// Reads the head of an answer; `None` when more bytes are needed.
fn head(bytes: &[u8]) -> Result<Option<Head>> {
    let bad = |what| Error::new(ErrorKind::InvalidData, what);
    let mut lines = 0;
    let mut status: u16 = 0;
    let mut length: Option<usize> = None;
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        let Some(text) = line.strip_suffix(b"\r\n") else { return Ok(None) };
        let start = lines;
        lines += line.len();
        if start == 0 {
            let digits = text.get(9..12).and_then(|digits| std::str::from_utf8(digits).ok());
            status = digits.and_then(|digits| digits.parse().ok()).ok_or_else(|| bad("no status line"))?;
        } else if text.is_empty() {
            let length = length.ok_or_else(|| bad("an answer without content-length"))?;
            return Ok(Some(Head { status, body: lines, end: lines + length }));
        } else if text.len() > 15 && text[..15].eq_ignore_ascii_case(b"content-length:") {
            let number = std::str::from_utf8(&text[15..]).ok().and_then(|number| number.trim().parse().ok());
            length = number;
        }
    }
    Ok(None)
}

/// A kept-open connection that sends one request at a time.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    answer: Vec<u8>,
}

impl Connection {
    /// Connects to a server.
    ///
    /// # Errors
    /// If it can't be reached.
    pub async fn open(server: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(server).await?;
        stream.set_nodelay(true)?;
        Ok(Connection { stream, answer: Vec::with_capacity(16 * 1024) })
    }

    /// Sends a whole request and waits for the whole answer: its status and body.
    ///
    /// # Errors
    /// If the connection breaks, or the answer is no HTTP with a `content-length`.
    pub async fn send(&mut self, request: &[u8]) -> Result<(u16, &[u8])> {
        self.stream.write_all(request).await?;
        self.answer.clear();
        let head = loop {
            self.more().await?;
            if let Some(head) = head(&self.answer)? {
                break head;
            }
        };
        while self.answer.len() < head.end {
            self.more().await?;
        }
        Ok((head.status, &self.answer[head.body..head.end]))
    }

    async fn more(&mut self) -> Result<()> {
        match self.stream.read_buf(&mut self.answer).await? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

/// One request on a connection of its own, without a runtime: the answer's status and body.
///
/// # Errors
/// If the server can't be reached or its answer can't be read.
pub fn once(server: SocketAddr, method: &str, target: &str, body: &str) -> Result<(u16, String)> {
    let mut stream = BlockingStream::connect(server)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut request = Vec::new();
    write_request(&mut request, method, target, body);
    stream.write_all(&request)?;
    let (mut answer, mut chunk) = (Vec::new(), [0; 4096]);
    let mut found = None;
    while found.is_none_or(|head: Head| answer.len() < head.end) {
        match stream.read(&mut chunk)? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            n => answer.extend_from_slice(&chunk[..n]),
        }
        found = head(&answer)?;
    }
    let head = found.ok_or(ErrorKind::InvalidData)?;
    Ok((head.status, String::from_utf8_lossy(&answer[head.body..head.end]).into_owned()))
}

/// Appends a request to the buffer.
pub fn write_request(out: &mut Vec<u8>, method: &str, target: &str, body: &str) {
    // Writing to a vector can't fail.
    let _ = write!(out, "{method} {target} HTTP/1.1\r\nhost: localhost\r\n");
    if !body.is_empty() {
        let _ = write!(out, "content-type: application/json\r\ncontent-length: {}\r\n", body.len());
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(body.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_as_soon_as_it_is_whole() {
        let answer = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\nx: y\r\n\r\n{}";
        assert_eq!(head(answer).unwrap(), Some(Head { status: 201, body: 49, end: 51 }));
        for cut in 0..49 {
            assert_eq!(head(&answer[..cut]).unwrap(), None, "cut at {cut}");
        }
    }

    #[test]
    fn an_answer_of_unknown_length_is_refused() {
        assert!(head(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").is_err());
    }
}
