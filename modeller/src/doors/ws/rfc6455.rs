//! The Autobahn test suite against this door's sockets: frames, control frames, UTF-8, close codes, large messages.
//!
//! The suite wants its messages back, so that here they are sent back as they came; everything else is as for any client.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, Response};
use bytes::Bytes;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value as Json, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::speech::Speech;
use super::wire::Wire;
use super::{NAME, frame, handshake, socket};
use crate::doors::stream::Stream;
use crate::engine::{Clock, Engine, Identity};
use crate::live::{Held, Live, LiveOptions, Outbox};
use crate::registry::Registry;
use crate::store::sqlite::{Sqlite, SqliteOptions};

/// Sends messages back.
struct Echo {
    live: Arc<Live>,
    wire: Arc<Wire>,
}

impl Speech for Echo {
    fn live(&self) -> &Live {
        &self.live
    }

    fn wire(&self) -> &Arc<Wire> {
        &self.wire
    }

    fn max_message(&self) -> usize {
        self.live.connections().options().max_payload
    }

    fn greeting(&self) -> Option<Bytes> {
        None
    }

    fn ping(&self) -> Bytes {
        Bytes::new()
    }

    fn shutdown(&self, _grace: Duration) -> Bytes {
        Bytes::new()
    }

    fn hear(self: Arc<Self>, text: &str, _held: Vec<Held>, _work: &mut JoinSet<usize>) -> bool {
        self.wire.outbox().reply(frame::text(&[text.as_bytes()]));
        true
    }

    fn hear_pong(&self) -> bool {
        true
    }

    fn leave(&self) {}

    fn close(&self) {
        self.wire.outbox().close();
    }
}

async fn answer(live: Arc<Live>, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let mut request = request.map(Body::new);
    let response = match handshake::accept(&request) {
        Ok(response) => response,
        Err(error) => return Ok(handshake::refuse(&error)),
    };
    let connection = live.connections().open(NAME, None, Identity::Anonymous).unwrap();
    let upgrade = hyper::upgrade::on(&mut request);
    let echo = Arc::new(Echo { live, wire: Wire::new(Outbox::new(connection), None) });
    tokio::spawn(async move { socket::serve(echo, upgrade.await.unwrap().into()).await });
    Ok(response)
}

/// Sends back what it is sent, until the test is over.
async fn serve() -> SocketAddr {
    let store = Arc::new(Sqlite::open(SqliteOptions::memory()).unwrap());
    let engine = Engine::new(Registry::default(), store, Clock::system());
    // The largest messages of the suite have 16 MiB, and nobody is asked whether it is there: the suite would not know what to answer.
    let options = LiveOptions::new()
        .max_payload(16 << 20)
        .backpressure(64 << 20, 0.8)
        .heartbeat(Duration::from_secs(3600), Duration::from_secs(3600));
    let live = Live::new(engine, options);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let live = live.clone();
            let service = service_fn(move |request| answer(live.clone(), request));
            let connection = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(Stream::new(stream, Duration::from_secs(60))), service)
                .with_upgrades();
            tokio::spawn(connection);
        }
    });
    address
}

/// What the suite is to do: everything but binary messages, which this door refuses with 1003, and compression, which it does not offer.
fn plan(address: SocketAddr, folder: &Path) -> Json {
    json!({
        "outdir": folder,
        "servers": [{ "agent": "modeller", "url": format!("ws://{address}") }],
        "cases": ["*"],
        "exclude-cases": ["1.2.*", "9.2.*", "9.4.*", "9.6.*", "9.8.*", "12.*", "13.*"],
        "exclude-agent-cases": {},
    })
}

fn read(path: &Path) -> BTreeMap<String, BTreeMap<String, Json>> {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "tests/ws/autobahn.sh runs it, which brings the suite"]
async fn every_case_of_the_autobahn_suite_is_passed() {
    let program = std::env::var_os("WSTEST").expect("`WSTEST` says where the suite's program is");
    let folder =
        PathBuf::from(std::env::var_os("WSTEST_REPORT").expect("`WSTEST_REPORT` is a folder for the report"));
    let plan = plan(serve().await, &folder);
    let file = folder.join("plan.json");
    std::fs::write(&file, plan.to_string()).unwrap();
    let status = tokio::task::spawn_blocking(move || {
        std::process::Command::new(program).args(["-m", "fuzzingclient", "-s"]).arg(file).status()
    });
    assert!(status.await.unwrap().unwrap().success());

    let report = read(&folder.join("index.json")).remove("modeller").unwrap();
    let right = ["OK", "NON-STRICT", "INFORMATIONAL"];
    let is_right = |case: &Json, what: &str| right.iter().any(|right| case[what] == *right);
    let (mut counts, mut failed) = (BTreeMap::<&str, u32>::new(), Vec::new());
    for (name, case) in &report {
        *counts.entry(case["behavior"].as_str().unwrap()).or_default() += 1;
        if !is_right(case, "behavior") || !is_right(case, "behaviorClose") {
            failed.push(format!("{name}: {} {}", case["behavior"], case["behaviorClose"]));
        }
    }
    println!("{} cases: {counts:?}", report.len());
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert!(report.len() > 230, "only {} cases were run", report.len());
}
