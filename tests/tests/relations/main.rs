//! Relations through the doors and from Rust: loading, filters, deletion.

mod deleting;
mod figures;
mod filters;
mod going;
mod loading;
mod queries;
mod totals;
mod typed;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use modeller::app::{App, Models};
use modeller::doors::http::{HttpOptions, serve};
use modeller::engine::{Clock, Engine};
use modeller::model::Shape;
use modeller::prelude::*;
use modeller::query::{Filter, Select};
use modeller::registry::Registry;
use modeller::store::sqlite::{Sqlite, SqliteOptions};
use modeller::store::{Answer as Done, Apply, BoxFuture, Change, Look, Plan, Sink, Store, Transaction, Work};
use modeller_tests::http::{Answer, Client};
use serde_json::{Value as Json, json};
use tokio::net::TcpListener;

/// When the tests begin, in Unix milliseconds.
pub const START: i64 = 1_790_000_000_000;

/// Somebody who writes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[serde(rename_all = "camelCase")]
#[model(scope = "blog", name = "users", trash = "1h")]
pub struct User {
    #[model(unique)]
    pub email: String,
    #[serde(default)]
    pub role: Option<String>,
    #[model(private)]
    pub password: Option<String>,
    #[model(on_delete = "set_null")]
    pub boss: Option<Ref<User>>,
}

/// Something to comment on.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[serde(rename_all = "camelCase")]
#[model(scope = "blog", name = "posts")]
pub struct Post {
    pub title: String,
    pub owner: Ref<User>,
    #[serde(default)]
    #[model(on_delete = "set_null")]
    pub readers: Vec<Ref<User>>,
}

/// What is said about it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[serde(rename_all = "camelCase")]
#[model(scope = "blog", name = "comments", trash = "1h")]
pub struct Comment {
    #[model(on_delete = "cascade")]
    pub author: Ref<User>,
    #[model(on_delete = "cascade")]
    pub post_id: Option<Ref<Post>>,
    pub text: Option<String>,
    #[serde(default)]
    pub likes: i64,
    pub score: Option<f64>,
    /// Who has looked over it.
    #[model(private, on_delete = "set_null")]
    pub editor: Option<Ref<User>>,
    #[model(private)]
    pub note: Option<String>,
}

/// What is there for a minute.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "blog", name = "sessions", ttl = "1m")]
pub struct Session {
    #[model(on_delete = "cascade")]
    pub user: Ref<User>,
}

/// What was done in a session.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "blog", name = "steps")]
pub struct Step {
    #[model(on_delete = "cascade")]
    pub session: Ref<Session>,
    pub what: String,
}

pub type Blog = (User, Post, Comment, Session, Step);

/// A store that counts its reads. It gives no view of one moment, so that each read of a view is counted.
pub struct Counted {
    store: Arc<dyn Store>,
    pub reads: Arc<AtomicUsize>,
    /// Whether views are the store's own.
    views: bool,
}

impl Store for Counted {
    fn name(&self) -> &'static str {
        "counted"
    }
    fn migrate<'a>(&'a self, models: &'a [&'static Shape], apply: Apply) -> BoxFuture<'a, Result<Plan>> {
        self.store.migrate(models, apply)
    }
    fn read<'a>(&'a self, select: &'a Select, sink: Box<dyn Sink>) -> BoxFuture<'a, Result<Box<dyn Sink>>> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.store.read(select, sink)
    }
    fn view(&self, look: Look) -> BoxFuture<'_, Result<Done>> {
        match self.views {
            true => self.store.view(look),
            false => Box::pin(async move { look(&mut OneByOne(self)).await }),
        }
    }
    fn count<'a>(&'a self, shape: &'static Shape, filter: &'a Filter) -> BoxFuture<'a, Result<u64>> {
        self.store.count(shape, filter)
    }
    fn write(&self, work: Work) -> BoxFuture<'_, Result<Done>> {
        self.store.write(work)
    }
    fn begin(&self, actor: Option<String>) -> BoxFuture<'_, Result<Box<dyn Transaction>>> {
        self.store.begin(actor)
    }
    fn changes(&self, after: u64, limit: usize) -> BoxFuture<'_, Result<Vec<Change>>> {
        self.store.changes(after, limit)
    }
    fn secret(&self) -> [u8; 32] {
        self.store.secret()
    }
    fn close(&self) -> BoxFuture<'_, ()> {
        self.store.close()
    }
}

/// What a store gives that knows no moment: each read by itself.
struct OneByOne<'a>(&'a Counted);

impl modeller::store::View for OneByOne<'_> {
    fn read<'a>(
        &'a mut self,
        select: &'a Select,
        sink: Box<dyn Sink>,
    ) -> BoxFuture<'a, Result<Box<dyn Sink>>> {
        self.0.read(select, sink)
    }
    fn position(&mut self) -> BoxFuture<'_, Result<u64>> {
        self.0.position()
    }
}

/// A running server, its engine and its clock.
pub struct Server {
    pub address: SocketAddr,
    pub cx: Cx,
    pub clock: Clock,
    pub reads: Arc<AtomicUsize>,
}

impl Server {
    pub async fn client(&self) -> Client {
        Client::connect(self.address).await
    }
}

/// A server of these models, and a context of the same store.
pub async fn start<M: Models>(views: bool) -> Server {
    let clock = Clock::manual(START);
    let reads = Arc::new(AtomicUsize::new(0));
    let store: Arc<dyn Store> = Arc::new(Sqlite::open(SqliteOptions::memory()).unwrap());
    let counted = || Counted { store: store.clone(), reads: reads.clone(), views };
    let engine = Engine::new(Registry::of(&M::descriptors()).unwrap(), Arc::new(counted()), clock.clone());
    engine.migrate(Apply::Safe).await.unwrap();
    let app = App::isolated().models::<M>().clock(clock.clone()).store(counted());
    let router = app.router().await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(
        async move { serve(listener, router, &HttpOptions::default(), std::future::pending()).await },
    );
    Server { address, cx: engine.cx(), clock, reads }
}

/// A blog with two users, two posts of the first, and five comments.
pub struct Filled {
    pub server: Server,
    pub client: Client,
    pub ada: String,
    pub bob: String,
    pub first: String,
    pub second: String,
}

pub async fn filled(views: bool) -> Filled {
    let server = start::<Blog>(views).await;
    let mut client = server.client().await;
    let ada =
        insert(&mut client, "users", json!({"email": "ada@b.c", "role": "admin", "password": "x"})).await;
    let bob = insert(&mut client, "users", json!({"email": "bob@b.c", "boss": ada})).await;
    let first =
        insert(&mut client, "posts", json!({"title": "first", "owner": ada, "readers": [bob, ada]})).await;
    let second = insert(&mut client, "posts", json!({"title": "second", "owner": ada})).await;
    for (author, post, text, likes) in [
        (&ada, Some(&first), Some("a"), 1),
        (&bob, Some(&first), Some("b"), 2),
        (&bob, Some(&first), None, 4),
        (&bob, Some(&second), Some("d"), 8),
        (&bob, None, Some("e"), 16),
    ] {
        let comment = json!({"author": author, "postId": post, "text": text, "likes": likes, "note": "hidden", "editor": ada});
        insert(&mut client, "comments", comment).await;
        server.clock.advance(std::time::Duration::from_millis(1));
    }
    Filled { server, client, ada, bob, first, second }
}

/// Adds a document, and answers its id.
pub async fn insert(client: &mut Client, model: &str, document: Json) -> String {
    let answer = client.post(&format!("/blog/{model}/insert"), &document).await;
    assert_eq!(answer.status, 201, "{}", answer.json());
    answer.json()["_id"].as_str().unwrap().to_owned()
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

/// `with=..` with this object.
pub fn with(with: &Json) -> String {
    format!("with={}", url(&with.to_string()))
}

/// `query=..` with this filter.
pub fn query(filter: &Json) -> String {
    format!("query={}", url(&filter.to_string()))
}

/// The answer of a GET that succeeds.
#[track_caller]
pub fn good(answer: Answer) -> Json {
    assert_eq!(answer.status, 200, "{}", answer.json());
    answer.json()
}

/// Asserts an error with this status and code.
#[track_caller]
pub fn refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status, answer.code().as_str()), (status, code), "{}", answer.json());
}

/// The values of one field, in order.
pub fn pluck(json: &Json, field: &str) -> Vec<Json> {
    json.as_array().unwrap().iter().map(|row| row[field].clone()).collect()
}
