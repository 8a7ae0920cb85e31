//! What a client may: how often, how much, and how many of them.

use std::time::Duration;

use modeller::engine::Clock;
use modeller::live::RateLimit;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::time::{Instant, sleep};

use super::wire::{Raw, frame};
use super::*;

#[tokio::test]
async fn too_many_requests_are_refused_and_the_rest_goes_on() {
    // OPS-01, RWS-13
    let limit = RateLimit { max_requests: 3, window: Duration::from_millis(400) };
    let clock = Clock::manual(1_700_000_000_000);
    let limits = LiveOptions::new().rate_limit(limit);
    let server = Server::of(App::isolated().clock(clock.clone()), limits).await;
    let (mut client, mut same) = (server.client().await, server.client().await);
    // What can't be read is refused before it is counted.
    for _ in 0..5 {
        client.say("nonsense").await;
        assert_eq!(client.next().await["code"], "PARSE_ERROR");
    }
    client.data("store.buckets", json!({})).await;
    same.data("store.buckets", json!({})).await;
    // What there is not counts too, and is answered as such while there is room.
    assert_eq!(client.code("store.nothing", json!({})).await.0, "UNKNOWN_OPERATION");
    // From one address, whatever connection.
    for (passed, wait) in [(0, 400), (399, 1)] {
        clock.advance(Duration::from_millis(passed));
        let (code, error) = same.code("store.nothing", json!({})).await;
        assert_eq!((&*code, &error["details"]["retryAfterMs"]), ("RATE_LIMITED", &json!(wait)));
    }
    clock.advance(Duration::from_millis(1));
    client.data("store.buckets", json!({})).await;
}

#[tokio::test]
async fn there_is_room_for_so_many_connections() {
    let server = Server::start(LiveOptions::new().max_connections(2)).await;
    let (one, _two) = (server.client().await, server.client().await);
    let refused = connect_async(format!("ws://{}{PATH}", server.address)).await.unwrap_err();
    let tokio_tungstenite::tungstenite::Error::Http(answer) = refused else { panic!("{refused}") };
    assert_eq!(answer.status(), 503);
    drop(one);
    server.until(1).await;
    server.client().await;
}

#[tokio::test]
async fn connections_are_listed_with_where_they_come_from() {
    // OPS-08, OPS-09
    let server = Server::start(LiveOptions::new()).await;
    let client = server.client().await;
    let MaybeTlsStream::Plain(stream) = client.socket.get_ref() else { panic!("there is no TLS") };
    let list = server.live.connections().list();
    assert_eq!(list.len(), 1);
    assert_eq!((list[0].door, list[0].remote_address), ("ws", Some(stream.local_addr().unwrap())));
    assert!(!list[0].authenticated);
    assert_eq!(server.live.connections().stats().connections.active, 1);
}

#[tokio::test]
async fn a_client_that_reads_nothing_takes_bounded_memory_and_keeps_nobody_waiting() {
    // OPS-03
    // Whoever had to wait until the mute one is cut off would wait for longer than this.
    let stays = Duration::from_secs(5);
    let options = LiveOptions::new().backpressure(64 * 1024, 0.8).heartbeat(Duration::from_secs(2), stays);
    let server = Server::start(options).await;
    let mut other = server.client().await;
    let text = "x".repeat(20_000);
    for _ in 0..10 {
        other.data("store.insert", json!({"bucket": "app/notes", "data": {"text": text}})).await;
    }
    let mut mute = Raw::connect(&server).await;
    let asks = frame(0x81, br#"{"id":1,"type":"store.all","bucket":"app/notes"}"#);
    // Each answer has 200 kB; the sockets' own buffers take some of them.
    let flood = async {
        loop {
            if mute.0.write_all(&asks).await.is_err() {
                return;
            }
        }
    };
    let watch = async {
        let (mut most, start) = (0, Instant::now());
        while server.live.connections().count() == 2 && start.elapsed() < PATIENCE {
            let asked = Instant::now();
            other.data("store.buckets", json!({})).await;
            let waited = asked.elapsed();
            assert!(waited < stays, "{waited:?}");
            let list = server.live.connections().list();
            most = most.max(list.iter().map(|info| info.buffered_bytes).max().unwrap_or(0));
            sleep(Duration::from_millis(2)).await;
        }
        most
    };
    // Either it is cut off for not answering, or its writes wait until then.
    let ((), most) = tokio::join!(async { drop(timeout(PATIENCE, flood).await) }, watch);
    assert_eq!(server.live.connections().count(), 1, "who reads nothing is taken for dead");
    // What was under way when the limit was reached is answered all the same.
    let bound = 64 * 1024 + 9 * 210_000;
    assert!(most > 64 * 1024 && most < bound, "{most}");
}

#[tokio::test]
async fn large_messages_share_what_memory_there_is() {
    let server = Server::start(LiveOptions::new().payload_memory(150_000)).await;
    let text = json!({"id": 1, "type": "store.insert", "bucket": "app/notes", "data": {"text": "x".repeat(100_000)}});
    let bytes = frame(0x81, text.to_string().as_bytes());
    let mut first = Raw::connect(&server).await;
    first.send(&bytes[..50_000]).await;
    // Announced and not yet there: it has its place all the same.
    sleep(Duration::from_millis(50)).await;
    let mut second = Raw::connect(&server).await;
    second.send(&bytes[..20]).await;
    assert_eq!(second.closed().await, 1013);
    first.send(&bytes[50_000..]).await;
    assert!(first.frame().await.unwrap().1.starts_with(b"{\"id\":1,\"type\":\"result\""));
    let mut third = Raw::connect(&server).await;
    third.send(&bytes).await;
    assert!(third.frame().await.unwrap().1.starts_with(b"{\"id\":1,\"type\":\"result\""));
}

#[tokio::test]
async fn a_large_message_takes_memory_until_it_is_answered() {
    // OPS-04
    let timeout = Duration::from_secs(5);
    let server = Server::start(LiveOptions::new().payload_memory(150_000).request_timeout(timeout)).await;
    let hangs = json!({"id": 1, "type": "store.call", "bucket": "system/users", "method": "behave", "data": {"how": "hang"}});
    let hangs = frame(0x81, format!("{hangs}{}", " ".repeat(100_000)).as_bytes());
    let mut first = Raw::connect(&server).await;
    first.send(&hangs).await;
    // Behind it: it has arrived as a whole when this is answered.
    first.send(&frame(0x81, br#"{"id":2,"type":"store.buckets"}"#)).await;
    assert!(first.frame().await.unwrap().1.starts_with(b"{\"id\":2"));
    let mut second = Raw::connect(&server).await;
    second.send(&hangs).await;
    assert_eq!(second.closed().await, 1013);
    assert!(first.frame().await.unwrap().1.starts_with(b"{\"id\":1,\"type\":\"error\""));
    let mut third = Raw::connect(&server).await;
    third.send(&hangs).await;
    assert!(third.frame().await.unwrap().1.starts_with(b"{\"id\":1,\"type\":\"error\""));
}
