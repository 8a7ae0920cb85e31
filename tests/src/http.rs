//! A small HTTP client over a raw connection: it sends exactly what it is told to, malformed or not.
//!
//! It panics where a test should fail: when the connection breaks, or nothing comes for long.

use std::fmt::Write as _;
use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longer than a busy machine takes, and shorter than the half a minute after which servers close what is idle.
const PATIENCE: Duration = Duration::from_secs(25);

/// What the server answered.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Names (in lower case) and values, in the order in which they came.
    pub headers: Vec<(String, String)>,
    /// The body, without the chunks it may have come in.
    pub body: Vec<u8>,
}

impl Answer {
    /// The first header of this name (in lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// If it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| {
            panic!("the body is not JSON ({error}): {}", String::from_utf8_lossy(&self.body))
        })
    }

    /// The `code` of an error.
    ///
    /// # Panics
    /// If the body is no error.
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_else(|| panic!("no code in {self:?}")).to_owned()
    }
}

/// One connection to a server.
pub struct Client {
    stream: BufReader<TcpStream>,
    host: String,
}

impl Client {
    /// Connects.
    ///
    /// # Panics
    /// If nobody listens there.
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("the server listens");
        stream.set_nodelay(true).expect("a new stream can be set up");
        Client { stream: BufReader::new(stream), host: address.to_string() }
    }

    /// GET.
    pub async fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, &[], b"").await
    }

    /// POST with a JSON body.
    pub async fn post(&mut self, path: &str, body: &Value) -> Answer {
        self.json("POST", path, body).await
    }

    /// PUT with a JSON body.
    pub async fn put(&mut self, path: &str, body: &Value) -> Answer {
        self.json("PUT", path, body).await
    }

    /// DELETE.
    pub async fn delete(&mut self, path: &str) -> Answer {
        self.send("DELETE", path, &[], b"").await
    }

    /// Any method with a JSON body.
    pub async fn json(&mut self, method: &str, path: &str, body: &Value) -> Answer {
        let body = body.to_string();
        self.send(method, path, &[("Content-Type", "application/json")], body.as_bytes()).await
    }

    /// A request with `Host`, `Content-Length` (if there is a body) and these headers.
    pub async fn send(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n", self.host);
        for (name, value) in headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        if !body.is_empty() {
            let _ = write!(head, "Content-Length: {}\r\n", body.len());
        }
        head.push_str("\r\n");
        self.write(&[head.as_bytes(), body].concat()).await;
        self.answer(method).await
    }

    /// Sends bytes as they are.
    pub async fn write(&mut self, bytes: &[u8]) {
        within(self.stream.write_all(bytes)).await.expect("the connection takes bytes");
    }

    /// Sends bytes as they are, whether or not anybody takes them.
    pub async fn try_write(&mut self, bytes: &[u8]) -> bool {
        within(self.stream.write_all(bytes)).await.is_ok()
    }

    /// Sends bytes as they are and reads one answer.
    pub async fn raw(&mut self, bytes: &[u8]) -> Answer {
        self.write(bytes).await;
        self.answer("GET").await
    }

    /// Reads the answer to a request with this method.
    ///
    /// # Panics
    /// If the connection ends before the answer does.
    pub async fn answer(&mut self, method: &str) -> Answer {
        let status_line = self.line().await;
        let status = status_line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.unwrap_or_else(|| panic!("no status line: {status_line:?}"));
        let mut headers = Vec::new();
        loop {
            let line = self.line().await;
            let Some((name, value)) = line.split_once(':') else { break };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut answer = Answer { status, headers, body: Vec::new() };
        if method != "HEAD" && status >= 200 {
            answer.body = self.body(&answer).await;
        }
        answer
    }

    async fn body(&mut self, answer: &Answer) -> Vec<u8> {
        let mut body = Vec::new();
        if answer.header("transfer-encoding").is_some() {
            loop {
                let size = usize::from_str_radix(&self.line().await, 16).expect("a chunk has a size");
                let mut chunk = vec![0; size];
                within(self.stream.read_exact(&mut chunk)).await.expect("a chunk is complete");
                body.extend_from_slice(&chunk);
                self.line().await;
                if size == 0 {
                    return body;
                }
            }
        }
        let length = answer.header("content-length").map_or(0, |length| length.parse().expect("a length"));
        body.resize(length, 0);
        within(self.stream.read_exact(&mut body)).await.expect("the body is complete");
        body
    }

    async fn line(&mut self) -> String {
        let mut line = String::new();
        within(self.stream.read_line(&mut line)).await.expect("the answer is text");
        assert!(line.ends_with('\n'), "the connection ended within {line:?}");
        line.trim_end().to_owned()
    }

    /// Whether the server has closed the connection, or closes it now.
    pub async fn is_closed(&mut self) -> bool {
        let mut byte = [0];
        matches!(within(self.stream.read(&mut byte)).await, Ok(0) | Err(_))
    }
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.expect("the server answers in time")
}
