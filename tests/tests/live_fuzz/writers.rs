//! Random writers: single documents and many, transactions that go through and that do not, what goes with others, jobs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value as Json, json};
use tokio::sync::RwLock;
use tokio::time::sleep;

use super::caller::Caller;
use super::queries::{ACCOUNTS, BALANCE, GROUPS, owner};
use super::random::Random;
use super::server::Address;

/// So many items there are, about.
const ITEMS: u64 = 600;

/// What the writers share.
#[derive(Default)]
pub struct Pen {
    /// Whoever writes holds it; at a quiet point nobody does.
    pub busy: RwLock<()>,
    /// Items that there were lately.
    pub items: Mutex<Vec<String>>,
    pub notes: Mutex<Vec<String>>,
    /// Whether they write little at a time: many small transactions pile up before whoever reads slowly.
    pub is_fine: AtomicBool,
}

/// A writer with a connection.
pub struct Writer {
    pub caller: Caller,
    pub random: Random,
    pub pen: Arc<Pen>,
    /// Whether there are more items than there should be.
    too_many: bool,
}

/// What there is before anybody writes.
pub async fn begin(caller: &mut Caller) {
    for account in 0..ACCOUNTS {
        let account = json!({ "name": format!("account{account}"), "balance": BALANCE });
        caller.ask("POST", "/depot/accounts/insert", &account).await;
    }
}

impl Writer {
    pub fn new(address: Address, random: Random, pen: Arc<Pen>) -> Self {
        Writer { caller: Caller::new(address), random, pen, too_many: false }
    }

    /// Writes forever.
    pub async fn run(mut self) {
        let pen = Arc::clone(&self.pen);
        for turn in 0_u64.. {
            let busy = pen.busy.read().await;
            if turn % 8 == 0
                && let Ok((200, count)) = self.caller.try_ask("GET", "/depot/items/count", &Json::Null).await
            {
                self.too_many = count.as_u64() > Some(ITEMS);
            }
            let (method, path, body) = self.choose();
            match self.caller.try_ask(method, &path, &body).await {
                Ok((status, answer)) => {
                    // What it names may be gone, and whom it belongs to.
                    let is_fine =
                        status < 500 && status != 401 && status != 404 || answer["code"] == "NOT_FOUND";
                    assert!(is_fine, "{method} {path} {body}: {status} {answer}");
                    self.note(&path, &answer);
                }
                // The server was killed.
                Err(_) => {
                    drop(busy);
                    sleep(Duration::from_millis(10)).await;
                }
            }
        }
    }

    /// Remembers some of what was inserted.
    fn note(&mut self, path: &str, answer: &Json) {
        let id = |json: &Json| json["_id"].as_str().map(str::to_owned);
        let ids: Vec<String> = match path {
            "/depot/items/batch" => answer["results"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|one| id(&one["data"]))
                .collect(),
            "/depot/notes/insert" | "/depot/items/insert" => id(answer).into_iter().collect(),
            _ => return,
        };
        let pen = Arc::clone(&self.pen);
        let mut pool =
            if path.contains("notes") { pen.notes.lock().unwrap() } else { pen.items.lock().unwrap() };
        pool.extend(ids);
        while pool.len() > ITEMS as usize {
            let at = self.random.below(pool.len() as u64) as usize;
            pool.swap_remove(at);
        }
    }

    fn rank(&mut self) -> i64 {
        self.random.below(25) as i64
    }

    fn item(&mut self) -> Json {
        let mut item = json!({
            "owner": owner(&mut self.random),
            "group": self.random.of(&GROUPS),
            "rank": self.rank(),
            "tag": self.random.of(&[None, Some("alpha"), Some("amber"), Some("beta"), Some("ünïcode 🌲")]),
            "done": self.random.once_in(3),
            "secret": "nobody sees it",
        });
        if !self.random.once_in(4) {
            item["weight"] = json!(self.random.below(40) as f64 / 4.0);
        }
        item
    }

    fn some(&mut self, pool: &Mutex<Vec<String>>) -> String {
        let pool = pool.lock().unwrap();
        if pool.is_empty() { "none".to_owned() } else { self.random.of(&pool).clone() }
    }

    /// A call to make: method, path, body.
    fn choose(&mut self) -> (&'static str, String, Json) {
        let pen = Arc::clone(&self.pen);
        if self.too_many && self.random.once_in(3) {
            return ("DELETE", self.several("delete"), Json::Null);
        }
        let path = |path: &str| path.to_owned();
        let choice = match pen.is_fine.load(Ordering::Relaxed) {
            true => *self.random.of(&[26, 27, 30, 31, 62, 63, 81, 82, 83, 84, 85, 91]),
            false => self.random.below(100),
        };
        match choice {
            0..18 => self.transaction(),
            18..26 if !self.too_many => {
                let count = self.random.between(2, 40);
                let insert = |item: Json| json!({ "op": "insert", "data": item });
                let operations: Vec<Json> = (0..count).map(|_| insert(self.item())).collect();
                ("POST", path("/depot/items/batch"), json!({ "operations": operations }))
            }
            26..30 => ("POST", path("/depot/items/insert"), self.item()),
            30..42 => {
                let id = self.some(&pen.items);
                ("PUT", format!("/depot/items/update?_id={id}"), self.patch())
            }
            42..62 => ("PUT", self.several("update"), self.patch()),
            62..66 => ("DELETE", format!("/depot/items/delete?_id={}", self.some(&pen.items)), Json::Null),
            66..70 => ("DELETE", self.several("delete"), Json::Null),
            70..72 => ("DELETE", format!("/depot/owners/delete?_id={}", owner(&mut self.random)), Json::Null),
            72..77 => {
                let owner = json!({ "name": owner(&mut self.random), "level": self.random.below(4) });
                ("POST", path("/depot/owners/upsert"), owner)
            }
            77..81 => {
                let stir = json!({ "rank": self.rank(), "to": self.rank() });
                ("POST", path("/depot/items/stirLater"), stir)
            }
            81..91 => self.transfer(),
            _ => self.on_notes(),
        }
    }

    /// A path to several items.
    fn several(&mut self, operation: &str) -> String {
        let (rank, group) = (self.rank(), *self.random.of(&GROUPS));
        match self.random.below(4) {
            0 => format!("/depot/items/{operation}?rank={rank}"),
            1 => format!("/depot/items/{operation}?rank[gte]={rank}&rank[lt]={}", rank + 5),
            2 => format!("/depot/items/{operation}?group={group}&rank[gte]={rank}&rank[lt]={}", rank + 8),
            _ => format!("/depot/items/{operation}?owner={}&group={group}", owner(&mut self.random)),
        }
    }

    fn patch(&mut self) -> Json {
        match self.random.below(8) {
            0 => json!({ "rank": self.rank() }),
            1 => json!({ "$inc": { "rank": self.random.between(1, 3) } }),
            2 => json!({ "$inc": { "rank": -(self.random.between(1, 3) as i64) } }),
            3 => json!({ "group": self.random.of(&GROUPS) }),
            4 => json!({ "weight": self.random.below(40) as f64 / 4.0 }),
            5 => json!({ "$unset": ["tag"], "rank": self.rank() }),
            6 => json!({ "tag": "alpha", "owner": owner(&mut self.random) }),
            // Nobody sees it, but the version.
            _ => json!({ "secret": "another one" }),
        }
    }

    /// Several models at once; some are given up at their last step.
    fn transaction(&mut self) -> (&'static str, String, Json) {
        let pen = Arc::clone(&self.pen);
        let name = owner(&mut self.random);
        let mut operations =
            vec![json!({ "op": "upsert", "model": "depot/owners", "data": { "name": name, "level": 2 } })];
        for _ in 0..self.random.between(1, if self.too_many { 2 } else { 20 }) {
            let mut item = self.item();
            item["owner"] = json!(name);
            operations.push(json!({ "op": "insert", "model": "depot/items", "data": item }));
        }
        let query = json!({ "rank": self.rank(), "group": self.random.of(&GROUPS) });
        operations.push(match self.random.below(3) {
            0 => json!({ "op": "delete", "model": "depot/items", "query": query }),
            1 => json!({ "op": "update", "model": "depot/items", "query": query, "data": self.patch() }),
            _ => {
                let note = json!({ "text": "said", "level": self.rank(), "item": null });
                json!({ "op": "insert", "model": "depot/notes", "data": note })
            }
        });
        if self.random.once_in(6) {
            let id = self.some(&pen.items);
            operations.push(
                json!({ "op": "update", "model": "depot/items", "key": id, "data": {}, "version": 100_000 }),
            );
        }
        ("POST", "/@transaction".to_owned(), json!({ "operations": operations }))
    }

    /// From one account to another.
    fn transfer(&mut self) -> (&'static str, String, Json) {
        let from = self.random.below(ACCOUNTS);
        let to = (from + self.random.between(1, ACCOUNTS - 1)) % ACCOUNTS;
        let amount = self.random.between(1, 50) as i64;
        let step = |account: u64, amount: i64| {
            json!({ "op": "update", "model": "depot/accounts", "key": format!("account{account}"),
                "data": { "$inc": { "balance": amount } } })
        };
        let operations = json!({ "operations": [step(from, -amount), step(to, amount)] });
        ("POST", "/@transaction".to_owned(), operations)
    }

    fn on_notes(&mut self) -> (&'static str, String, Json) {
        let pen = Arc::clone(&self.pen);
        let level = self.rank();
        match self.random.below(40) {
            0..10 => {
                let note = json!({ "text": "said", "level": level, "item": self.some(&pen.items) });
                ("POST", "/depot/notes/insert".to_owned(), note)
            }
            10..18 => ("DELETE", format!("/depot/notes/delete?level={level}"), Json::Null),
            18..24 => ("POST", format!("/depot/notes/restore?_id={}", self.some(&pen.notes)), Json::Null),
            24..30 => ("DELETE", format!("/depot/notes/delete?_id={}", self.some(&pen.notes)), Json::Null),
            30..39 => {
                let patch = json!({ "level": self.rank() });
                ("PUT", format!("/depot/notes/update?level={level}"), patch)
            }
            _ => ("POST", "/depot/notes/clear".to_owned(), Json::Null),
        }
    }
}
