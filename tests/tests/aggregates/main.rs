//! Figures over many documents, and updates that change what is stored: over HTTP, and from Rust.

mod figures;
mod hostile;
mod rust;
mod updates;

use std::net::SocketAddr;

use modeller::app::{App, Models};
use modeller::doors::http::{HttpOptions, serve};
use modeller::engine::Clock;
use modeller::prelude::*;
use modeller_tests::http::{Answer, Client};
use serde_json::{Value as Json, json};
use tokio::net::TcpListener;

/// Something that is sold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[serde(rename_all = "camelCase")]
#[model(scope = "shop", name = "products", trash = "1h", ttl = "1d")]
pub struct Product {
    /// How it is known.
    #[model(key)]
    pub sku: String,
    /// What kind of thing it is.
    #[serde(default)]
    pub kind: Kind,
    /// How many there are.
    #[validate(range(min = 0))]
    pub stock: i64,
    /// What it weighs, in kilograms.
    pub weight: Option<f64>,
    /// When it came.
    pub arrived: Option<jiff::Timestamp>,
    /// What it is about.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Where it lies.
    pub place: Option<Place>,
    /// What it cost us.
    #[model(private)]
    pub cost: Option<i64>,
    /// Who asked for it.
    #[model(private)]
    pub wishes: Option<Vec<String>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    #[default]
    Book,
    Game,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Place {
    pub city: String,
    pub shelf: Option<u32>,
}

impl Product {
    pub fn new(sku: &str, stock: i64) -> Self {
        Product {
            sku: sku.into(),
            kind: Kind::Book,
            stock,
            weight: None,
            arrived: None,
            tags: vec![],
            place: None,
            cost: None,
            wishes: None,
        }
    }
}

/// What does not vary: counters.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(name = "counters")]
pub struct Counter {
    /// What is counted.
    #[model(unique)]
    pub name: String,
    /// How often.
    #[serde(default)]
    pub hits: i64,
    /// The least ever seen.
    pub least: Option<i64>,
}

/// Serves these models on a free port, with a clock that is moved by hand.
pub async fn start<M: Models>() -> (SocketAddr, Clock) {
    let clock = Clock::manual(1_790_000_000_000);
    let router = App::isolated().models::<M>().clock(clock.clone()).router().await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(
        async move { serve(listener, router, &HttpOptions::default(), std::future::pending()).await },
    );
    (address, clock)
}

/// A client of a shop with four products.
pub async fn shop() -> (Client, Clock) {
    let (address, clock) = start::<(Product, Counter)>().await;
    let mut client = Client::connect(address).await;
    for product in [
        json!({"sku": "a", "stock": 3, "weight": 0.1, "cost": 100, "tags": ["x"],
               "arrived": "2026-01-02T03:04:05Z", "place": {"city": "Rome", "shelf": 1}}),
        json!({"sku": "b", "stock": 5, "weight": 0.2, "cost": 200, "kind": "game", "place": {"city": "Rome"}}),
        json!({"sku": "c", "stock": 0, "kind": "game", "place": {"city": "Oslo", "shelf": 7}}),
        json!({"sku": "d", "stock": 4, "weight": 0.3, "arrived": "2026-01-02T03:04:05.5+01:00"}),
    ] {
        assert_eq!(client.post("/shop/products/insert", &product).await.status, 201);
    }
    (client, clock)
}

/// Asks for figures.
pub async fn figures(client: &mut Client, body: &Json) -> Answer {
    client.post("/shop/products/aggregate", body).await
}

/// Asserts an error with this status and code.
#[track_caller]
pub fn refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status, answer.code().as_str()), (status, code), "{}", answer.json());
}
