//! A wire whose other end is in memory, and a transport that is played by hand.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::time::{sleep, timeout};

use super::super::stream::Stream;
use super::*;
use crate::engine::{Clock, Engine, Identity};
use crate::live::{Live, LiveOptions};
use crate::registry::Registry;
use crate::store::sqlite::{Sqlite, SqliteOptions};

type Transport = Stream<Box<dyn FnMut() -> Option<Arc<Outbox>> + Send>>;

struct There {
    wire: Arc<Wire>,
    outbox: Arc<Outbox>,
    transport: Transport,
    client: DuplexStream,
    _live: Arc<Live>,
}

/// A connection that takes so many bytes before its client has to read.
fn there(form: Form, room: usize) -> There {
    let store = Arc::new(Sqlite::open(SqliteOptions::memory().readers(1)).unwrap());
    let engine = Engine::new(Registry::default(), store, Clock::system());
    let live = Live::new(engine, LiveOptions::new().backpressure(1_000, 0.8));
    let connection = live.connections().open("socketio", None, Identity::Anonymous).unwrap();
    let outbox = Arc::new(Outbox::new(connection, 1_000));
    let (server, client) = duplex(room);
    let wire = Wire::new(Pipe::over(server), Writers::new(), Mark::new(form));
    let known = outbox.clone();
    let transport = Stream::new(wire.clone(), Box::new(move || Some(known.clone())) as Box<_>);
    There { wire, outbox, transport, client, _live: live }
}

fn frame(text: &str) -> Bytes {
    packet::event_of("x", &[&format!("\"{text}\"")])
}

impl There {
    /// Sends something; `mark` is what becomes of the mark, if it is sent.
    fn give(&self, text: &str, mark: impl FnOnce() -> bool) -> Option<bool> {
        Some(self.wire.take_frame(&self.outbox, frame(text), |_| mark())?.is_ok())
    }

    fn give_past(&self, text: &str) -> Option<bool> {
        self.give(text, || panic!("the mark has been sent"))
    }

    async fn transport_writes(&mut self, frames: &[Bytes]) {
        self.transport.write_all(&frames.concat()).await.unwrap();
    }

    async fn client_reads(&mut self, texts: &[&str]) {
        for text in texts {
            let mut read = vec![0; frame(text).len()];
            timeout(Duration::from_secs(30), self.client.read_exact(&mut read)).await.unwrap().unwrap();
            assert_eq!(Bytes::from(read), frame(text), "{text}");
        }
    }

    async fn nothing_waits(&self) {
        timeout(Duration::from_secs(30), async {
            while self.outbox.connection().buffered() > 0 {
                sleep(Duration::from_millis(1)).await;
            }
        })
        .await
        .unwrap();
    }
}

#[tokio::test]
async fn what_the_transport_was_handed_before_is_not_overtaken() {
    for form in [Form::Text, Form::Packed] {
        let mut there = there(form, 10_000);
        let mark = there.wire.mark.frame.clone();
        there.transport_writes(&[frame("1")]).await;
        assert_eq!(there.give("3", || true), Some(true));
        assert_eq!(there.give_past("4"), Some(true));
        there.transport_writes(&[frame("2")]).await;
        there.client_reads(&["1", "2"]).await;
        assert_eq!(there.outbox.connection().buffered(), frame("3").len() * 2);
        there.transport_writes(&[mark, frame("5")]).await;
        assert_eq!(there.give_past("6"), Some(true));
        there.client_reads(&["3", "4", "5", "6"]).await;
        there.nothing_waits().await;
    }
}

#[tokio::test]
async fn nothing_is_held_behind_a_mark_that_was_not_sent() {
    let there = there(Form::Text, 10_000);
    assert_eq!(there.give("1", || false), None);
    assert_eq!(there.outbox.connection().buffered(), 0);
}

#[tokio::test]
async fn who_connects_anew_is_told_so_first() {
    let mut there = there(Form::Text, 10_000);
    let mark = there.wire.mark.frame.clone();
    assert_eq!(there.give("1", || true), Some(true));
    there.wire.connects();
    // The mark of before is still on its way.
    assert_eq!(there.give_past("3"), None);
    there.transport_writes(&[mark.clone(), frame("2")]).await;
    there.client_reads(&["1", "2"]).await;
    assert_eq!(there.give("4", || true), Some(true));
    there.transport_writes(&[frame("3"), mark.clone()]).await;
    there.client_reads(&["3", "4"]).await;
    // And once nothing goes through the transport.
    assert_eq!(there.give_past("5"), Some(true));
    there.wire.connects();
    assert_eq!(there.give("7", || true), Some(true));
    there.transport_writes(&[frame("6"), mark]).await;
    there.client_reads(&["5", "6", "7"]).await;
    there.nothing_waits().await;
}

#[tokio::test]
async fn who_reads_slowly_gets_all_of_it_in_order() {
    // OPS-03
    let mut there = there(Form::Text, 64);
    let mark = there.wire.mark.frame.clone();
    assert_eq!(there.give("begin", || true), Some(true));
    there.transport_writes(&[mark]).await;
    let texts: Vec<String> = (0..500).map(|number| format!("{number}")).collect();
    for text in &texts {
        assert_eq!(there.give_past(text), Some(true));
    }
    sleep(Duration::from_millis(20)).await;
    assert!(!there.outbox.has_room_to_push());
    there.client_reads(&["begin"]).await;
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    there.client_reads(&texts).await;
    there.nothing_waits().await;
    assert_eq!(there.give_past("again"), Some(true));
    there.client_reads(&["again"]).await;
}

#[tokio::test]
async fn what_waits_when_the_session_is_over_is_written_before_the_end() {
    let mut there = there(Form::Text, 16);
    there.transport_writes(&[frame("1"), frame("the end")]).await;
    let There { wire, outbox, transport, mut client, _live } = there;
    drop(transport);
    assert!(wire.take_frame(&outbox, frame("2"), |_| true).is_some_and(|taken| taken.is_err()));
    let mut read = Vec::new();
    timeout(Duration::from_secs(30), client.read_to_end(&mut read)).await.unwrap().unwrap();
    assert_eq!(read, [frame("1"), frame("the end")].concat());
    assert_eq!(outbox.connection().buffered(), 0);
}

#[tokio::test]
async fn who_takes_nothing_when_the_session_is_over_is_let_go() {
    // OPS-03
    let mut there = there(Form::Text, 16);
    there.transport_writes(&[frame("1"), frame("2")]).await;
    let There { wire, outbox, transport, client: _client, _live } = there;
    drop(transport);
    sleep(Duration::from_millis(10)).await;
    assert!(wire.line().io.is_some(), "it has some time");
    wire.line().over = Instant::now().checked_sub(PARTING * 2);
    timeout(PARTING, async {
        while wire.line().io.is_some() {
            sleep(Duration::from_millis(1)).await;
        }
    })
    .await
    .unwrap();
    assert_eq!(outbox.connection().buffered(), 0);
}

#[tokio::test]
async fn nothing_waits_for_who_is_gone() {
    // OPS-03
    let mut there = there(Form::Text, 16);
    let mark = there.wire.mark.frame.clone();
    assert_eq!(there.give("1", || true), Some(true));
    there.transport_writes(&[mark]).await;
    for _ in 0..10 {
        there.give_past("2");
    }
    let There { wire, outbox, mut transport, client, _live } = there;
    drop(client);
    timeout(Duration::from_secs(30), async {
        while outbox.connection().buffered() > 0 {
            sleep(Duration::from_millis(1)).await;
        }
    })
    .await
    .unwrap();
    assert!(wire.take_frame(&outbox, frame("3"), |_| true).is_some_and(|taken| taken.is_err()));
    assert!(transport.write_all(&frame("4")).await.is_err());
}

#[tokio::test]
async fn who_makes_the_transport_answer_and_reads_nothing_is_not_heard_any_more() {
    let mut there = there(Form::Text, 1_000);
    let pong = frame("pong");
    let flood = async {
        loop {
            there.transport.write_all(&pong).await.unwrap();
        }
    };
    assert!(timeout(Duration::from_millis(200), flood).await.is_err());
    let waiting = there.outbox.connection().buffered();
    // Some is on its way already.
    assert!((MOST_PASSING - 1_000..MOST_PASSING + 1_000).contains(&waiting), "{waiting}");
    // It goes on as soon as the client reads.
    let There { transport, client, .. } = &mut there;
    let mut nowhere = tokio::io::sink();
    let goes_on = timeout(Duration::from_secs(30), transport.write_all(&pong));
    tokio::select! {
        written = goes_on => written.unwrap().unwrap(),
        read = tokio::io::copy(client, &mut nowhere) => panic!("the connection has ended: {read:?}"),
    }
}
