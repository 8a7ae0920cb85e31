//! A chat: rooms with their history, who is there, and who is typing, over one WebSocket. The page is part of the program.
//!
//! ```sh
//! cargo run --example chat
//! # and open http://127.0.0.1:3030 in two windows. To write without a browser, and to listen:
//! api=http://127.0.0.1:3030/chat/messages
//! curl -s $api/insert -H 'content-type: application/json' -d '{"room": "general", "author": "curl", "text": "hello"}'
//! curl -N "$api/live?room=general&sort=-number&count=50"
//! ```

use std::process::ExitCode;
use std::time::Duration;

use modeller::doors::http::{Mounted, Page};
use modeller::live::{ChannelAction, ChannelSettings, LiveOptions, RateLimit};
use modeller::prelude::*;

/// A place to talk about something.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "chat", name = "rooms")]
pub struct Room {
    /// As it stands in addresses: letters and digits, with dashes between them.
    #[validate(length(min = 1, max = 40))]
    #[model(key)]
    pub name: String,
    /// The number of its last message.
    #[serde(default)]
    pub last: i64,
}

/// Something that was said, and stays.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "chat", name = "messages", unique(room, number))]
pub struct Message {
    pub room: Ref<Room>,
    /// Its place among those of the room: 1, 2, 3, and so on. The server counts.
    #[serde(default)]
    pub number: i64,
    #[validate(length(min = 1, max = 40))]
    pub author: String,
    #[validate(length(min = 1, max = 2_000))]
    pub text: String,
}

/// A room is called what fits into an address, and begins with nothing.
#[modeller::hook(Room, before(insert))]
async fn name(room: &mut Room) -> Result<()> {
    let words = room.name.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    room.name = words.map(str::to_lowercase).collect::<Vec<_>>().join("-");
    room.last = 0;
    Ok(())
}

/// A room counts by one, whoever has it count: a message that got a number that is taken could not be said.
#[modeller::hook(Room, before(update))]
async fn count(room: &mut Room, before: Previous<'_, Room>) -> Result<()> {
    match room.last.checked_sub(before.last) {
        Some(0 | 1) => Ok(()),
        _ => Err(Error::new(Code::Forbidden, "a room counts its messages by one")),
    }
}

/// A message begins and ends with something, and has the next number of its room. The room counts in the transaction of the message, so
/// that numbers are the order of the commits: none is there twice, and none is missing unless somebody counts without saying anything.
#[modeller::hook(Message, before(insert))]
async fn number(cx: &Cx, message: &mut Message) -> Result<()> {
    message.author = message.author.trim().to_owned();
    message.text = message.text.trim().to_owned();
    message.number = Room::update(cx, message.room.id(), Room::LAST.inc(1)).await?.last;
    Ok(())
}

/// What was said stays as it was said.
#[modeller::hook(Message, before(update, delete))]
async fn keep() -> Result<()> {
    Err(Error::new(Code::Forbidden, "messages stay as they are"))
}

/// Every room has a channel, where clients tell each other who is there and who is typing. There are no others.
fn channels() -> ChannelSettings {
    ChannelSettings::new().gate([ChannelAction::Join]).authorize(|cx, topic, _| async move {
        match topic.strip_prefix("room:") {
            Some(room) if !topic.is_private() => Ok(Room::get(&cx, room).await?.is_some()),
            _ => Ok(false),
        }
    })
}

/// A new database has a room.
fn first_room(mounted: &Mounted) {
    let cx = mounted.cx().clone();
    tokio::spawn(async move {
        if matches!(Room::count(&cx).await, Ok(0))
            && let Err(error) = Room::insert(&cx, Room { name: "general".into(), last: 0 }).await
        {
            eprintln!("{error}");
        }
    });
}

/// A file of the page. It loads and calls nothing but what is here.
fn file(path: &'static str, kind: &'static str, text: &'static str) -> Page {
    Page::new(path, kind, text).policy(
        "default-src 'self'; img-src data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    )
}

/// The chat.
pub fn app() -> App {
    App::new()
        .title("Chat")
        .live(LiveOptions::new().rate_limit(RateLimit { max_requests: 100, window: Duration::from_secs(10) }))
        .channels(channels())
        .on_mounted(first_room)
        .page(file("/", "text/html; charset=utf-8", include_str!("page/index.html")))
        .page(file("/chat.css", "text/css; charset=utf-8", include_str!("page/chat.css")))
        .page(file("/chat.js", "text/javascript; charset=utf-8", include_str!("page/chat.js")))
        .page(file("/connection.js", "text/javascript; charset=utf-8", include_str!("page/connection.js")))
}

fn main() -> ExitCode {
    app().main()
}
