use std::time::{Duration, Instant};

use modeller::doors::http::HttpOptions;
use tokio::time::{sleep, timeout};

use crate::{connected, start};

/// Longer than a busy machine takes, and shorter than what a server allows by default: 10 seconds or more.
const ALMOST_AT_ONCE: Duration = Duration::from_secs(8);

#[tokio::test]
async fn requests_under_way_finish_before_the_server_ends() {
    let (mut server, mut client) = connected().await;
    let mut idle = server.client().await;
    assert_eq!(idle.get("/@health").await.status, 200);
    client.write(b"GET /system/users/get?do=wait HTTP/1.1\r\nHost: x\r\n\r\n").await;
    server.echo.waiting(1).await;
    server.stop.take().unwrap().send(()).unwrap();
    assert!(timeout(ALMOST_AT_ONCE, idle.is_closed()).await.unwrap(), "idle connections close");
    server.echo.open();
    let answer = client.answer("GET").await;
    assert_eq!(answer.status, 200);
    assert!(client.is_closed().await);
    timeout(ALMOST_AT_ONCE, server.task).await.expect("the server ends").unwrap().unwrap();
    assert!(tokio::net::TcpStream::connect(server.address).await.is_err());
}

#[tokio::test]
async fn requests_that_do_not_finish_are_cut_off_after_the_grace() {
    let mut server = start(HttpOptions::default().grace(Duration::from_millis(200))).await;
    let mut client = server.client().await;
    client.write(b"GET /system/users/get?do=hang HTTP/1.1\r\nHost: x\r\n\r\n").await;
    server.echo.waiting(1).await;
    server.stop.take().unwrap().send(()).unwrap();
    timeout(ALMOST_AT_ONCE, server.task).await.expect("the server ends").unwrap().unwrap();
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn more_calls_than_the_server_takes_are_told_to_come_back() {
    let server = start(HttpOptions::default().max_in_flight(2)).await;
    let mut waiting = Vec::new();
    for _ in 0..2 {
        let mut client = server.client().await;
        client.write(b"GET /system/users/get?do=wait HTTP/1.1\r\nHost: x\r\n\r\n").await;
        waiting.push(client);
    }
    server.echo.waiting(2).await;
    let mut client = server.client().await;
    let answer = client.get("/system/users/get").await;
    assert_eq!((answer.status, answer.code().as_str()), (503, "OVERLOADED"));
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(client.get("/@health").await.status, 200);
    server.echo.open();
    for client in &mut waiting {
        assert_eq!(client.answer("GET").await.status, 200);
    }
    assert_eq!(client.get("/system/users/get").await.status, 200);
    // The pipeline's own word for it looks the same.
    let answer = client.get("/system/users/get?do=overload").await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
}

#[tokio::test]
async fn a_call_that_takes_too_long_is_given_up() {
    let server =
        start(HttpOptions::default().call_timeout(Duration::from_millis(100)).max_in_flight(1)).await;
    let mut client = server.client().await;
    for _ in 0..2 {
        let answer = client.get("/system/users/get?do=hang").await;
        assert_eq!((answer.status, answer.code().as_str()), (503, "OVERLOADED"));
    }
    assert_eq!(client.get("/system/users/get").await.status, 200);
}

#[tokio::test]
async fn slow_heads_and_idle_connections_are_closed() {
    let server = start(HttpOptions::default().read_timeout(Duration::from_millis(300))).await;
    let mut idle = server.client().await;
    let mut slow = server.client().await;
    let begun = Instant::now();
    for byte in b"GET /system/users/get HTTP/1.1\r\nHost: x\r\nX-Slow: " {
        if !slow.try_write(&[*byte]).await {
            break;
        }
        sleep(Duration::from_millis(20)).await;
    }
    assert!(slow.is_closed().await);
    assert!(idle.is_closed().await);
    assert!(begun.elapsed() < ALMOST_AT_ONCE);
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_given_up() {
    let server =
        start(HttpOptions::default().read_timeout(Duration::from_millis(300)).max_connections(1)).await;
    let mut client = server.client().await;
    let request = b"GET /system/users/get?do=big HTTP/1.1\r\nHost: x\r\n\r\n".repeat(300);
    client.try_write(&request).await;
    // There is one place, and it becomes free although the first client neither reads nor goes.
    let mut other = server.client().await;
    assert_eq!(other.get("/@health").await.status, 200);
}

#[tokio::test]
async fn connections_above_the_limit_wait_for_their_turn() {
    let server = start(HttpOptions::default().max_connections(1)).await;
    let mut first = server.client().await;
    assert_eq!(first.get("/@health").await.status, 200);
    let mut second = server.client().await;
    second.write(b"GET /@health HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(timeout(Duration::from_millis(200), second.answer("GET")).await.is_err());
    drop(first);
    let mut third = server.client().await;
    drop(second);
    assert_eq!(third.get("/@health").await.status, 200);
}
