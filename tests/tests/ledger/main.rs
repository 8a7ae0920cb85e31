//! The whole, through its doors: each capability where its user meets it, over HTTP or from Rust.

mod concurrency;
mod documents;
mod hostile;
mod hostile_writes;
mod http;
mod life;
mod paging;
mod reference_model;
mod references;
mod schema;
mod storage;

use std::net::SocketAddr;
use std::sync::Arc;

use modeller::app::{App, Models};
use modeller::doors::http::{HttpOptions, serve};
use modeller::engine::{Clock, Engine};
use modeller::model::{Row, Shape};
use modeller::prelude::*;
use modeller::query::{Aggregation, Filter, Select};
use modeller::registry::Registry;
use modeller::store::sqlite::{Sqlite, SqliteOptions};
use modeller::store::{Answer as Done, Apply, BoxFuture, Plan, Sink, Store, Transaction, Work};
use modeller_tests::http::{Answer, Client};
use serde_json::{Value as Json, json};
use tokio::net::TcpListener;

/// When the tests begin, in Unix milliseconds.
pub const START: i64 = 1_790_000_000_000;

/// A person who can sign in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[serde(rename_all = "camelCase")]
#[model(scope = "system", name = "users", trash = "1h")]
pub struct User {
    /// Where they get mail.
    #[validate(email(message = "that is no address"))]
    #[model(unique)]
    pub email: String,
    /// What they are called.
    #[validate(length(min = 2, max = 20))]
    pub full_name: Option<String>,
    /// How old they are.
    #[validate(range(min = 0, max = 150))]
    #[model(index)]
    pub age: Option<i64>,
    /// What they prove themselves with.
    #[model(private)]
    pub password: Option<String>,
    /// What they may do.
    #[serde(default)]
    pub role: Role,
    /// What they like.
    #[serde(default)]
    pub tags: Vec<String>,
}

impl User {
    pub fn new(email: &str) -> Self {
        User {
            email: email.into(),
            full_name: None,
            age: None,
            password: None,
            role: Role::User,
            tags: vec![],
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    #[default]
    User,
    Admin,
}

/// Something that can be bought.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "shop", name = "products")]
pub struct Product {
    /// How it is known.
    #[model(key)]
    #[validate(length(max = 12))]
    #[schemars(regex(pattern = "^[A-Z0-9-]+$"))]
    pub sku: String,
    /// What it costs.
    #[validate(range(min = 0.0))]
    pub price: f64,
    /// Whose secret it is.
    #[model(private, unique)]
    pub secret: Option<String>,
}

/// A running server, its engine and its clock.
pub struct Server {
    pub address: SocketAddr,
    pub cx: Cx,
    pub clock: Clock,
}

impl Server {
    pub async fn client(&self) -> Client {
        Client::connect(self.address).await
    }

    pub fn engine(&self) -> &Arc<Engine> {
        self.cx.engine()
    }
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
    fn aggregate<'a>(&'a self, aggregation: &'a Aggregation) -> BoxFuture<'a, Result<Vec<Row>>> {
        self.0.aggregate(aggregation)
    }
    fn write(&self, work: Work) -> BoxFuture<'_, Result<Done>> {
        self.0.write(work)
    }
    fn begin(&self, actor: Option<String>) -> BoxFuture<'_, Result<Box<dyn Transaction>>> {
        self.0.begin(actor)
    }
    fn changes(&self, after: u64, limit: usize) -> BoxFuture<'_, Result<Vec<modeller::store::Change>>> {
        self.0.changes(after, limit)
    }
    fn secret(&self) -> [u8; 32] {
        self.0.secret()
    }
    fn close(&self) -> BoxFuture<'_, ()> {
        self.0.close()
    }
}

/// An engine of these models on a store of its own that nobody sweeps.
pub async fn engine<M: Models>(clock: Clock) -> Arc<Engine> {
    let store: Arc<dyn Store> = Arc::new(Sqlite::open(SqliteOptions::memory()).unwrap());
    let engine = Engine::new(Registry::of(&M::descriptors()).unwrap(), store, clock);
    engine.migrate(Apply::Safe).await.unwrap();
    engine
}

/// A server of these models, and a context of the same store.
pub async fn start<M: Models>() -> Server {
    let clock = Clock::manual(START);
    let engine = engine::<M>(clock.clone()).await;
    let app = App::isolated().models::<M>().clock(clock.clone()).store(Shared(engine.store().clone()));
    let address = served(app).await;
    Server { address, cx: engine.cx(), clock }
}

/// Serves an application on a free port.
pub async fn served(app: App) -> SocketAddr {
    let router = app.router().await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(
        async move { serve(listener, router, &HttpOptions::default(), std::future::pending()).await },
    );
    address
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

/// `?query=..` with this filter.
pub fn query(filter: &Json) -> String {
    format!("query={}", url(&filter.to_string()))
}

/// Asserts an error with this status and code.
#[track_caller]
pub fn refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status, answer.code().as_str()), (status, code), "{}", answer.json());
}

/// Asserts that the answer is typed and no fault of the server.
#[track_caller]
pub fn typed(what: &str, answer: &Answer) {
    let body = String::from_utf8_lossy(&answer.body);
    assert!(answer.status < 500, "{what:.200} gave {} {body:.300}", answer.status);
    if answer.status >= 400 {
        assert_eq!(answer.json()["status"], answer.status, "{what:.200}");
        assert!(!answer.code().is_empty(), "{what:.200}");
        for leak in ["SELECT", "sqlite", "SQLITE", ".rs:", "panicked", "/work/", "system_users"] {
            assert!(!body.contains(leak), "{what:.200} shows {leak}: {body:.300}");
        }
    }
}

/// The values of one field, in order.
pub fn pluck(answer: &Answer, field: &str) -> Vec<Json> {
    answer.json().as_array().unwrap().iter().map(|row| row[field].clone()).collect()
}

/// A user as JSON.
pub fn user(email: &str, age: i64) -> Json {
    json!({"email": email, "age": age})
}
