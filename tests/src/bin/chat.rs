//! A chat to be talked to over sockets: rooms with events, and handlers that misbehave in every way that callers meet.

use std::process::ExitCode;
use std::time::Duration;

use modeller::doors::http::HttpOptions;
use modeller::doors::socketio::SocketIoOptions;
use modeller::live::{LiveOptions, RateLimit};
use modeller::prelude::*;
use serde_json::{Value as Json, json};

/// Something that was said.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "chat", name = "messages")]
pub struct Message {
    #[validate(length(min = 1, max = 100_000))]
    pub text: String,
    pub room: Option<String>,
}

/// Somebody who takes part.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "system", name = "users")]
pub struct User {
    #[validate(email)]
    #[model(unique)]
    pub email: String,
    #[model(private)]
    pub password: Option<String>,
    #[serde(default)]
    pub age: i64,
}

/// Says something in the room of the subscription.
#[modeller::event(Message)]
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
pub struct SendMessage {
    #[validate(length(min = 1))]
    pub text: String,
}

/// Whether it got there.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Delivered {
    pub delivered: bool,
}

impl Event for SendMessage {
    type Reply = Delivered;

    async fn handle(self, cx: &Cx, to: &Subscription) -> Result<Delivered> {
        let room = to.scope()["roomId"].as_str().map(str::to_owned);
        Message::insert(cx, Message { text: self.text.clone(), room }).await?;
        to.publish(json!({ "said": self.text, "scope": to.scope() }))?;
        Ok(Delivered { delivered: true })
    }
}

/// Breaks.
#[modeller::event(Message)]
async fn burst(_to: &Subscription, why: String) -> Result<bool> {
    panic!("{why}")
}

/// Publishes to a room from outside of it.
#[modeller::method(Message)]
async fn announce(cx: &Cx, room: String, count: u32, size: usize) -> Result<u32> {
    let subscription = Message::subscription(cx, json!({ "roomId": room }))?;
    let padding = "x".repeat(size);
    for number in 0..count {
        subscription.publish(json!({ "number": number, "padding": padding }))?;
    }
    Ok(count)
}

/// Ends a room for all.
#[modeller::method(Message)]
async fn close_room(cx: &Cx, room: String) -> Result<bool> {
    Message::unsubscribe(cx, json!({ "roomId": room }))
}

/// How many subscriptions anybody holds on to.
#[modeller::method(Message)]
async fn rooms(cx: &Cx) -> Result<usize> {
    Ok(cx.engine().subscriptions())
}

/// Fails as it is told to.
#[modeller::method(User)]
async fn fail(_cx: &Cx, how: String) -> Result<bool> {
    match how.as_str() {
        "teapot" => Err(Error::custom("TEAPOT", 418, "short and stout")),
        "internal" => Err(Error::new(Code::InternalError, "disk I/O error in /var/lib/data.db")),
        "slow" => {
            tokio::time::sleep(Duration::from_secs(30)).await;
            Ok(true)
        }
        how => panic!("{how}"),
    }
}

/// Those who are at least this old.
#[modeller::query(User)]
async fn grown_up(cx: &Cx, age: i64) -> Result<Vec<String>> {
    let users = User::find().filter(User::AGE.gte(age)).order_by(User::EMAIL.asc()).all(cx).await?;
    Ok(users.into_iter().map(|user| user.email.clone()).collect())
}

/// Answers much.
#[modeller::method(User)]
async fn much(_cx: &Cx, size: usize) -> Result<Json> {
    Ok(json!("y".repeat(size)))
}

fn main() -> ExitCode {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let mut live = LiveOptions::new().request_timeout(Duration::from_secs(2)).max_subscriptions(20);
    if let Some(millis) = number("PING") {
        live = live.heartbeat(Duration::from_millis(millis), Duration::from_millis(millis));
    }
    if let Some(requests) = number("RATE") {
        live = live.rate_limit(RateLimit { max_requests: requests as u32, window: Duration::from_secs(60) });
    }
    if let Some(connections) = number("CONNECTIONS") {
        live = live.max_connections(connections as usize);
    }
    let mut socketio = SocketIoOptions::new();
    if number("AUTH").is_some() {
        socketio = socketio.authenticate(async |handshake| match handshake.token() {
            Some("let me in") => Ok(handshake.identity().clone()),
            Some("break") => panic!("the check of tokens broke"),
            _ => Err(Error::new(Code::Unauthorized, "sign in first")),
        });
    }
    App::new()
        .models::<(Message, User)>()
        .extend::<User, Message>()
        .http(HttpOptions::default().cors(["http://friend.example"]))
        .live(live)
        .socketio(socketio)
        .main()
}
