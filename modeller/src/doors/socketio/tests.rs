//! A client that polls: each of its requests is made by hand, and without one it takes nothing.

use axum::body::to_bytes;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::*;
use crate::engine::{Clock, Engine, Identity};
use crate::live::LiveOptions;
use crate::model::{Code, Error};
use crate::registry::Registry;
use crate::store::Apply;
use crate::store::sqlite::{Sqlite, SqliteOptions};

/// Longer than a busy machine takes, and shorter than what would bring by itself what is waited for.
const PATIENCE: Duration = Duration::from_secs(25);

/// What is between the packets of an answer.
const BETWEEN: char = '\u{1e}';

async fn live() -> Arc<Live> {
    let store = Arc::new(Sqlite::open(SqliteOptions::memory()).unwrap());
    let engine = Engine::new(Registry::of(&[]).unwrap(), store, Clock::system());
    engine.migrate(Apply::Safe).await.unwrap();
    Live::new(engine, LiveOptions::new())
}

struct Client {
    door: SocketIoDoor,
    session: String,
}

impl Client {
    /// One that has a session, and is not connected.
    async fn open(door: &SocketIoDoor) -> Self {
        let mut client = Client { door: door.clone(), session: String::new() };
        let opened = client.request("").await;
        let opened: serde_json::Value = serde_json::from_str(opened.strip_prefix('0').unwrap()).unwrap();
        client.session = format!("&sid={}", opened["sid"].as_str().unwrap());
        client
    }

    /// Says this, or else takes what there is.
    async fn request(&self, said: &str) -> String {
        let method = if said.is_empty() { "GET" } else { "POST" };
        let uri = format!("{PATH}/?EIO=4&transport=polling{}", self.session);
        let request = Request::builder().method(method).uri(uri).body(Body::from(said.to_owned())).unwrap();
        let answer = timeout(PATIENCE, self.door.answer(request)).await.expect("an answer comes");
        String::from_utf8(to_bytes(answer.into_body(), usize::MAX).await.unwrap().to_vec()).unwrap()
    }

    /// All that comes until this does.
    async fn until(&self, what: &str) -> Vec<String> {
        let mut told: Vec<String> = Vec::new();
        while !told.iter().any(|told| told.starts_with(what)) {
            told.extend(self.request("").await.split(BETWEEN).map(str::to_owned));
        }
        told
    }
}

#[tokio::test]
async fn who_is_slow_is_told_that_it_was_put_out_of_a_channel_and_not_that_it_has_missed_something_there() {
    // CHA-22, OPS-03
    let live = live().await;
    let client = Client::open(&SocketIoDoor::new(live.clone(), SocketIoOptions::new())).await;
    client.request("40").await;
    client.until("40").await;
    let mut name = String::new();
    for channel in ["closed", "left", "open"] {
        client.request(&format!(r#"421["realtime:subscribe",{{"channel":"{channel}"}}]"#)).await;
        let told = client.until("431").await;
        let answer: serde_json::Value = serde_json::from_str(&told.last().unwrap()[3..]).unwrap();
        name = answer[0]["id"].as_str().unwrap().to_owned();
    }
    let cx = live.engine().cx();
    for _ in 0..6 {
        cx.channel("open").broadcast("say", "x".repeat(200_000)).unwrap();
    }
    for channel in ["closed", "left", "open"] {
        cx.channel(channel).broadcast("say", "more").unwrap();
    }
    live.channels().expel(&name, "closed", &Error::new(Code::Forbidden, "no")).unwrap();
    assert!(live.channels().leave(&name, "left"));
    let told = client.until(r#"42["realtime:missed""#).await;
    let with = |what: &str| told.iter().filter(|told| told.contains(what)).cloned().collect::<Vec<_>>();
    assert_eq!(with("realtime:missed"), [r#"42["realtime:missed",{"type":"missed","channel":"open"}]"#]);
    assert!(with("realtime:error")[0].contains(r#"{"type":"closed","channel":"closed","#), "{told:?}");
}

#[tokio::test]
async fn who_is_recognised_only_when_the_server_stops_is_not_let_in() {
    // OPS-05
    let live = live().await;
    let gate = Arc::new(Semaphore::new(0));
    let waits = gate.clone();
    let options = SocketIoOptions::new().authenticate(move |_| {
        let waits = waits.clone();
        async move {
            drop(waits.acquire().await);
            Ok(Identity::Anonymous)
        }
    });
    let client = Client::open(&SocketIoDoor::new(live.clone(), options)).await;
    client.request("40").await;
    let connections = live.connections().clone();
    let stopping = tokio::spawn(async move { connections.stop(PATIENCE).await });
    let mut phase = live.connections().ending();
    phase.wait_for(|phase| *phase != Phase::Open).await.unwrap();
    gate.add_permits(1);
    let told = client.until("4").await;
    assert!(told.iter().any(|told| told.starts_with("44") && told.contains("OVERLOADED")), "{told:?}");
    stopping.abort();
}
