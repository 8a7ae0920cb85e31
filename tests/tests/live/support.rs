//! A model to watch, and a client that keeps an answer by what it is told of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use modeller::engine::Arguments;
use modeller::live::{Live, LiveEvent, LiveOptions, LiveStream};
use modeller::prelude::*;
use serde_json::{Value as Json, json};

/// How long anything may take on a busy machine before it is said not to come.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Something to watch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "live")]
pub struct Item {
    /// Whose.
    #[model(index)]
    pub owner: String,
    /// How high.
    pub rank: i64,
    /// What of.
    pub tag: Option<String>,
    /// Nobody sees it.
    #[model(private)]
    pub secret: Option<String>,
}

/// An item.
pub fn item(owner: &str, rank: i64) -> Item {
    Item { owner: owner.into(), rank, tag: None, secret: None }
}

pub async fn isolated() -> (Cx, Arc<Live>) {
    let cx = App::isolated().models::<(Item,)>().cx().await.unwrap();
    let live = Live::new(cx.engine().clone(), LiveOptions::default());
    (cx, live)
}

pub async fn subscribe(live: &Live, cx: &Cx, arguments: &Json, from: Option<&str>) -> Result<LiveStream> {
    let shape = Item::descriptor().shape();
    live.subscribe(cx, shape, Arguments::Json(arguments.clone()), from).await
}

/// A client with an answer of its own.
pub struct Client {
    pub arguments: Json,
    pub stream: Option<LiveStream>,
    pub position: String,
    /// In their order, if the query has a `count`.
    window: Vec<Json>,
    all: BTreeMap<String, Json>,
    pub resets: usize,
    pub changes: usize,
}

fn id(document: &Json) -> String {
    document["_id"].as_str().unwrap().to_owned()
}

impl Client {
    pub async fn new(live: &Live, cx: &Cx, arguments: Json) -> Self {
        let mut client = Client {
            arguments,
            stream: None,
            position: String::new(),
            window: Vec::new(),
            all: BTreeMap::new(),
            resets: 0,
            changes: 0,
        };
        client.connect(live, cx).await;
        client
    }

    pub fn is_window(&self) -> bool {
        self.arguments["count"].is_u64()
    }

    /// Subscribes, and goes on where it was if it was anywhere.
    pub async fn connect(&mut self, live: &Live, cx: &Cx) {
        let from = Some(self.position.as_str()).filter(|position| !position.is_empty());
        let stream = subscribe(live, cx, &self.arguments, from).await.unwrap();
        let first: Json = serde_json::from_str(stream.first()).unwrap();
        self.take(&first);
        self.stream = Some(stream);
    }

    /// Goes away without a word.
    pub fn cut(&mut self) {
        self.stream = None;
    }

    fn take(&mut self, told: &Json) {
        self.position = told["position"].as_str().unwrap().to_owned();
        if let Some(documents) = told["documents"].as_array() {
            self.resets += usize::from(told["reset"] == true);
            self.window = documents.clone();
            self.all = documents.iter().map(|document| (id(document), document.clone())).collect();
            return;
        }
        for change in told["changes"].as_array().unwrap() {
            self.changes += 1;
            self.apply(change);
        }
    }

    fn apply(&mut self, change: &Json) {
        let (kind, key) = (change["type"].as_str().unwrap(), change["_id"].as_str().unwrap().to_owned());
        let document = change["document"].clone();
        let known = self.all.contains_key(&key);
        match kind {
            "enter" => assert!(!known, "{}: it is there already: {change}", self.arguments),
            _ => assert!(known, "{}: it is not there: {change}", self.arguments),
        }
        let at = self.window.iter().position(|other| id(other) == key);
        match (kind, at) {
            ("leave", Some(at)) => drop(self.window.remove(at)),
            ("move", Some(at)) => {
                self.window.remove(at);
                self.window.insert(change["index"].as_u64().unwrap() as usize, document.clone());
            }
            ("update", Some(at)) => {
                if self.is_window() {
                    assert_eq!(change["index"], at);
                }
                assert!(
                    self.window[at]["_version"].as_i64() < document["_version"].as_i64(),
                    "it is old: {change}"
                );
                self.window[at] = document.clone();
            }
            ("enter", None) => match change["index"].as_u64() {
                Some(index) => self.window.insert(index as usize, document.clone()),
                None => self.window.push(document.clone()),
            },
            _ => panic!("it makes no sense here: {change}"),
        }
        match kind {
            "leave" => drop(self.all.remove(&key)),
            _ => drop(self.all.insert(key, document)),
        }
    }

    /// Takes what comes within a moment; whether anything did.
    pub async fn listen(&mut self, moment: Duration) -> bool {
        let Some(stream) = &mut self.stream else { return false };
        match tokio::time::timeout(moment, stream.next()).await {
            Ok(LiveEvent::Changes(text) | LiveEvent::Reset(text)) => {
                self.take(&serde_json::from_str(&text).unwrap());
                true
            }
            Ok(LiveEvent::Ended(error)) => panic!("it ended: {error}"),
            Err(_) => false,
        }
    }

    /// What it has, as `list` would answer it.
    pub fn answer(&self) -> Vec<Json> {
        if self.is_window() { self.window.clone() } else { self.all.values().cloned().collect() }
    }

    /// What the query answers now.
    pub async fn expected(&self, cx: &Cx) -> Vec<Json> {
        let mut arguments = self.arguments.clone();
        if !self.is_window() {
            arguments["count"] = json!(1_000);
            arguments["sort"] = json!("_id");
        }
        let mut call =
            modeller::engine::Call::new(modeller::engine::Operation::List, Item::descriptor().shape());
        call.arguments = Arguments::Json(arguments);
        let reply = cx.perform(call).await.unwrap();
        serde_json::from_slice(&reply.body).unwrap()
    }

    /// Listens until it has what the query answers.
    pub async fn agree(&mut self, cx: &Cx) {
        let begun = std::time::Instant::now();
        loop {
            while self.listen(Duration::from_millis(5)).await {}
            let expected = self.expected(cx).await;
            if self.answer() == expected {
                return;
            }
            assert!(
                begun.elapsed() < PATIENCE,
                "{} has\n{:#?}\nand not\n{expected:#?}",
                self.arguments,
                self.answer()
            );
        }
    }
}
