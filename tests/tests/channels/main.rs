//! Channels, as doors call them: joining, broadcasts, what is kept and told again, presence, and changes of models.

mod asking;
mod broadcasts;
mod changes;
mod joining;
mod keeping;
mod presence;
mod replica;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use modeller::App;
use modeller::engine::{Clock, Identity};
use modeller::live::{
    ChannelEvent, ChannelEventKind, ChannelOptions, ChannelSettings, ChannelSink, Channels, Joined, Live,
    LiveOptions,
};
use modeller::prelude::*;
use serde_json::Value as Json;

/// When the tests begin, in Unix milliseconds: 21 September 2026, 14:13:20 UTC.
pub const START: i64 = 1_790_000_000_000;

/// Something that changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "shop", name = "orders")]
pub struct Order {
    /// How far it has come.
    pub status: String,
    /// How much it is.
    pub total: i64,
    /// What is earned by it.
    #[model(private)]
    pub margin: Option<i64>,
}

/// An application, its clock, and what doors have of it.
pub struct Site {
    pub live: Arc<Live>,
    pub clock: Clock,
    pub cx: Cx,
}

pub async fn site(settings: ChannelSettings) -> Site {
    let clock = Clock::manual(START);
    let app = App::isolated().models::<(Order,)>().channels(settings).clock(clock.clone());
    let engine = app.engine().await.unwrap();
    Site { cx: engine.cx(), live: Live::new(engine, LiveOptions::new()), clock }
}

/// One whose documents are in a file.
pub async fn stored(file: &str) -> Site {
    let clock = Clock::manual(START);
    let app = App::isolated().models::<(Order,)>().database(file).clock(clock.clone());
    let engine = app.engine().await.unwrap();
    Site { cx: engine.cx(), live: Live::new(engine, LiveOptions::new()), clock }
}

/// Removes the file of a database.
pub fn remove(file: &str) {
    for end in ["", "-wal", "-shm"] {
        drop(std::fs::remove_file(format!("{file}{end}")));
    }
}

impl Site {
    pub fn channels(&self) -> &Channels {
        self.live.channels()
    }

    /// The context of somebody outside.
    pub fn anybody(&self) -> Cx {
        Cx::new(self.live.engine().clone(), Identity::Anonymous)
    }

    /// Somebody joins with these options, and is all ears.
    pub async fn join_with(&self, who: &str, topic: &str, options: ChannelOptions) -> (Arc<Ear>, Joined) {
        let ear = Ear::new();
        let joined = self.channels().join(&self.anybody(), who, topic, options, ear.clone()).await.unwrap();
        (ear, joined)
    }

    pub async fn join(&self, who: &str, topic: &str) -> Arc<Ear> {
        let (ear, _) = self.join_with(who, topic, ChannelOptions::default()).await;
        ear.forget();
        ear
    }

    pub async fn say(&self, who: &str, topic: &str, text: &str) -> modeller::Result<String> {
        let payload = Json::from(text).to_string();
        let said = self.channels().broadcast(&self.anybody(), who, topic, "say", payload.as_bytes()).await;
        said.map(|said| said.message_id)
    }

    pub async fn track(&self, who: &str, topic: &str, state: &str) {
        let state = Json::from(state).to_string();
        self.channels().track(&self.anybody(), who, topic, state.as_bytes()).await.unwrap();
    }

    /// Time goes by, and what runs in the background has its turn.
    pub async fn wait(&self, seconds: f64) {
        self.clock.advance(Duration::from_millis((seconds * 1_000.0) as u64));
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }
}

/// Takes down what one connection hears.
pub struct Ear {
    heard: Mutex<Vec<ChannelEvent>>,
    pub is_closed: AtomicBool,
}

impl Ear {
    pub fn new() -> Arc<Self> {
        Arc::new(Ear { heard: Mutex::default(), is_closed: AtomicBool::new(false) })
    }

    /// What was heard since the last time.
    pub fn events(&self) -> Vec<ChannelEvent> {
        std::mem::take(&mut self.heard.lock().unwrap())
    }

    pub fn json(&self) -> Vec<Json> {
        self.events().iter().map(|event| serde_json::from_str(event.json()).unwrap()).collect()
    }

    /// The payloads of the broadcasts.
    pub fn words(&self) -> Vec<String> {
        let broadcasts = self.json().into_iter().filter(|json| json["type"] == "broadcast");
        broadcasts.map(|json| json["payload"].as_str().unwrap().to_owned()).collect()
    }

    pub fn forget(&self) {
        drop(self.events());
    }

    pub fn kinds(&self) -> Vec<ChannelEventKind> {
        self.events().iter().map(ChannelEvent::kind).collect()
    }
}

impl ChannelSink for Ear {
    fn send(&self, event: &ChannelEvent) {
        self.heard.lock().unwrap().push(event.clone());
    }

    fn is_open(&self) -> bool {
        !self.is_closed.load(Ordering::SeqCst)
    }
}

/// Options as clients send them.
pub fn options(json: Json) -> ChannelOptions {
    ChannelOptions::parse(&json).unwrap()
}
