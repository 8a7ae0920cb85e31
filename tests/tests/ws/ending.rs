//! The end of the server, and what a whole program has of the door.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use serde_json::json;
use tokio::net::TcpStream;

use super::*;

#[tokio::test]
async fn clients_are_told_have_their_time_and_are_cut_off() {
    // RWS-08, RWS-15, OPS-05
    const GRACE: Duration = Duration::from_secs(3);
    let server = Server::start(LiveOptions::new()).await;
    let (mut stays, mut goes) = (server.client().await, server.client().await);
    let start = Instant::now();
    let stopping = tokio::spawn({
        let live = server.live.clone();
        async move { live.connections().stop(GRACE).await }
    });
    let grace = GRACE.as_millis() as u64;
    let notice = json!({"type": "system", "event": "shutdown", "gracePeriodMs": grace});
    assert_eq!((stays.next().await, goes.next().await), (notice.clone(), notice));
    // What is asked meanwhile is answered.
    stays.data("store.buckets", json!({})).await;
    goes.socket.close(None).await.unwrap();
    assert_eq!(goes.end().await.0, 1000);
    let refused = connect_async(format!("ws://{}{PATH}", server.address)).await;
    assert!(refused.is_err(), "nobody comes in any more");
    assert_eq!(stays.end().await, (1000, "server_shutdown".to_owned()));
    assert!(start.elapsed() >= GRACE);
    stopping.await.unwrap();
    // They have a second for it; on a busy machine that may be over before their tasks have had a turn.
    server.until(0).await;
}

#[tokio::test]
async fn without_any_time_clients_are_told_all_the_same() {
    // RWS-08, OPS-05
    let server = Server::start(LiveOptions::new()).await;
    let mut client = server.client().await;
    server.live.connections().stop(Duration::ZERO).await;
    assert_eq!(client.next().await, json!({"type": "system", "event": "shutdown", "gracePeriodMs": 0}));
    assert_eq!(client.end().await, (1000, "server_shutdown".to_owned()));
    assert!(client.socket.next().await.is_none());
}

/// A whole program, serving.
struct Program {
    child: Child,
    address: SocketAddr,
    directory: std::path::PathBuf,
}

impl Program {
    fn start(name: &str) -> Self {
        let directory = std::env::temp_dir().join(format!("modeller-ws-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_test-quickstart"))
            .args(["serve", "--address", "127.0.0.1:0", "--database", ":memory:"])
            .current_dir(&directory)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://").unwrap().parse().unwrap();
        Program { child, address, directory }
    }

    /// Memory that it has, in bytes.
    fn memory(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

#[tokio::test]
async fn a_program_has_the_door_its_metrics_and_an_orderly_end() {
    // OPS-05, OPS-06, RWS-01
    let mut program = Program::start("whole");
    let (mut socket, _) = connect_async(format!("ws://{}/@ws", program.address)).await.unwrap();
    assert!(socket.next().await.unwrap().unwrap().to_text().unwrap().contains("welcome"));
    let mut http = modeller_tests::http::Client::connect(program.address).await;
    let answer = http.get("/@metrics").await;
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, Some("text/plain; version=0.0.4; charset=utf-8"))
    );
    let text = String::from_utf8(answer.body).unwrap();
    assert!(text.lines().any(|line| line == "modeller_connections{door=\"ws\"} 1"), "{text}");
    assert!(
        Command::new("kill").args(["-TERM", &program.child.id().to_string()]).status().unwrap().success()
    );
    let notice = socket.next().await.unwrap().unwrap();
    assert!(notice.to_text().unwrap().contains("\"event\":\"shutdown\",\"gracePeriodMs\":0"), "{notice}");
    let Message::Close(Some(close)) = socket.next().await.unwrap().unwrap() else { panic!("an end comes") };
    assert_eq!((u16::from(close.code), close.reason.as_str()), (1000, "server_shutdown"));
    let waited = async {
        while program.child.try_wait().unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    // Requests under way would have ten seconds, and there are none.
    timeout(Duration::from_secs(8), waited).await.expect("the program ends");
    assert!(program.child.wait().unwrap().success());
}

#[tokio::test]
async fn a_client_that_says_nothing_takes_little_memory() {
    const CLIENTS: usize = 400;
    let program = Program::start("idle");
    let mut clients: Vec<TcpStream> = Vec::new();
    let connect = async |count: usize, clients: &mut Vec<TcpStream>| {
        for _ in 0..count {
            let (socket, _) = connect_async(format!("ws://{}/@ws", program.address)).await.unwrap();
            let MaybeTlsStream::Plain(stream) = socket.into_inner() else { panic!("there is no TLS") };
            clients.push(stream);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    // What the first ones warm up is not theirs.
    connect(50, &mut clients).await;
    let before = program.memory();
    connect(CLIENTS, &mut clients).await;
    let each = program.memory().saturating_sub(before) / CLIENTS;
    assert!(each <= 16 * 1024, "{each} bytes for each idle connection");
}
