//! A client's connection through one of the doors: raw WebSocket, Socket.IO, or server-sent events.

use std::io;
use std::net::SocketAddr;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value as Json, json};
use socket2::SockRef;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

use super::queries::Query;

/// What a client comes in by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    WebSocket,
    SocketIo,
    Events,
}

/// What a connection brings.
#[derive(Debug)]
pub enum Heard {
    /// What a subscription begins with: its number among those that were asked for, and its name.
    Begun(usize, String, Json),
    /// What a subscription is told later, by its name.
    Told(String, Json),
    /// What should not be.
    Wrong(String),
}

/// A connection.
pub struct Line {
    way: Way,
    /// What is asked for once the server is ready to be asked.
    requests: Vec<String>,
}

enum Way {
    WebSocket(Box<WebSocketStream<TcpStream>>),
    SocketIo(Box<WebSocketStream<TcpStream>>),
    Events(Events),
}

impl Line {
    /// Connects, and asks for these, each behind its position. A narrow line takes little at once.
    pub async fn open(
        door: Door,
        address: SocketAddr,
        is_narrow: bool,
        asked: &[(Query, Option<String>)],
    ) -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        if is_narrow {
            socket.set_recv_buffer_size(4 * 1024)?;
            // The server's part of the connection is as large as so many segments.
            SockRef::from(&socket).set_tcp_mss(536)?;
        }
        let stream = socket.connect(address).await?;
        stream.set_nodelay(true)?;
        let requests = match door {
            Door::WebSocket => asked.iter().enumerate().map(websocket_request).collect(),
            Door::SocketIo => asked.iter().enumerate().map(socketio_request).collect(),
            Door::Events => Vec::new(),
        };
        let way = match door {
            Door::WebSocket => Way::WebSocket(upgraded(stream, address, "/@ws").await?),
            Door::SocketIo => {
                Way::SocketIo(upgraded(stream, address, "/socket.io/?EIO=4&transport=websocket").await?)
            }
            Door::Events => Way::Events(Events::open(stream, &asked[0].0, asked[0].1.as_deref()).await?),
        };
        Ok(Line { way, requests })
    }

    /// The next thing it brings. It may be given up and asked again.
    pub async fn next(&mut self) -> io::Result<Heard> {
        loop {
            let heard = match &mut self.way {
                Way::WebSocket(socket) => {
                    let text = text(socket).await?;
                    let (heard, answers) = websocket(&text, &mut self.requests);
                    say(socket, answers).await?;
                    heard
                }
                Way::SocketIo(socket) => {
                    let text = text(socket).await?;
                    let (heard, answers) = socketio(&text, &mut self.requests);
                    say(socket, answers).await?;
                    heard
                }
                Way::Events(events) => Some(events.next().await?),
            };
            if let Some(heard) = heard {
                return Ok(heard);
            }
        }
    }
}

async fn upgraded(
    stream: TcpStream,
    address: SocketAddr,
    path: &str,
) -> io::Result<Box<WebSocketStream<TcpStream>>> {
    let (socket, _) =
        client_async(format!("ws://{address}{path}"), stream).await.map_err(io::Error::other)?;
    Ok(Box::new(socket))
}

async fn text(socket: &mut WebSocketStream<TcpStream>) -> io::Result<String> {
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => return Ok(text.as_str().to_owned()),
            Some(Ok(Message::Close(_))) | None => return Err(io::ErrorKind::UnexpectedEof.into()),
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(io::Error::other(error)),
        }
    }
}

async fn say(socket: &mut WebSocketStream<TcpStream>, texts: Vec<String>) -> io::Result<()> {
    for text in texts {
        socket.send(Message::text(text)).await.map_err(io::Error::other)?;
    }
    Ok(())
}

fn websocket_request((number, (query, position)): (usize, &(Query, Option<String>))) -> String {
    let mut request = query.members();
    match query {
        Query::Documents { model, .. } => {
            request["bucket"] = json!(model);
            request["filter"] = request["query"].take();
            request.as_object_mut().expect("an object").remove("query");
            if let Some(position) = position {
                request["position"] = json!(position);
            }
        }
        Query::Sums(group) => {
            request = json!({ "bucket": "depot/items", "query": "sums", "params": { "group": group } });
        }
    }
    request["id"] = json!(number);
    request["type"] = json!("store.subscribe");
    request.to_string()
}

fn websocket(text: &str, requests: &mut Vec<String>) -> (Option<Heard>, Vec<String>) {
    let mut told: Json = serde_json::from_str(text).unwrap_or_default();
    let kind = told["type"].as_str().unwrap_or_default().to_owned();
    let name = |json: &Json| json["subscriptionId"].as_str().unwrap_or_default().to_owned();
    let heard = match kind.as_str() {
        "welcome" => return (None, std::mem::take(requests)),
        "ping" => return (None, vec![json!({ "type": "pong", "timestamp": told["timestamp"] }).to_string()]),
        "system" => return (None, Vec::new()),
        "result" => {
            let number = told["id"].as_u64().unwrap_or_default() as usize;
            Heard::Begun(number, name(&told["data"]), told["data"]["data"].take())
        }
        "push" if told["channel"] == "subscription" => Heard::Told(name(&told), told["data"].take()),
        _ => Heard::Wrong(text.to_owned()),
    };
    (Some(heard), Vec::new())
}

fn socketio_request((number, (query, position)): (usize, &(Query, Option<String>))) -> String {
    let mut argument = query.members();
    match query {
        Query::Documents { model, .. } => {
            argument["model"] = json!(model);
            if let Some(position) = position {
                argument["from"] = json!(position);
            }
        }
        Query::Sums(group) => {
            argument = json!({ "model": "depot/items", "operation": "sums", "data": { "group": group } });
        }
    }
    format!("42{number}{}", json!(["live", argument]))
}

/// Packets of Engine.IO 4 with those of Socket.IO 5 in them.
fn socketio(text: &str, requests: &mut Vec<String>) -> (Option<Heard>, Vec<String>) {
    let json = |text: &str| serde_json::from_str::<Json>(text).unwrap_or_default();
    let wrong = || (Some(Heard::Wrong(text.to_owned())), Vec::new());
    if text == "2" {
        return (None, vec!["3".to_owned()]);
    }
    if text.starts_with('0') {
        return (None, vec!["40".to_owned()]);
    }
    if text.starts_with("40") {
        return (None, std::mem::take(requests));
    }
    if let Some(rest) = text.strip_prefix("43") {
        let Some(at) = rest.find('[') else { return wrong() };
        let mut answer = json(&rest[at..])[0]["data"].take();
        let (Ok(number), Some(name)) = (rest[..at].parse(), answer["id"].as_str().map(str::to_owned)) else {
            return wrong();
        };
        return (Some(Heard::Begun(number, name, body(&mut answer))), Vec::new());
    }
    let Some(mut event) = text.strip_prefix("42").map(json) else { return wrong() };
    match (event[0].as_str(), event[1]["id"].as_str().map(str::to_owned)) {
        (Some("live"), Some(name)) => (Some(Heard::Told(name, body(&mut event[1]))), Vec::new()),
        (Some("shutdown"), _) => (None, Vec::new()),
        _ => wrong(),
    }
}

/// The answer of a query by name is in `data`; everything else is itself.
fn body(json: &mut Json) -> Json {
    if json["data"].is_null() { json.take() } else { json["data"].take() }
}

/// Server-sent events over HTTP/1.1: pieces of a body, and events in them.
struct Events {
    stream: TcpStream,
    bytes: Vec<u8>,
    text: Vec<u8>,
    is_open: bool,
    has_begun: bool,
}

impl Events {
    async fn open(mut stream: TcpStream, query: &Query, position: Option<&str>) -> io::Result<Self> {
        let Query::Documents { model, filter, window, fields } = query else {
            return Err(io::Error::other("there are no events of queries by name"));
        };
        let mut path = format!("/{model}/live?query={}", encoded(&filter.to_string()));
        if let Some(window) = window {
            path += &format!("&sort={}&start={}&count={}", window.sort, window.start, window.count);
        }
        if let Some(fields) = fields {
            path += &format!("&fields={fields}");
        }
        let position = position.map(|position| format!("Last-Event-ID: {position}\r\n")).unwrap_or_default();
        let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{position}\r\n");
        stream.write_all(head.as_bytes()).await?;
        let events = Events { stream, bytes: Vec::new(), text: Vec::new(), is_open: false, has_begun: false };
        Ok(events)
    }

    async fn next(&mut self) -> io::Result<Heard> {
        loop {
            self.unpack()?;
            if let Some(end) = self.text.windows(2).position(|two| two == b"\n\n") {
                let event: Vec<u8> = self.text.drain(..end + 2).collect();
                if let Some(heard) = self.event(&String::from_utf8_lossy(&event)) {
                    return Ok(heard);
                }
                continue;
            }
            if self.stream.read_buf(&mut self.bytes).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Takes the head, and the pieces of the body, out of what has come.
    fn unpack(&mut self) -> io::Result<()> {
        if !self.is_open {
            let Some(end) = find(&self.bytes, b"\r\n\r\n") else { return Ok(()) };
            let head = String::from_utf8_lossy(&self.bytes[..end]).into_owned();
            if !head.starts_with("HTTP/1.1 200 ") || !head.to_ascii_lowercase().contains("chunked") {
                let told = String::from_utf8_lossy(&self.bytes).into_owned();
                return Err(io::Error::new(io::ErrorKind::InvalidData, told));
            }
            self.bytes.drain(..end + 4);
            self.is_open = true;
        }
        while let Some(end) = find(&self.bytes, b"\r\n") {
            let size = String::from_utf8_lossy(&self.bytes[..end]).into_owned();
            let size = usize::from_str_radix(&size, 16).map_err(io::Error::other)?;
            if self.bytes.len() < end + size + 4 {
                break;
            }
            self.text.extend_from_slice(&self.bytes[end + 2..end + 2 + size]);
            self.bytes.drain(..end + size + 4);
        }
        Ok(())
    }

    fn event(&mut self, text: &str) -> Option<Heard> {
        let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
        let data: Json = serde_json::from_str(field("data: ")?).unwrap_or_default();
        let kind = if data["changes"].is_array() { "changes" } else { "documents" };
        if field("id: ") != data["position"].as_str() || field("event: ") != Some(kind) {
            return Some(Heard::Wrong(text.to_owned()));
        }
        let name = String::new();
        Some(match std::mem::replace(&mut self.has_begun, true) {
            false => Heard::Begun(0, name, data),
            true => Heard::Told(name, data),
        })
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

/// As part of a URL.
fn encoded(text: &str) -> String {
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes()
        .map(|byte| if safe(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
