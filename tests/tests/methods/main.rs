//! Methods, queries and events at run time: over HTTP, from Rust, and what is published on the way.
#![allow(missing_docs)]

mod calls;
mod declared;
mod described;
mod events;
mod extensions;
mod hostile;
mod queries;

use std::net::SocketAddr;
use std::sync::Arc;

use modeller::doors::http::{Backend, BoxFuture, HttpDoor, HttpOptions, listen, serve};
use modeller::engine::{Call, Clock, Cx, Engine, Identity, Reply, Transact, check};
use modeller::model::Descriptor;
use modeller::registry::Registry;
use modeller::store::Apply;
use modeller::store::sqlite::{Sqlite, SqliteOptions};
use modeller::{Model, Result};
use modeller_tests::http::{Answer, Client};

pub use declared::*;

/// An engine, as a door sees it.
struct Door(Arc<Engine>);

impl Backend for Door {
    fn registry(&self) -> &Registry {
        self.0.registry()
    }

    fn call(&self, call: Call) -> BoxFuture<'_, Result<Reply>> {
        Box::pin(self.0.perform(call))
    }

    fn transact(&self, several: Transact) -> BoxFuture<'_, Result<Reply>> {
        Box::pin(self.0.transact(several))
    }

    fn cx(&self) -> Cx {
        Cx::new(self.0.clone(), Identity::Anonymous)
    }
}

/// A running server, and a context of its engine.
pub struct Server {
    pub address: SocketAddr,
    pub cx: Cx,
}

impl Server {
    pub async fn client(&self) -> Client {
        Client::connect(self.address).await
    }
}

pub fn descriptors() -> Vec<&'static Descriptor> {
    vec![User::descriptor(), Post::descriptor(), Comment::descriptor()]
}

/// An engine of all models, with these extensions.
pub async fn engine(extensions: &[(&'static Descriptor, &'static Descriptor)]) -> Arc<Engine> {
    let mut registry = Registry::of(&descriptors()).expect("the models fit together");
    registry.extend(extensions).expect("the extensions fit");
    check(&registry).expect("what they do fits");
    let store = Sqlite::open(SqliteOptions::memory()).expect("there is memory");
    let engine = Engine::new(registry, Arc::new(store), Clock::system());
    engine.migrate(Apply::Safe).await.expect("an empty store fits");
    engine
}

/// Serves an engine.
pub async fn served(engine: Arc<Engine>) -> Server {
    served_with(engine, HttpOptions::default()).await
}

/// Serves an engine with these options.
pub async fn served_with(engine: Arc<Engine>, options: HttpOptions) -> Server {
    let options = options.body_limit(64 * 1024);
    let service = HttpDoor::new(Arc::new(Door(engine.clone())), options.clone()).service().expect("it fits");
    let listener = listen(([127, 0, 0, 1], 0).into()).expect("loopback has a free port");
    let address = listener.local_addr().expect("a listener has an address");
    tokio::spawn(async move { serve(listener, service, &options, std::future::pending()).await });
    Server { address, cx: engine.cx() }
}

pub async fn start() -> Server {
    served(engine(&[]).await).await
}

/// Asserts an error with this status and code.
#[track_caller]
pub fn refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status, answer.code().as_str()), (status, code), "{}", answer.json());
}

/// The paths and keywords of all faults.
pub fn faults(answer: &Answer) -> Vec<(String, String)> {
    let text = |value: &serde_json::Value| value.as_str().expect("text").to_owned();
    let errors = answer.json()["errors"].as_array().cloned().unwrap_or_default();
    let mut all: Vec<_> =
        errors.iter().map(|one| (text(&one["instancePath"]), text(&one["keyword"]))).collect();
    all.sort();
    all
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
