//! The AsyncAPI document: that all is in it that there is, and that what it says is so.
#![allow(missing_docs)]

mod complete;
mod examples;
mod realtime;
mod streams;
mod talk;

use std::net::SocketAddr;

use modeller::live::{LiveOptions, RulesOptions};
use modeller::prelude::*;
use modeller::{Code, Error};
use modeller_tests::http;
use serde_json::{Value as Json, json};
use tokio::net::TcpListener;

/// Somebody.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "system", name = "users", trash = "1h")]
pub struct User {
    #[validate(email)]
    #[model(unique)]
    pub email: String,
    #[validate(range(min = 0, max = 150))]
    pub age: i64,
    #[serde(default)]
    pub role: Role,
    pub address: Option<Address>,
    #[model(private)]
    pub secret: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    #[default]
    User,
    Admin,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Address {
    pub city: String,
    /// A tuple, of which the two dialects have different words.
    pub place: Option<(f64, f64)>,
}

/// Something written.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "app", name = "notes")]
pub struct Note {
    #[validate(length(min = 1))]
    #[model(searchable)]
    pub text: String,
    #[serde(default)]
    pub stars: f64,
    pub tags: Option<Vec<String>>,
}

/// Starts over.
///
/// For one use.
#[modeller::method(User)]
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
pub struct Reset {
    #[validate(email)]
    pub email: String,
    #[validate(range(min = 1, max = 10))]
    pub attempts: Option<u8>,
}

/// What a reset answers.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Token {
    pub token: String,
    pub attempts: u8,
}

impl Method for Reset {
    type Reply = Token;

    async fn call(self, _: &Cx) -> Result<Token> {
        Ok(Token { token: format!("for {}", self.email), attempts: self.attempts.unwrap_or(1) })
    }
}

/// How many there are of a role.
#[modeller::query(User)]
async fn of_role(cx: &Cx, role: Role) -> Result<u64> {
    User::find().filter(User::ROLE.eq(role)).count(cx).await
}

/// The text of some note, as long as there is one.
#[modeller::query(Note)]
async fn some_text(cx: &Cx) -> Result<String> {
    let notes = Note::find().all(cx).await?;
    let text = notes.first().map(|note| note.text.clone());
    text.ok_or_else(|| Error::new(Code::NotFound, "there are no notes"))
}

/// Says something to all who listen.
#[modeller::event(Note)]
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
pub struct Shout {
    pub text: String,
}

impl Event for Shout {
    type Reply = usize;

    async fn handle(self, _: &Cx, to: &Subscription) -> Result<usize> {
        to.publish(json!({ "text": self.text }))?;
        Ok(self.text.len())
    }
}

pub fn app() -> App {
    App::isolated()
        .models::<(User, Note)>()
        .extend::<User, Note>()
        .rules(RulesOptions::new())
        // One client asks for everything here.
        .live(LiveOptions::new().max_subscriptions(1_000))
}

/// A real server, and its document.
pub async fn serve(app: App) -> (SocketAddr, Json) {
    let router = app.router().await.unwrap();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let document = http::Client::connect(address).await.get("/@asyncapi.json").await.json();
    (address, document)
}

/// What a reference leads to.
pub fn follow<'a>(document: &'a Json, reference: &Json) -> &'a Json {
    let pointer = reference["$ref"].as_str().unwrap().strip_prefix('#').unwrap();
    let target = document.pointer(pointer).unwrap_or_else(|| panic!("nothing is at {pointer}"));
    if target.get("$ref").is_some() { follow(document, target) } else { target }
}

/// The schema of a message's payload, with all that it leads to.
pub fn validator(document: &Json, message: &Json) -> jsonschema::Validator {
    let schema =
        json!({ "allOf": [follow(document, message)["payload"]], "components": document["components"] });
    jsonschema::options()
        .with_draft(jsonschema::Draft::Draft7)
        .should_validate_formats(true)
        .build(&schema)
        .unwrap()
}
