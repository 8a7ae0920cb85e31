//! Calls over HTTP from somebody who bears it when the server goes away in the midst of one.

use std::io;
use std::time::Duration;

use serde_json::Value as Json;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::server::Address;

/// The server answers everything within this, or is broken.
const PATIENCE: Duration = Duration::from_secs(60);

/// A connection that is made when it is needed.
pub struct Caller {
    address: Address,
    stream: Option<BufReader<TcpStream>>,
}

/// Waits until the server is somewhere.
pub async fn connect(address: &mut Address) -> io::Result<TcpStream> {
    let there = *address.wait_for(Option::is_some).await.map_err(io::Error::other)?;
    let Some(there) = there else { return Err(io::ErrorKind::NotConnected.into()) };
    let stream = TcpStream::connect(there).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

impl Caller {
    pub fn new(address: Address) -> Self {
        Caller { address, stream: None }
    }

    /// Asks once. An error is one of the connection: nobody knows what has become of the call.
    pub async fn try_ask(&mut self, method: &str, path: &str, body: &Json) -> io::Result<(u16, Json)> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => BufReader::new(connect(&mut self.address).await?),
        };
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n",
            body.len()
        );
        stream.get_mut().write_all(&[head.as_bytes(), body.as_bytes()].concat()).await?;
        let answer = timeout(PATIENCE, answer(&mut stream)).await.expect("every call is answered")?;
        self.stream = Some(stream);
        Ok(answer)
    }

    /// Asks a server that stays where it is.
    pub async fn ask(&mut self, method: &str, path: &str, body: &Json) -> Json {
        // The connection may be to a server that was killed.
        for _ in 0..2 {
            if let Ok((status, answer)) = self.try_ask(method, path, body).await {
                assert!(status < 300, "{method} {path} {body}: {status} {answer}");
                return answer;
            }
        }
        panic!("{method} {path}: no answer")
    }
}

async fn answer(stream: &mut BufReader<TcpStream>) -> io::Result<(u16, Json)> {
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or(io::ErrorKind::UnexpectedEof)?;
    let (mut length, mut is_chunked) = (0, false);
    loop {
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let Some((name, value)) = line.split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().map_err(io::Error::other)?,
            "transfer-encoding" => is_chunked = true,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    while is_chunked {
        line.clear();
        stream.read_line(&mut line).await?;
        let size = usize::from_str_radix(line.trim(), 16).map_err(io::Error::other)?;
        let begun = body.len();
        body.resize(begun + size + 2, 0);
        stream.read_exact(&mut body[begun..]).await?;
        body.truncate(begun + size);
        is_chunked = size > 0;
    }
    Ok((status, serde_json::from_slice(&body)?))
}
