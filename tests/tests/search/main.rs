//! Full text and positions, through the HTTP door and from Rust.

#[allow(dead_code)]
#[path = "../../../examples/file_store.rs"]
mod file_store;
mod geo;
mod text;

use std::net::SocketAddr;
use std::sync::Arc;

use modeller::app::{App, Models};
use modeller::doors::http::{HttpOptions, serve};
use modeller::engine::{Clock, Engine};
use modeller::model::Shape;
use modeller::prelude::*;
use modeller::query::{Filter, Select};
use modeller::registry::Registry;
use modeller::store::sqlite::{Sqlite, SqliteOptions};
use modeller::store::{Answer as Done, Apply, BoxFuture, Change, Plan, Sink, Store, Transaction, Work};
use modeller_tests::http::{Answer, Client};
use serde_json::{Value as Json, json};
use tokio::net::TcpListener;

/// Something written, somewhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(name = "posts", trash = "1h", ttl = "1h", geo(lat, lng))]
pub struct Post {
    #[model(searchable)]
    pub title: String,
    #[model(searchable)]
    pub body: Option<String>,
    #[serde(default)]
    #[model(searchable)]
    pub tags: Vec<String>,
    #[serde(default)]
    pub stars: i64,
    #[model(private)]
    pub secret: Option<String>,
    pub lat: Option<f64>,
    pub lng: Option<f64>,
}

impl Post {
    pub fn new(title: &str) -> Self {
        let title = title.to_owned();
        Post { title, body: None, tags: Vec::new(), stars: 0, secret: None, lat: None, lng: None }
    }

    pub fn at(title: &str, lat: f64, lng: f64) -> Self {
        Post { lat: Some(lat), lng: Some(lng), ..Post::new(title) }
    }
}

/// Neither words nor places. To ask it for `search` is to ask for a field.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(name = "plain")]
pub struct Plain {
    pub search: String,
    pub lat: f64,
    pub lng: f64,
}

/// Two positions.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[serde(rename_all = "camelCase")]
#[allow(clippy::duplicated_attributes)]
#[model(name = "trips", geo(from_lat, from_lng), geo(to_lat, to_lng))]
pub struct Trip {
    pub from_lat: f64,
    pub from_lng: f64,
    pub to_lat: f32,
    pub to_lng: Option<f32>,
    #[model(private)]
    pub hidden: Option<f64>,
}

pub struct Server {
    address: SocketAddr,
    pub cx: Cx,
    pub clock: Clock,
}

impl Server {
    pub async fn client(&self) -> Client {
        Client::connect(self.address).await
    }
}

pub async fn start() -> Server {
    start_on(Arc::new(Sqlite::open(SqliteOptions::memory()).unwrap())).await
}

/// One store for two engines: that of the door, and that of the test.
struct Shared(Arc<dyn Store>);

impl Store for Shared {
    fn name(&self) -> &'static str {
        "shared"
    }
    fn migrate<'a>(&'a self, models: &'a [&'static Shape], apply: Apply) -> BoxFuture<'a, Result<Plan>> {
        self.0.migrate(models, apply)
    }
    fn read<'a>(&'a self, select: &'a Select, sink: Box<dyn Sink>) -> BoxFuture<'a, Result<Box<dyn Sink>>> {
        self.0.read(select, sink)
    }
    fn count<'a>(&'a self, shape: &'static Shape, filter: &'a Filter) -> BoxFuture<'a, Result<u64>> {
        self.0.count(shape, filter)
    }
    fn write(&self, work: Work) -> BoxFuture<'_, Result<Done>> {
        self.0.write(work)
    }
    fn begin(&self, actor: Option<String>) -> BoxFuture<'_, Result<Box<dyn Transaction>>> {
        self.0.begin(actor)
    }
    fn changes(&self, after: u64, limit: usize) -> BoxFuture<'_, Result<Vec<Change>>> {
        self.0.changes(after, limit)
    }
    fn secret(&self) -> [u8; 32] {
        self.0.secret()
    }
    fn close(&self) -> BoxFuture<'_, ()> {
        self.0.close()
    }
}

/// A server on this store, and a context of the same one.
async fn start_on(store: Arc<dyn Store>) -> Server {
    let clock = Clock::manual(1_790_000_000_000);
    let models = <(Post, Plain, Trip)>::descriptors();
    let engine = Engine::new(Registry::of(&models).unwrap(), store, clock.clone());
    engine.migrate(Apply::Safe).await.unwrap();
    let app = App::isolated().models::<(Post, Plain, Trip)>().clock(clock.clone());
    let router = app.store(Shared(engine.store().clone())).router().await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(
        async move { serve(listener, router, &HttpOptions::default(), std::future::pending()).await },
    );
    Server { address, cx: engine.cx(), clock }
}

/// Text as it stands in a URL.
pub fn url(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => (byte as char).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

/// Asserts a refusal of this kind, and answers its words.
#[track_caller]
pub fn refused(answer: &Answer, code: &str) -> String {
    assert_eq!((answer.status, answer.code().as_str()), (400, code), "{}", answer.json());
    answer.json()["message"].as_str().unwrap().to_owned()
}

/// Asserts that the answer is typed and no fault of the server.
#[track_caller]
pub fn typed(what: &str, answer: &Answer) {
    let body = String::from_utf8_lossy(&answer.body);
    assert!(answer.status < 500, "{what:.200} gave {} {body:.300}", answer.status);
    if answer.status >= 400 {
        assert_eq!(answer.json()["status"], answer.status, "{what:.200}");
        for leak in ["SELECT", "fts5", "sqlite", "rtree", "app_posts", ".rs:"] {
            assert!(!body.contains(leak), "{what:.200} shows {leak}: {body:.300}");
        }
    }
}

/// The values of one field, in order.
#[track_caller]
pub fn pluck(answer: &Answer, field: &str) -> Vec<Json> {
    let rows = answer.json();
    let rows = rows.as_array().unwrap_or_else(|| panic!("{rows}"));
    rows.iter().map(|row| row[field].clone()).collect()
}
