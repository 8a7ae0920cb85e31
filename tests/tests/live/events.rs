//! Live queries as server-sent events, from a program that is killed now and then.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use modeller_tests::http::Client;
use serde_json::{Value as Json, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;

use super::support::PATIENCE;

/// The quick start, as a program of its own.
struct Server {
    child: Child,
    address: SocketAddr,
    database: PathBuf,
}

impl Server {
    async fn start(database: &Path, port: Option<u16>) -> Self {
        let free = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let port = port.unwrap_or_else(free);
        let child = Command::new(env!("CARGO_BIN_EXE_test-quickstart"))
            .args(["--port", &port.to_string(), "--database"])
            .arg(database)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server = Server {
            child,
            address: SocketAddr::from(([127, 0, 0, 1], port)),
            database: database.to_owned(),
        };
        let begun = Instant::now();
        while TcpStream::connect(server.address).await.is_err() {
            assert!(begun.elapsed() < PATIENCE, "the server does not start");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        server
    }

    /// Ends it without a warning, and starts it again.
    async fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let again = Server::start(&self.database, Some(self.address.port())).await;
        let old = std::mem::replace(self, again);
        std::mem::forget(old);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A new directory for a database.
fn scratch(name: &str) -> PathBuf {
    let directory = std::env::temp_dir().join(format!("modeller-live-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    directory
}

/// What a browser's `EventSource` does.
struct Source {
    path: String,
    lines: Option<Lines<BufReader<OwnedReadHalf>>>,
    _write: Option<tokio::net::tcp::OwnedWriteHalf>,
    last: Option<String>,
    documents: BTreeMap<String, Json>,
    resets: usize,
}

impl Source {
    fn new(path: &str) -> Self {
        Source {
            path: path.to_owned(),
            lines: None,
            _write: None,
            last: None,
            documents: BTreeMap::new(),
            resets: 0,
        }
    }

    async fn connect(&mut self, address: SocketAddr) {
        let (read, mut write) = TcpStream::connect(address).await.unwrap().into_split();
        let from = self.last.as_ref().map(|last| format!("Last-Event-ID: {last}\r\n")).unwrap_or_default();
        let head = format!("GET {} HTTP/1.1\r\nHost: localhost\r\n{from}\r\n", self.path);
        write.write_all(head.as_bytes()).await.unwrap();
        let mut lines = BufReader::new(read).lines();
        let status = lines.next_line().await.unwrap().unwrap();
        assert!(status.contains(" 200 "), "{status}");
        self.lines = Some(lines);
        self._write = Some(write);
    }

    /// Takes one event; `false` if none comes within a moment, or the connection is gone.
    async fn listen(&mut self, moment: Duration) -> bool {
        let Some(lines) = &mut self.lines else { return false };
        let mut data = None;
        let mut id = None;
        loop {
            let line = match tokio::time::timeout(moment, lines.next_line()).await {
                Ok(Ok(Some(line))) => line,
                // Half an event is none: it comes again.
                Ok(_) => {
                    self.lines = None;
                    return false;
                }
                Err(_) => {
                    assert!(data.is_none() && id.is_none(), "half an event came");
                    return false;
                }
            };
            if let Some(position) = line.strip_prefix("id: ") {
                id = Some(position.to_owned());
            } else if let Some(json) = line.strip_prefix("data: ") {
                data = Some(serde_json::from_str::<Json>(json).unwrap());
            } else if line.is_empty() && data.is_none() {
                // A later position, and nothing else.
                self.last = id.take().or(self.last.take());
            } else if line.is_empty()
                && let Some(data) = data.take()
            {
                self.last = id.take();
                assert_eq!(self.last.as_deref(), data["position"].as_str());
                self.take(&data);
                return true;
            }
        }
    }

    fn take(&mut self, told: &Json) {
        let id = |json: &Json| json["_id"].as_str().unwrap().to_owned();
        if let Some(documents) = told["documents"].as_array() {
            self.resets += usize::from(told["reset"] == true);
            self.documents = documents.iter().map(|one| (id(one), one.clone())).collect();
            return;
        }
        for change in told["changes"].as_array().unwrap() {
            let known = self.documents.contains_key(&id(change));
            assert_eq!(change["type"] != "enter", known, "it makes no sense: {change}");
            match change["type"] == "leave" {
                true => drop(self.documents.remove(&id(change))),
                false => drop(self.documents.insert(id(change), change["document"].clone())),
            }
        }
    }
}

async fn list(client: &mut Client, filter: &str) -> BTreeMap<String, Json> {
    let all = client.get(&format!("/system/users/list?count=1000&{filter}")).await.json();
    let all = all.as_array().unwrap().iter();
    all.map(|one| (one["_id"].as_str().unwrap().to_owned(), one.clone())).collect()
}

#[tokio::test]
async fn a_source_goes_on_where_it_was_when_the_server_was_killed() {
    // LIV-12, OPS-06
    let directory = scratch("killed");
    let mut server = Server::start(&directory.join("live.db"), None).await;
    let mut sources = [
        Source::new("/system/users/live"),
        Source::new("/system/users/live?query=%7B%22name%22%3A%22even%22%7D"),
    ];
    let moment = Duration::from_millis(100);
    let mut ids: Vec<String> = Vec::new();
    for round in 0..8 {
        let mut client = Client::connect(server.address).await;
        for source in sources.iter_mut().filter(|source| source.lines.is_none()) {
            source.connect(server.address).await;
        }
        for number in 0..30 {
            let at = round * 100 + number;
            let name = ["even", "odd"][number % 2];
            let new = json!({ "email": format!("a{at}@example.org"), "name": name });
            let inserted = client.post("/system/users/insert", &new).await;
            assert_eq!(inserted.status, 201, "{:?}", inserted.json());
            ids.push(inserted.json()["_id"].as_str().unwrap().to_owned());
            let path = |operation: &str, id: &str| format!("/system/users/{operation}?_id={id}");
            if number % 3 == 0 {
                let turned = json!({ "name": (["odd", "even"][number % 2]) });
                client.put(&path("update", &ids[ids.len() / 2]), &turned).await;
            }
            if number % 7 == 0 {
                let id = ids.remove(ids.len() / 3);
                client.delete(&path("delete", &id)).await;
            }
            if number == 10 {
                sources[0].lines = None;
            }
            if number == 20 && round % 2 == 1 {
                sources[0].connect(server.address).await;
            }
        }
        if round % 2 == 0 {
            // What was committed is there, and so is the place of whoever has heard only some of it.
            sources[1].listen(moment).await;
            server.kill().await;
            client = Client::connect(server.address).await;
            for source in &mut sources {
                source.connect(server.address).await;
            }
        }
        for (source, filter) in sources.iter_mut().zip(["", "name=even"]) {
            let begun = Instant::now();
            loop {
                while source.listen(moment).await {}
                let expected = list(&mut client, filter).await;
                if source.documents == expected {
                    break;
                }
                assert!(begun.elapsed() < PATIENCE, "{}: not what it answers", source.path);
            }
        }
    }
    assert_eq!(sources.map(|source| source.resets), [0, 0]);
    drop(server);
    std::fs::remove_dir_all(directory).unwrap();
}

#[tokio::test]
async fn a_source_counts_as_a_live_query_until_it_is_gone() {
    // OPS-08, OPS-09
    let directory = scratch("counted");
    let server = Server::start(&directory.join("live.db"), None).await;
    let mut client = Client::connect(server.address).await;
    let mut source = Source::new("/system/users/live");
    source.connect(server.address).await;
    for expected in ["modeller_subscriptions{kind=\"store\"} 1", "modeller_subscriptions{kind=\"store\"} 0"] {
        let begun = Instant::now();
        loop {
            let metrics = String::from_utf8(client.get("/@metrics").await.body).unwrap();
            if metrics.lines().any(|line| line == expected) {
                break;
            }
            assert!(begun.elapsed() < PATIENCE, "{expected} is not in\n{metrics}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        (source.lines, source._write) = (None, None);
    }
    drop(server);
    std::fs::remove_dir_all(directory).unwrap();
}

#[tokio::test]
async fn figures_are_events_too() {
    // LIV-15
    let directory = scratch("figures");
    let server = Server::start(&directory.join("live.db"), None).await;
    let mut client = Client::connect(server.address).await;
    let mut streams = Vec::new();
    for path in
        ["count?name=ada", "aggregate?groupBy=name&aggregates=%7B%22n%22%3A%7B%22count%22%3Atrue%7D%7D"]
    {
        let (read, mut write) = TcpStream::connect(server.address).await.unwrap().into_split();
        let head = format!("GET /system/users/live/{path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        write.write_all(head.as_bytes()).await.unwrap();
        streams.push((BufReader::new(read).lines(), write));
    }
    let mut told = async |at: usize| {
        let lines = &mut streams[at].0;
        let mut event = String::new();
        loop {
            let line = tokio::time::timeout(PATIENCE, lines.next_line()).await;
            let line = line.unwrap().unwrap().unwrap();
            if let Some(name) = line.strip_prefix("event: ") {
                event = name.to_owned();
            } else if let Some(json) = line.strip_prefix("data: ") {
                return (event, serde_json::from_str::<Json>(json).unwrap());
            }
        }
    };
    let first = [told(0).await, told(1).await];
    assert_eq!((first[0].0.as_str(), &first[0].1["data"]), ("data", &json!(0)));
    assert_eq!((first[1].0.as_str(), &first[1].1["groups"]), ("groups", &json!([])));
    for (at, name) in ["bob", "ada"].into_iter().enumerate() {
        let new = json!({ "email": format!("a{at}@example.org"), "name": name });
        assert_eq!(client.post("/system/users/insert", &new).await.status, 201);
    }
    let (event, count) = told(0).await;
    assert_eq!((event.as_str(), &count["data"]), ("data", &json!(1)));
    for name in ["bob", "ada"] {
        let (event, groups) = told(1).await;
        let group = json!({ "type": "enter", "key": { "name": name }, "group": { "name": name, "n": 1 } });
        assert_eq!((event.as_str(), &groups["changes"]), ("changes", &json!([group])));
    }
    drop(server);
    std::fs::remove_dir_all(directory).unwrap();
}

#[tokio::test]
async fn what_is_wrong_with_a_live_query_is_said_as_for_any_other() {
    let directory = scratch("wrong");
    let server = Server::start(&directory.join("live.db"), None).await;
    let mut client = Client::connect(server.address).await;
    for (path, status, code) in [
        ("/system/users/live?nothing=1", 400, "INVALID_QUERY"),
        ("/system/users/live?query=%7B", 400, "PARSE_ERROR"),
        ("/system/users/live?after=", 400, "INVALID_QUERY"),
        ("/system/user/live", 404, "MODEL_NOT_FOUND"),
        ("/system/users/live/count?start=1", 400, "INVALID_QUERY"),
        ("/system/users/live/aggregate", 400, "INVALID_QUERY"),
        ("/system/users/live/sum", 404, "ROUTE_NOT_FOUND"),
    ] {
        let answer = client.get(path).await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{path}");
    }
    let answer = client.post("/system/users/live", &json!({})).await;
    assert_eq!((answer.status, answer.code().as_str()), (405, "METHOD_NOT_ALLOWED"));
    drop(server);
    std::fs::remove_dir_all(directory).unwrap();
}
