//! What the document says is so: messages that are made after it are sent to a server, and what that answers is held against it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use jsonschema::Validator;
use serde_json::{Value as Json, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::examples::Maker;
use super::{app, follow, serve, validator};

const PATIENCE: Duration = Duration::from_secs(30);

/// How many messages are made for each operation.
const EXAMPLES: usize = 12;

/// What a message that fits can still be refused with: what there is, and who asks, no schema knows.
const MAY_BE: &[&str] = &["NOT_FOUND", "ALREADY_EXISTS", "CONFLICT", "UNAUTHORIZED"];

struct Talk {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// The schemas of what is sent to clients without being asked for.
    told: Vec<(String, Validator)>,
    /// Those of which there was one.
    heard: BTreeSet<String>,
}

impl Talk {
    /// The answer to this message.
    async fn ask(&mut self, message: &Json) -> Json {
        self.socket.send(Message::text(message.to_string())).await.unwrap();
        loop {
            let said = self.next().await;
            if said["id"] == message["id"] && said.get("id").is_some() {
                return said;
            }
        }
    }

    async fn next(&mut self) -> Json {
        let message = timeout(PATIENCE, self.socket.next()).await.expect("something comes").unwrap().unwrap();
        let Message::Text(text) = message else { panic!("{message:?} is no message") };
        let said: Json = serde_json::from_str(&text).unwrap();
        if said.get("id").is_none() {
            let fits = self.told.iter().filter(|(_, validator)| validator.is_valid(&said));
            let names: Vec<String> = fits.map(|(name, _)| name.clone()).collect();
            assert!(!names.is_empty(), "the document knows of no such message: {said}");
            self.heard.extend(names);
        }
        said
    }
}

/// Whether a refusal is for something that no schema can say: a cursor or a position that is not the server's own,
/// pages that go together, a sort by the name of a figure.
fn is_beyond_schemas(message: &Json, error: &Json) -> bool {
    let code = error["code"].as_str().unwrap();
    let has = |member: &str| message.get(member).is_some();
    MAY_BE.contains(&code)
        || (code == "VALIDATION_ERROR" && error["details"]["code"] == "INVALID_CURSOR" && has("after"))
        || (code == "INVALID_REQUEST" && has("since"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_answers_as_it_is_described() {
    //
    let (address, document) = serve(app()).await;
    let operations = document["operations"].as_object().unwrap();
    let of_channel = |action: &'static str| {
        operations.iter().filter(move |(_, one)| {
            one["channel"]["$ref"] == "#/channels/websocket" && one["action"] == action
        })
    };
    let told =
        of_channel("send").map(|(name, one)| (name.clone(), validator(&document, &one["messages"][0])));
    let path = document["channels"]["websocket"]["address"].as_str().unwrap();
    let (socket, _) = connect_async(format!("ws://{address}{path}")).await.unwrap();
    let mut talk = Talk { socket, told: told.collect(), heard: BTreeSet::new() };
    assert_eq!(talk.next().await["type"], "welcome");
    // So that there is something to be told: a channel, its changes, who is present; and live queries of all models.
    let prepare = [
        json!({ "type": "channel.subscribe", "channel": "room:1", "config": { "presence": { "key": "ada" } } }),
        json!({ "type": "channel.postgres_changes:subscribe", "channel": "room:1", "table": "users" }),
        json!({ "type": "channel.track", "channel": "room:1", "state": {} }),
        json!({ "type": "store.subscribe", "bucket": "system/users" }),
        json!({ "type": "store.subscribe", "bucket": "app/notes" }),
        json!({ "type": "store.subscribe", "query": "ofRole", "params": { "role": "user" } }),
        json!({ "type": "store.subscribe", "query": "count", "bucket": "system/users" }),
        json!({ "type": "store.subscribe", "query": "aggregate", "bucket": "app/notes", "groupBy": "text" }),
        json!({ "type": "rules.subscribe", "pattern": "**" }),
    ];
    for (at, mut message) in prepare.into_iter().enumerate() {
        message["id"] = format!("before {at}").into();
        let answer = talk.ask(&message).await;
        assert_eq!(answer["type"], "result", "{message}: {answer}");
    }
    let mut maker = Maker::new(&document, 7);
    let mut wrong = Vec::new();
    let mut went_well: BTreeMap<String, usize> = BTreeMap::new();
    // What ends something comes last.
    let is_end = |name: &str| ["unsubscribe", "logout", "clear"].iter().any(|end| name.contains(end));
    let (ends, others): (Vec<_>, Vec<_>) = of_channel("receive").partition(|(name, _)| is_end(name));
    for (name, operation) in others.into_iter().chain(ends) {
        let Some(reply) = operation.get("reply") else { continue };
        let requests = validator(&document, &operation["messages"][0]);
        let payload = &follow(&document, &operation["messages"][0])["payload"];
        let answers: Vec<(&str, Validator)> = reply["messages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|message| {
                (follow(&document, message)["name"].as_str().unwrap(), validator(&document, message))
            })
            .collect();
        went_well.insert(name.clone(), 0);
        for example in 0..EXAMPLES {
            let mut tries = (0..200).filter_map(|_| maker.make(payload, 0));
            let made = tries.find(|made| requests.is_valid(made));
            let mut message = made.unwrap_or_else(|| panic!("no example of {name} could be made: {payload}"));
            message["id"] = format!("{name} {example}").into();
            let answer = talk.ask(&message).await;
            let fits = answers
                .iter()
                .any(|(kind, validator)| answer["type"] == *kind && validator.is_valid(&answer));
            if !fits {
                wrong.push(format!("{name} is answered otherwise than described:\n{message}\n{answer}"));
            } else if answer["type"] == "result" {
                *went_well.get_mut(name).unwrap() += 1;
            } else if !is_beyond_schemas(&message, &answer) {
                wrong.push(format!("{name}: what fits the document was refused:\n{message}\n{answer}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} in all:\n{}", wrong.len(), wrong.join("\n"));
    let never: Vec<&str> =
        went_well.iter().filter(|(_, count)| **count == 0).map(|(name, _)| name.as_str()).collect();
    // There is no sign-in, and neither names of subscriptions nor an `_id` can be made up.
    let expected = [
        "websocket.auth.login",
        "websocket.channel.postgres_changes_unsubscribe",
        "websocket.rules.unsubscribe",
        "websocket.store.unsubscribe",
        "websocket.store.upsert.app_notes",
    ];
    assert_eq!(never, expected);
    assert!(went_well.len() > 60, "{}", went_well.len());
    for told in [
        "welcome",
        "push.subscription.system_users",
        "push.subscription.app_notes",
        "push.subscription.system_users.ofRole",
        "push.subscription.system_users.count",
        "push.subscription.app_notes.aggregate",
        "push.channel.broadcast",
        "push.channel.presence_state",
        "push.channel.presence_join",
        "push.channel.presence_update",
        "push.channel.postgres_changes.system_users",
        "push.event",
    ] {
        assert!(talk.heard.contains(&format!("websocket.{told}")), "{told} never came: {:?}", talk.heard);
    }
}

#[tokio::test]
async fn what_does_not_fit_the_document_is_refused() {
    let (address, document) = serve(app()).await;
    let (socket, _) = connect_async(format!("ws://{address}/@ws")).await.unwrap();
    let told = validator(&document, &json!({ "$ref": "#/components/messages/websocket.welcome" }));
    let mut talk = Talk { socket, told: vec![("welcome".into(), told)], heard: BTreeSet::new() };
    talk.next().await;
    let bad = [
        (
            "store.insert.system_users",
            json!({ "bucket": "system/users", "data": { "email": "ada@example.org" } }),
        ),
        ("store.insert.system_users", json!({ "bucket": "system/users" })),
        ("store.get.system_users", json!({ "bucket": "system/users" })),
        ("store.get.system_users", json!({ "bucket": "system/users", "key": "k", "filter": {} })),
        ("store.get.system_users", json!({ "bucket": "system/users", "key": 1 })),
        ("store.where.app_notes", json!({ "bucket": "app/notes", "filter": { "nothing": 1 } })),
        ("store.all.app_notes", json!({ "bucket": "app/notes", "limit": 1 })),
        ("store.sum.app_notes", json!({ "bucket": "app/notes", "field": "text" })),
        ("store.subscribe.app_notes", json!({ "bucket": "app/notes", "start": 1 })),
        (
            "store.subscribe.app_notes.count",
            json!({ "bucket": "app/notes", "query": "count", "sort": "text" }),
        ),
        ("store.subscribe.app_notes.aggregate", json!({ "bucket": "app/notes", "query": "aggregate" })),
        (
            "store.call.system_users.reset",
            json!({ "bucket": "system/users", "method": "reset", "data": { "email": 1 } }),
        ),
        (
            "store.transaction",
            json!({ "operations": [{ "op": "insert", "model": "app/notes", "data": { "text": "a" } }] }),
        ),
        ("channel.subscribe", json!({ "channel": "room:1", "config": { "privat": true } })),
        ("channel.track", json!({ "channel": "room:1" })),
        ("rules.setFact", json!({ "key": "a" })),
        ("auth.whoami", json!({ "who": 1 })),
    ];
    for (key, mut message) in bad {
        let described = json!({ "$ref": format!("#/components/messages/websocket.{key}") });
        message["id"] = 1.into();
        message["type"] = follow(&document, &described)["name"].clone();
        assert!(!validator(&document, &described).is_valid(&message), "the document takes {message}");
        let answer = talk.ask(&message).await;
        assert_eq!(answer["type"], "error", "the server takes {message}");
    }
}

#[tokio::test]
async fn a_filter_of_changes_may_look_into_what_holds_json() {
    //
    let (address, document) = serve(app()).await;
    let (mut socket, _) = connect_async(format!("ws://{address}/@ws")).await.unwrap();
    let subscribe = &document["operations"]["websocket.channel.postgres_changes_subscribe"];
    let described = validator(&document, &subscribe["messages"][0]);
    let join = json!({ "id": 0, "type": "channel.subscribe", "channel": "room:1" });
    socket.send(Message::text(join.to_string())).await.unwrap();
    for (id, filter, is_right) in
        [(1, "address.city=eq.Rome", true), (2, "age=gt.3", true), (3, "age.city=eq.Rome", false)]
    {
        let message = json!({
            "id": id, "type": "channel.postgres_changes:subscribe", "channel": "room:1", "table": "users", "filter": filter,
        });
        assert_eq!(described.is_valid(&message), is_right, "{filter}");
        socket.send(Message::text(message.to_string())).await.unwrap();
        let answer = loop {
            let answer = socket.next().await.unwrap().unwrap().into_text().unwrap();
            let answer: Json = serde_json::from_str(&answer).unwrap();
            if answer["id"] == id {
                break answer;
            }
        };
        assert_eq!(answer["type"] == "result", is_right, "{answer}");
    }
}
