//! A chat to be talked to over sockets: rooms with events, and handlers that misbehave in every way that callers meet.

use std::process::ExitCode;
use std::sync::Mutex;
use std::time::Duration;

use modeller::doors::http::HttpOptions;
use modeller::doors::socketio::SocketIoOptions;
use modeller::live::{ChannelAction, ChannelSettings, LiveOptions, RateLimit, RulesOptions};
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

/// Says something in a channel, as the application; what is kept is told again to who asks.
#[modeller::method(Message)]
async fn shout(cx: &Cx, channel: String, private: bool, kept: bool, count: u32, size: usize) -> Result<u32> {
    let channel = cx.channel(channel);
    let channel = if private { channel.private() } else { channel };
    let padding = "x".repeat(size);
    for number in 0..count {
        let payload = json!({ "number": number, "padding": padding });
        match kept {
            true => drop(channel.send("shout", payload).await?),
            false => drop(channel.broadcast("shout", payload)?),
        }
    }
    Ok(count)
}

/// Puts somebody out of a channel.
#[modeller::method(Message)]
async fn put_out(cx: &Cx, connection: String, channel: String) -> Result<bool> {
    let why = Error::new(Code::Forbidden, "the room is closed");
    Ok(cx.engine().channels().expel(&connection, &channel, &why).is_ok())
}

/// Who has come and gone, by doors.
static COMINGS: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn note(what: &str, who: &modeller::live::ConnectionInfo) {
    let name = who.user_id.as_deref().unwrap_or("somebody");
    let from = who.remote_address.map_or_else(|| "nowhere".to_owned(), |remote| remote.ip().to_string());
    let line = format!("{what} {} {name} {from}", who.door);
    COMINGS.lock().expect("nobody panics while it is held").push(line);
}

/// What was noted of that.
#[modeller::method(Message)]
async fn comings(_cx: &Cx) -> Result<Vec<String>> {
    Ok(COMINGS.lock().expect("nobody panics while it is held").clone())
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
        "slow" => std::future::pending().await,
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
    let mut live = LiveOptions::new().max_subscriptions(20);
    if let Some(millis) = number("TIMEOUT") {
        live = live.request_timeout(Duration::from_millis(millis));
    }
    if let Some(millis) = number("PING") {
        live = live.heartbeat(Duration::from_millis(millis), Duration::from_millis(millis));
    }
    if let Some(requests) = number("RATE") {
        live = live.rate_limit(RateLimit { max_requests: requests as u32, window: Duration::from_secs(60) });
    }
    if let Some(bytes) = number("MEMORY") {
        live = live.payload_memory(bytes as usize);
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
    let mut channels = ChannelSettings::new().authorize(|_cx, topic, action| async move {
        Ok(topic.starts_with("room:") || topic.starts_with("news:") && action != ChannelAction::Publish)
    });
    if number("GATED").is_some() {
        channels = channels.gate([ChannelAction::Publish]);
    }
    if let Some(millis) = number("GRACE") {
        channels = channels.presence_grace(Duration::from_millis(millis));
    }
    if let Some(millis) = number("TTL") {
        channels = channels.presence_ttl(Duration::from_millis(millis));
    }
    let mut app = App::new();
    if number("RULES").is_some() {
        app = app.rules(RulesOptions::new());
    }
    app.on_connection(|connection| note("come", connection))
        .on_disconnection(|connection| note("gone", connection))
        .channels(channels)
        .models::<(Message, User)>()
        .extend::<User, Message>()
        .http(HttpOptions::default().cors(["http://friend.example"]))
        .live(live)
        .socketio(socketio)
        .main()
}
