//! The server whose fan-out is measured: live queries, rooms and channels of modeller.

use std::process::ExitCode;

use modeller::live::LiveOptions;
use modeller::prelude::*;
use serde_json::json;

/// What is told of.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "bench", name = "things")]
struct Thing {
    room: String,
    text: String,
}

const TEXT: &str = "Has somebody seen the keys? They were on the table this morning.";

/// Inserts so many documents, each in a transaction of its own.
#[modeller::method(Thing)]
async fn write(cx: &Cx, count: u32) -> Result<u32> {
    for _ in 0..count {
        Thing::insert(cx, Thing { room: "a".into(), text: TEXT.into() }).await?;
    }
    Ok(count)
}

/// Publishes so often to the subscription of a room.
#[modeller::method(Thing)]
async fn publish(cx: &Cx, count: u32) -> Result<u32> {
    let subscription = Thing::subscription(cx, json!({ "room": "a" }))?;
    for number in 0..count {
        subscription.publish(json!({ "number": number, "text": TEXT }))?;
    }
    Ok(count)
}

/// Says something so often in a channel.
#[modeller::method(Thing)]
async fn broadcast(cx: &Cx, count: u32) -> Result<u32> {
    let channel = cx.channel("a");
    for number in 0..count {
        channel.broadcast("said", json!({ "number": number, "text": TEXT }))?;
    }
    Ok(count)
}

fn main() -> ExitCode {
    App::new().live(LiveOptions::new().max_connections(100_000)).main()
}
