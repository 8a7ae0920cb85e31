//! Clients that listen and count, with as little as possible of their own: the server shares the machine with them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use modeller_bench::Result;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// What they speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// Engine.IO and Socket.IO in WebSocket frames.
    SocketIo,
    /// JSON in WebSocket frames.
    Plain,
    /// As `Plain`, with nothing before it.
    Raw,
}

/// What is in each thing that is told. A message may tell of several.
const MARK: &str = "the keys?";

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Default)]
struct Count {
    told: AtomicUsize,
    wanted: AtomicUsize,
    reached: Notify,
}

/// All of them; they go when this is dropped.
pub struct Clients {
    count: Arc<Count>,
    _tasks: JoinSet<()>,
}

impl Clients {
    /// Connects so many, and waits until each may be told something.
    pub async fn connect(
        address: SocketAddr,
        path: &str,
        wire: Wire,
        asks: &'static str,
        clients: usize,
    ) -> Result<Self> {
        let (count, mut tasks) = (Arc::<Count>::default(), JoinSet::new());
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        for _ in 0..clients {
            let client = timeout(PATIENCE, Client::open(address, &request, wire, asks)).await??;
            tasks.spawn(client.listen(Arc::clone(&count)));
        }
        Ok(Clients { count, _tasks: tasks })
    }

    /// Waits until all of them together were told so many things.
    pub async fn wait_for(&self, things: usize) -> Result<()> {
        self.count.wanted.store(things, Ordering::SeqCst);
        let all = async {
            while self.count.told.load(Ordering::SeqCst) < things {
                self.count.reached.notified().await;
            }
        };
        let told = || self.count.told.load(Ordering::SeqCst);
        timeout(PATIENCE, all).await.map_err(|_| format!("{} of {things} were told", told()))?;
        if told() > things { Err(format!("{} instead of {things} were told", told()).into()) } else { Ok(()) }
    }
}

struct Client {
    stream: TcpStream,
    wire: Wire,
    read: Vec<u8>,
}

impl Client {
    async fn open(address: SocketAddr, request: &str, wire: Wire, asks: &str) -> Result<Self> {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut read = Vec::with_capacity(4 * 1024);
        while !read.windows(4).any(|end| end == b"\r\n\r\n") {
            if stream.read_buf(&mut read).await? == 0 {
                return Err("no upgrade".into());
            }
        }
        if !read.starts_with(b"HTTP/1.1 101") {
            return Err(String::from_utf8_lossy(&read).into());
        }
        let end = read.windows(4).position(|end| end == b"\r\n\r\n").unwrap_or_default();
        read.drain(..end + 4);
        let mut client = Client { stream, wire, read };
        match wire {
            Wire::SocketIo => {
                client.expect("0{").await?;
                client.say("40").await?;
                client.expect("40").await?;
            }
            Wire::Plain | Wire::Raw => {}
        }
        if !asks.is_empty() {
            client.say(asks).await?;
            client
                .expect(if wire == Wire::SocketIo {
                    "430[{\"data\""
                } else {
                    "{\"id\":1,\"type\":\"result\""
                })
                .await?;
        }
        Ok(client)
    }

    /// Waits for a message that begins like this.
    async fn expect(&mut self, start: &str) -> Result<()> {
        loop {
            while let Some((message, end)) = message(&self.read) {
                let (is_it, text) =
                    (message.starts_with(start.as_bytes()), String::from_utf8_lossy(message).into_owned());
                self.read.drain(..end);
                if self.wire == Wire::SocketIo && text == "2" {
                    // The first heartbeat comes at once, and who leaves it unanswered is cut off.
                    self.say("3").await?;
                }
                if is_it {
                    return Ok(());
                }
                if text.contains("error") {
                    return Err(text.into());
                }
            }
            if self.stream.read_buf(&mut self.read).await? == 0 {
                return Err("the server has gone".into());
            }
        }
    }

    async fn say(&mut self, text: &str) -> Result<()> {
        // Masked with nothing.
        let length = u8::try_from(text.len()).map_err(|_| "too long")?;
        let mut frame = vec![0x81];
        if length < 126 {
            frame.push(0x80 | length)
        } else {
            frame.extend([0x80 | 126, 0, length])
        }
        frame.extend([0; 4]);
        frame.extend(text.as_bytes());
        Ok(self.stream.write_all(&frame).await?)
    }

    async fn listen(mut self, count: Arc<Count>) {
        loop {
            let (mut at, mut told, mut pinged) = (0, 0, None);
            while let Some((message, end)) = message(&self.read[at..]) {
                match self.wire {
                    Wire::SocketIo if message == b"2" => pinged = Some("3"),
                    Wire::Plain if message.starts_with(b"{\"type\":\"ping\"") => {
                        pinged = Some("{\"type\":\"pong\",\"timestamp\":0}");
                    }
                    _ => told += std::str::from_utf8(message).map_or(0, |text| text.matches(MARK).count()),
                }
                at += end;
            }
            self.read.drain(..at);
            if told > 0 {
                let now = count.told.fetch_add(told, Ordering::SeqCst) + told;
                if now >= count.wanted.load(Ordering::SeqCst) {
                    count.reached.notify_one();
                }
            }
            if let Some(pong) = pinged
                && self.say(pong).await.is_err()
            {
                return;
            }
            if !matches!(self.stream.read_buf(&mut self.read).await, Ok(1..)) {
                return;
            }
        }
    }
}

/// The first message that is all there, and where it ends. Servers do not cut theirs into pieces.
fn message(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let (start, length) = match *bytes {
        [_, 126, high, low, ..] => (4, usize::from(u16::from_be_bytes([high, low]))),
        [_, 127, ..] => (10, u64::from_be_bytes(*bytes.get(2..10)?.first_chunk()?) as usize),
        [_, length, ..] => (2, usize::from(length)),
        _ => return None,
    };
    Some((bytes.get(start..start + length)?, start + length))
}
