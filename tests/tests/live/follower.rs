//! A client of any live query: it keeps what it is told, and can be compared with who asks once.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use modeller::engine::{Arguments, Call, Operation};
use modeller::live::{Live, LiveEvent, LiveStream};
use modeller::model::Shape;
use modeller::prelude::*;
use serde_json::{Map, Value as Json, json};

use super::support::PATIENCE;

/// What it has.
#[derive(Clone, Debug, PartialEq)]
pub enum Known {
    /// One figure.
    Data(Json),
    /// Documents or groups, by what tells them apart.
    Set(BTreeMap<String, Json>),
    /// They have places.
    List(Vec<Json>),
}

pub struct Follower {
    shape: &'static Shape,
    operation: Operation,
    pub arguments: Json,
    pub stream: Option<LiveStream>,
    position: String,
    pub known: Known,
    pub pushes: usize,
    pub resets: usize,
}

impl Follower {
    pub async fn new<M: Model>(live: &Live, cx: &Cx, operation: Operation, arguments: Json) -> Self {
        let mut follower = Follower {
            shape: M::descriptor().shape(),
            operation,
            arguments,
            stream: None,
            position: String::new(),
            known: Known::Data(Json::Null),
            pushes: 0,
            resets: 0,
        };
        follower.connect(live, cx).await;
        follower
    }

    /// Subscribes, and goes on where it was if it was anywhere.
    pub async fn connect(&mut self, live: &Live, cx: &Cx) {
        let from = Some(self.position.as_str()).filter(|position| !position.is_empty());
        let arguments = Arguments::Json(self.arguments.clone());
        let stream = live.follow(cx, self.shape, self.operation, arguments, from).await.unwrap();
        let first = serde_json::from_str(stream.first()).unwrap();
        self.take(&first);
        self.stream = Some(stream);
    }

    fn has_places(&self) -> bool {
        self.arguments["count"].is_u64()
    }

    /// What tells a document or a group from others.
    fn key(&self, what: &Json) -> String {
        let Some(groups) = self.arguments["groupBy"].as_str() else {
            return what["_id"].as_str().unwrap().to_owned();
        };
        let keys: Map<String, Json> =
            groups.split(',').map(|name| (name.to_owned(), what[name].clone())).collect();
        Json::Object(keys).to_string()
    }

    fn whole(&self, all: &[Json]) -> Known {
        match self.has_places() {
            true => Known::List(all.to_vec()),
            false => Known::Set(all.iter().map(|one| (self.key(one), one.clone())).collect()),
        }
    }

    fn take(&mut self, told: &Json) {
        self.position = told["position"].as_str().unwrap().to_owned();
        self.resets += usize::from(told["reset"] == true);
        if let Some(data) = told.get("data") {
            self.known = Known::Data(data.clone());
        }
        if let Some(all) = told["documents"].as_array().or(told["groups"].as_array()) {
            self.known = self.whole(all);
        }
        for change in told["changes"].as_array().into_iter().flatten() {
            self.apply(change);
        }
    }

    fn apply(&mut self, change: &Json) {
        let key = match change.get("key") {
            Some(key) => self.key(key),
            None => change["_id"].as_str().unwrap().to_owned(),
        };
        let what = change.get("document").or(change.get("group")).cloned();
        let kind = change["type"].as_str().unwrap();
        assert_eq!(kind == "leave", what.is_none(), "{change}");
        let keys: Vec<String> = match &self.known {
            Known::List(all) => all.iter().map(|one| self.key(one)).collect(),
            Known::Set(all) => all.keys().cloned().collect(),
            Known::Data(data) => panic!("{data} has no parts: {change}"),
        };
        let at = keys.iter().position(|other| *other == key);
        assert_eq!(kind == "enter", at.is_none(), "{} {change}", self.arguments);
        match (&mut self.known, what) {
            (Known::List(all), what) => {
                if let Some(at) = at {
                    all.remove(at);
                }
                if let Some(what) = what {
                    all.insert(change["index"].as_u64().unwrap() as usize, what);
                }
            }
            (Known::Set(all), Some(what)) => {
                all.insert(key, what);
            }
            (Known::Set(all), None) => drop(all.remove(&key)),
            (Known::Data(_), _) => {}
        }
    }

    /// Takes what comes within a moment; whether anything did.
    pub async fn listen(&mut self, moment: Duration) -> bool {
        let Some(stream) = &mut self.stream else { return false };
        match tokio::time::timeout(moment, stream.next()).await {
            Ok(LiveEvent::Changes(text) | LiveEvent::Reset(text)) => {
                self.pushes += 1;
                self.take(&serde_json::from_str(&text).unwrap());
                true
            }
            Ok(LiveEvent::Ended(error)) => panic!("{} ended: {error}", self.arguments),
            Err(_) => false,
        }
    }

    /// What who asks once is answered now.
    pub async fn expected(&self, cx: &Cx) -> Known {
        let mut arguments = self.arguments.clone();
        if self.operation == Operation::List && !self.has_places() {
            arguments["count"] = json!(1_000);
        }
        let mut call = Call::new(self.operation, self.shape);
        call.arguments = Arguments::Json(arguments);
        let reply = cx.perform(call).await.unwrap();
        match serde_json::from_slice(&reply.body).unwrap() {
            Json::Array(all) => self.whole(&all),
            data => Known::Data(data),
        }
    }

    /// Listens until it has what is answered.
    pub async fn agree(&mut self, cx: &Cx) {
        let begun = Instant::now();
        loop {
            while self.listen(Duration::from_millis(2)).await {}
            let expected = self.expected(cx).await;
            if self.known == expected {
                return;
            }
            assert!(
                begun.elapsed() < PATIENCE,
                "{} {} has\n{:#?}\nand not\n{expected:#?}",
                self.operation,
                self.arguments,
                self.known
            );
        }
    }
}
