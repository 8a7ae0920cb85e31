//! Hooks around writes and lists: what they see, change, call off, and what is left when they do.

mod around;
mod declared;
mod emitter;
mod together;
mod waiting;

use std::sync::{Arc, Mutex};

use modeller::app::{App, Models};
use modeller::engine::{Engine, FromHook, HookEvent, HookOptions, HookParts, HookPoint, Operation, Timing};
use modeller::prelude::*;
use modeller::store::BoxFuture;
use serde_json::{Value as Json, json};

/// A thing that is sold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "shop", name = "products")]
pub struct Product {
    /// What it is called.
    #[validate(length(min = 2, max = 20))]
    #[model(unique)]
    pub name: String,
    /// In cents.
    #[serde(default)]
    pub price: i64,
    /// What only the shop knows.
    #[model(private)]
    pub cost: Option<i64>,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "shop", name = "entries")]
pub struct Entry {
    /// In words.
    pub text: String,
}

pub type Answer<'a> = BoxFuture<'a, Result<()>>;

/// Everything that hooks have told.
#[derive(Clone, Default)]
pub struct Seen(Arc<Mutex<Vec<String>>>);

impl Seen {
    pub fn tell(&self, text: impl Into<String>) {
        self.0.lock().unwrap().push(text.into());
    }

    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

pub async fn start<M: Models>() -> (Arc<Engine>, Cx) {
    let cx = App::isolated().models::<M>().cx().await.unwrap();
    (cx.engine().clone(), cx)
}

pub fn product(name: &str) -> Product {
    Product { name: name.into(), price: 100, cost: None }
}

pub fn at(timing: Timing, operation: Operation) -> HookPoint {
    HookPoint::new(timing, operation)
}

/// Takes what a hook of products needs.
pub fn take<'a, T: FromHook<'a, Product>>(parts: &mut HookParts<'a>) -> T {
    parts.take().unwrap()
}

/// The texts of all entries.
pub async fn entries(cx: &Cx) -> Vec<String> {
    let docs = Entry::find().order_by(Entry::CREATED_AT.asc()).all(cx).await.unwrap();
    docs.into_iter().map(|doc| doc.data.text).collect()
}

/// Everything in the change log, as `model id op`.
pub async fn log(engine: &Engine) -> Vec<String> {
    let changes = engine.store().changes(0, 1000).await.unwrap();
    changes.iter().map(|change| format!("{} {:?}", change.model, change.op)).collect()
}

pub fn event(parts: &mut HookParts<'_>) -> Json {
    let event: HookEvent = take(parts);
    serde_json::to_value(event).unwrap()
}

pub fn refused() -> Error {
    Error::custom("QUOTA_EXCEEDED", 402, "no more of these")
}

pub fn quota() -> Json {
    json!({ "code": "QUOTA_EXCEEDED", "message": "no more of these", "status": 402 })
}
