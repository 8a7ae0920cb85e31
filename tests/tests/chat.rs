//! The example of a chat, tested as its author would. What its page does is tested in a browser: `tests/browser/chat.sh`.

#[allow(dead_code)]
#[path = "../../examples/chat/main.rs"]
mod chat;

use chat::{Message, Room, app};
use modeller::live::{ChannelEvent, ChannelOptions, ChannelSink};
use modeller::prelude::*;
use modeller::test::Kit;
use serde_json::{Value as Json, json};
use std::sync::Arc;

async fn open() -> Kit {
    let kit = app().test().await.unwrap();
    kit.post("/chat/rooms/insert", json!({ "name": "general" })).await.expect(201);
    kit
}

fn message(text: &str) -> Json {
    json!({ "room": "general", "author": " Ada ", "text": text })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn messages_have_the_numbers_of_their_room_without_a_gap_however_many_write_at_once() {
    let kit = open().await;
    let writers = (0..20).map(|at| {
        let cx = kit.cx();
        tokio::spawn(async move {
            // Every fourth says nothing, and takes no number.
            let text = if at % 4 == 0 { "  ".to_owned() } else { format!(" {at} ") };
            let message = Message { room: "general".into(), number: 700, author: "Ada".into(), text };
            Message::insert(&cx, message).await.is_ok()
        })
    });
    let mut written = 0;
    for writer in writers.collect::<Vec<_>>() {
        written += i64::from(writer.await.unwrap());
    }
    let said = Message::find().order_by(Message::NUMBER.asc()).all(&kit.cx()).await.unwrap();
    let numbers: Vec<i64> = said.iter().map(|message| message.number).collect();
    assert_eq!((written, numbers), (15, (1..=15).collect()));
    assert_eq!(Room::get(&kit.cx(), "general").await.unwrap().unwrap().last, 15);
}

#[tokio::test]
async fn what_was_said_has_no_blanks_around_it_and_stays() {
    let kit = open().await;
    let said = kit.post("/chat/messages/insert", message("  <b>hello</b>\n")).await.expect(201);
    assert_eq!((&said["author"], &said["text"]), (&json!("Ada"), &json!("<b>hello</b>")));
    let id = said["_id"].as_str().unwrap();
    for refused in [
        kit.put(&format!("/chat/messages/update?_id={id}"), json!({ "text": "something else" })).await,
        kit.delete(&format!("/chat/messages/delete?_id={id}")).await,
    ] {
        assert_eq!(refused.code(), "FORBIDDEN");
    }
    for wrong in [message(" \n "), message(&"x".repeat(2_001)), json!({ "room": "general", "text": "hello" })]
    {
        assert_eq!(kit.post("/chat/messages/insert", &wrong).await.code(), "VALIDATION_ERROR", "{wrong}");
    }
    let nowhere = json!({ "room": "nowhere", "author": "Ada", "text": "hello" });
    assert!(kit.post("/chat/messages/insert", nowhere).await.status >= 400);
    assert_eq!(Room::get(&kit.cx(), "general").await.unwrap().unwrap().last, 1);
}

#[tokio::test]
async fn nobody_can_make_a_room_count_otherwise() {
    let kit = open().await;
    for text in ["one", "two"] {
        kit.post("/chat/messages/insert", message(text)).await.expect(201);
    }
    for last in [0, 1, 4, i64::MAX, i64::MIN] {
        let refused = kit.put("/chat/rooms/update?_id=general", json!({ "last": last })).await;
        assert_eq!(refused.code(), "FORBIDDEN", "{last}");
    }
    let said = kit.post("/chat/messages/insert", message("three")).await.expect(201);
    assert_eq!(said["number"], 3);
}

#[tokio::test]
async fn a_room_is_called_what_fits_into_an_address() {
    let kit = open().await;
    let room =
        kit.post("/chat/rooms/insert", json!({ "name": " Rust & Web! ", "last": 3 })).await.expect(201);
    assert_eq!(
        (&room["_id"], &room["name"], &room["last"]),
        (&json!("rust-web"), &json!("rust-web"), &json!(0))
    );
    let again = kit.post("/chat/rooms/insert", json!({ "name": "rust web" })).await;
    assert_eq!(again.code(), "UNIQUE_VIOLATION");
    for wrong in ["", "&", &"x".repeat(41)] {
        assert_eq!(kit.post("/chat/rooms/insert", json!({ "name": wrong })).await.code(), "VALIDATION_ERROR");
    }
}

struct Deaf;

impl ChannelSink for Deaf {
    fn send(&self, _event: &ChannelEvent) {}
}

#[tokio::test]
async fn there_are_channels_of_rooms_and_no_others() {
    let kit = open().await;
    let (cx, channels) = (kit.anonymous().cx(), kit.engine().channels());
    let mut private = ChannelOptions::default();
    private.private = true;
    for (topic, options, may) in [
        ("room:general", ChannelOptions::default(), true),
        ("room:nowhere", ChannelOptions::default(), false),
        ("general", ChannelOptions::default(), false),
        ("room:general", private, false),
    ] {
        let joined = channels.join(&cx, "somebody", topic, options, Arc::new(Deaf)).await;
        assert_eq!(joined.is_ok(), may, "{topic} {joined:?}");
        channels.leave_all("somebody");
    }
}

#[tokio::test]
async fn the_page_is_part_of_the_program_and_may_load_nothing_else() {
    let kit = open().await;
    for (path, kind) in [
        ("/", "text/html; charset=utf-8"),
        ("/chat.css", "text/css; charset=utf-8"),
        ("/chat.js", "text/javascript; charset=utf-8"),
        ("/connection.js", "text/javascript; charset=utf-8"),
    ] {
        let page = kit.get(path).await;
        assert_eq!((page.status, page.header("content-type")), (200, Some(kind)), "{path}");
        assert!(page.header("content-security-policy").unwrap().starts_with("default-src 'self'"), "{path}");
    }
}
