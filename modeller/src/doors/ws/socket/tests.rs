//! A client whose other end is in the same program.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{
    AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream, ReadBuf, duplex,
};
use tokio::sync::Semaphore;

use super::*;
use crate::doors::ws::wire::Wire;
use crate::engine::{Clock, Engine, Identity};
use crate::live::{Held, Live, LiveOptions, Outbox};
use crate::registry::Registry;
use crate::store::sqlite::{Sqlite, SqliteOptions};

/// Longer than a busy machine takes, and shorter than what would bring by itself what is waited for.
const PATIENCE: Duration = Duration::from_secs(25);

/// Answers when it is let.
struct Slow {
    live: Arc<Live>,
    wire: Arc<Wire>,
    gate: Arc<Semaphore>,
}

impl Slow {
    fn new(options: LiveOptions) -> Arc<Self> {
        let store = Arc::new(Sqlite::open(SqliteOptions::memory().readers(1)).unwrap());
        let live = Live::new(Engine::new(Registry::default(), store, Clock::system()), options);
        let connection = live.connections().open("ws", None, Identity::Anonymous).unwrap();
        let wire = Wire::new(Outbox::new(connection), None);
        Arc::new(Slow { live, wire, gate: Arc::new(Semaphore::new(0)) })
    }
}

impl Speech for Slow {
    fn live(&self) -> &Live {
        &self.live
    }

    fn wire(&self) -> &Arc<Wire> {
        &self.wire
    }

    fn max_message(&self) -> usize {
        1_000
    }

    fn greeting(&self) -> Option<Bytes> {
        None
    }

    fn ping(&self) -> Bytes {
        frame::text(&[b"ping"])
    }

    fn shutdown(&self, _grace: Duration) -> Bytes {
        frame::text(&[b"shutdown"])
    }

    fn hear(self: Arc<Self>, text: &str, _: Vec<Held>, work: &mut JoinSet<usize>) -> bool {
        if text == "pong" {
            return true;
        }
        work.spawn(async move {
            drop(self.gate.acquire().await);
            self.wire.outbox().reply(frame::text(&[b"done"]));
            4
        });
        false
    }

    fn hear_pong(&self) -> bool {
        false
    }

    fn leave(&self) {}

    fn close(&self) {
        self.wire.outbox().close();
    }
}

/// Keeps what is written until it is flushed, as TLS does.
struct Keeping {
    inner: DuplexStream,
    kept: Vec<u8>,
}

impl AsyncRead for Keeping {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

impl AsyncWrite for Keeping {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.kept.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Keeping { inner, kept } = &mut *self;
        while !kept.is_empty() {
            let written = ready!(Pin::new(&mut *inner).poll_write(context, kept))?;
            kept.drain(..written);
        }
        Pin::new(inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_flush(context))?;
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

/// A message of a client: masked, with zeros.
fn said(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).unwrap();
    [&[0x81, 0x80 | length, 0, 0, 0, 0], text.as_bytes()].concat()
}

/// The next message to the client; that of the end as its code and reason.
async fn heard(client: &mut (impl AsyncRead + Unpin)) -> String {
    let heard = async {
        let (first, length) = (client.read_u8().await.unwrap(), client.read_u8().await.unwrap());
        let mut payload = vec![0; length.into()];
        client.read_exact(&mut payload).await.unwrap();
        let code = (first & 0xf == 8).then(|| format!("{} ", u16::from_be_bytes([payload[0], payload[1]])));
        let text = if code.is_some() { &payload[2..] } else { &payload };
        code.unwrap_or_default() + std::str::from_utf8(text).unwrap()
    };
    timeout(PATIENCE, heard).await.expect("something comes")
}

/// Serves a client, whose end this is.
fn client(slow: &Arc<Slow>) -> DuplexStream {
    let (client, server) = duplex(1_000);
    tokio::spawn(serve(slow.clone(), Pipe::over(server)));
    client
}

/// A client that was asked whether it is there while as many of its requests are under way as are taken at first.
async fn busy(interval: Duration, patience: Duration) -> (Arc<Slow>, DuplexStream) {
    let slow = Slow::new(LiveOptions::new().heartbeat(interval, patience));
    let mut client = client(&slow);
    for _ in 0..8 {
        client.write_all(&said("work")).await.unwrap();
    }
    assert_eq!(heard(&mut client).await, "ping");
    (slow, client)
}

#[tokio::test]
async fn who_can_t_be_heard_while_its_requests_are_under_way_is_not_taken_for_dead() {
    // RWS-07, OPS-02
    let patience = Duration::from_secs(3);
    let (slow, mut client) = busy(Duration::from_millis(300), patience).await;
    client.write_all(&said("pong")).await.unwrap();
    let early = timeout(2 * patience, client.read_u8()).await;
    assert!(early.is_err(), "{early:?} was said while nothing was done");
    slow.gate.add_permits(8);
    for _ in 0..8 {
        assert_eq!(heard(&mut client).await, "done");
    }
    // It has answered.
    assert_eq!(heard(&mut client).await, "ping");
}

#[tokio::test]
async fn who_is_not_there_when_its_requests_are_done_is_taken_for_dead() {
    // RWS-07, OPS-02
    let (slow, mut client) = busy(Duration::from_millis(100), Duration::from_millis(300)).await;
    slow.gate.add_permits(8);
    for _ in 0..8 {
        assert_eq!(heard(&mut client).await, "done");
    }
    assert_eq!(heard(&mut client).await, "4001 heartbeat_timeout");
}

#[tokio::test]
async fn who_is_let_in_just_before_the_server_stops_is_told_so() {
    // OPS-05, RWS-08
    let slow = Slow::new(LiveOptions::new());
    let connections = slow.live.connections().clone();
    // While the connection is upgraded.
    let stopping = tokio::spawn(async move { connections.stop(Duration::ZERO).await });
    let mut phase = slow.live.connections().ending();
    phase.wait_for(|phase| *phase == Phase::Closed).await.unwrap();
    let mut client = client(&slow);
    assert_eq!(heard(&mut client).await, "shutdown");
    assert_eq!(heard(&mut client).await, "1000 server_shutdown");
    drop((client, slow));
    stopping.await.unwrap();
}

#[tokio::test]
async fn what_is_said_goes_on_its_way_at_once_over_a_stream_that_keeps_what_is_written() {
    // RWS-04, RWS-06
    let slow = Slow::new(LiveOptions::new());
    // It takes less at a time than is said.
    let (mut client, server) = duplex(8);
    tokio::spawn(serve(slow.clone(), Pipe::over(Keeping { inner: server, kept: Vec::new() })));
    slow.gate.add_permits(1);
    for _ in 0..3 {
        client.write_all(&said("work")).await.unwrap();
        assert_eq!(heard(&mut client).await, "done");
    }
    // So does what one of the writers has written.
    assert!(slow.wire.push(None, frame::text(&[b"something that many are told"])));
    crate::doors::writing::Waiting::flush(&slow.wire);
    assert_eq!(heard(&mut client).await, "something that many are told");
}
