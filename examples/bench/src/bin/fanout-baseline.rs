//! What fan-out is compared with: rooms of bare socketioxide, WebSockets of axum that each listen to a broadcast channel of tokio, as
//! axum's own examples have it, and as the floor a loop that writes bytes that are ready to sockets.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::{get, post};
use modeller_bench::Result;
use modeller_bench::options::Options;
use serde_json::{Value as Json, json};
use socketioxide::SocketIo;
use socketioxide::extract::SocketRef;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;

const TEXT: &str = "Has somebody seen the keys? They were on the table this morning.";
const UPGRADED: &[u8] =
    b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n";

#[derive(Clone)]
struct Server {
    io: SocketIo,
    said: broadcast::Sender<Utf8Bytes>,
    raw: Arc<Mutex<Vec<TcpStream>>>,
    raw_port: u16,
}

/// How often something is to be said: `{"count": 16}`.
fn times(body: &[u8]) -> u32 {
    let body: Json = serde_json::from_slice(body).unwrap_or_default();
    body["count"].as_u64().and_then(|count| count.try_into().ok()).unwrap_or_default()
}

async fn publish(State(server): State<Server>, body: Bytes) -> String {
    for number in 0..times(&body) {
        let data =
            json!({ "id": "0123456789abcdef0123456789abcdef", "data": { "number": number, "text": TEXT } });
        if let Err(error) = server.io.to("a").emit("publish", &data).await {
            return error.to_string();
        }
    }
    String::new()
}

async fn broadcast(State(server): State<Server>, body: Bytes) -> String {
    for number in 0..times(&body) {
        // Nobody may listen yet.
        let _ = server.said.send(envelope(number).into());
    }
    String::new()
}

/// What a client of a channel is told.
fn envelope(number: u32) -> String {
    json!({ "type": "push", "channel": "channel", "data": {
        "type": "broadcast", "event": "said", "payload": { "number": number, "text": TEXT },
        "meta": {
            "channel": "a", "message_id": "01234567-89ab-cdef-0123-456789abcdef", "sender_type": "system",
            "timestamp": "2026-09-21T14:13:20.123Z"
        }
    } })
    .to_string()
}

async fn raw(State(server): State<Server>, body: Bytes) -> String {
    for number in 0..times(&body) {
        let text = envelope(number);
        let mut frame = vec![0x81, 126];
        frame.extend_from_slice(&(text.len() as u16).to_be_bytes());
        frame.extend_from_slice(text.as_bytes());
        let sockets = server.raw.lock().unwrap_or_else(PoisonError::into_inner);
        for socket in sockets.iter() {
            if !matches!(socket.try_write(&frame), Ok(written) if written == frame.len()) {
                return "a socket is full".into();
            }
        }
    }
    String::new()
}

async fn upgrade(State(server): State<Server>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(move |socket| tell(socket, server.said.subscribe()))
}

async fn tell(mut socket: WebSocket, mut said: broadcast::Receiver<Utf8Bytes>) {
    loop {
        tokio::select! {
            said = said.recv() => {
                let Ok(said) = said else { return };
                if socket.send(Message::Text(said)).await.is_err() {
                    return;
                }
            }
            received = socket.recv() => if !matches!(received, Some(Ok(_))) { return },
        }
    }
}

/// Takes whoever connects in, without looking.
async fn accept(listener: TcpListener, sockets: Arc<Mutex<Vec<TcpStream>>>) {
    while let Ok((mut socket, _)) = listener.accept().await {
        let mut request = [0; 1024];
        if socket.set_nodelay(true).is_ok()
            && socket.read(&mut request).await.is_ok()
            && socket.write_all(UPGRADED).await.is_ok()
        {
            sockets.lock().unwrap_or_else(PoisonError::into_inner).push(socket);
        }
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let options = Options::from_args(&[("--port", "N", "where to listen")]);
    let (layer, io) = SocketIo::builder().max_buffer_size(4096).build_layer();
    io.ns("/", async |socket: SocketRef| socket.join("a"));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let (raw_port, sockets) = (listener.local_addr()?.port(), Arc::default());
    tokio::spawn(accept(listener, Arc::clone(&sockets)));
    let server = Server { io, said: broadcast::channel(4096).0, raw: sockets, raw_port };
    let router = Router::new()
        .route("/@health", get(async || ""))
        .route("/publish", post(publish))
        .route("/broadcast", post(broadcast))
        .route("/raw", post(raw))
        .route("/raw-port", get(async |State(server): State<Server>| server.raw_port.to_string()))
        .route("/ws", get(upgrade))
        .with_state(server)
        .layer(layer);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.value("--port", 3031))).await?;
    Ok(axum::serve(
        axum::serve::ListenerExt::tap_io(listener, |socket| {
            // As modeller has it.
            let _ = socket.set_nodelay(true);
        }),
        router,
    )
    .await?)
}
