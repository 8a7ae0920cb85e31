//! Random writers, random queries, random cuts: at every quiet point each client has what its query answers.

use modeller::live::Live;
use modeller::prelude::*;
use serde_json::{Value as Json, json};

use super::support::{Client, Item, isolated, item};

/// A small generator of numbers: the same for the same seed.
pub struct Random(pub u64);

impl Random {
    /// A number below this one.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }

    /// Somebody.
    pub fn owner(&mut self) -> String {
        format!("owner{}", self.below(4))
    }

    fn query(&mut self) -> Json {
        let rank = self.below(20);
        let filter = match self.below(8) {
            0 => json!({}),
            1 => json!({ "owner": self.owner() }),
            2 => json!({ "owner": self.owner(), "rank": rank }),
            3 => json!({ "rank": { "$gte": rank, "$lt": rank + 5 } }),
            4 => json!({ "tag": { "$exists": true }, "owner": { "$in": [self.owner(), self.owner()] } }),
            5 => json!({ "$or": [{ "owner": self.owner() }, { "rank": { "$lt": rank } }] }),
            6 => json!({ "$not": { "owner": self.owner() } }),
            _ => json!({ "tag": { "$like": "a%" } }),
        };
        let mut query = json!({ "query": filter });
        if self.below(2) == 0 {
            query["count"] = json!(1 + self.below(8));
            query["start"] = json!(self.below(3));
            query["sort"] = json!(["rank", "-rank", "owner,-rank", "tag"][self.below(4) as usize]);
        }
        query
    }
}

/// Writes something.
pub async fn write(cx: &Cx, random: &mut Random, ids: &mut Vec<Id<Item>>) {
    let rank = random.below(25) as i64;
    let tag = [None, Some("alpha"), Some("beta")][random.below(3) as usize].map(str::to_owned);
    match random.below(10) {
        0..4 => {
            let new = Item { tag, ..item(&random.owner(), rank) };
            ids.push(Item::insert(cx, new).await.unwrap().id);
        }
        4..7 if !ids.is_empty() => {
            let id = &ids[random.below(ids.len() as u64) as usize];
            // It may be gone.
            drop(Item::update(cx, id, [Item::RANK.set(rank), Item::TAG.set(tag)]).await);
        }
        7 if ids.len() > 20 => {
            let id = ids.swap_remove(random.below(ids.len() as u64) as usize);
            drop(Item::delete(cx, &id).await);
        }
        8 => {
            let owner = random.owner();
            Item::update_where(cx, Item::RANK.eq(rank), Item::OWNER.set(owner)).await.unwrap();
        }
        9 => {
            let (owner, fails) = (random.owner(), random.below(3) == 0);
            let done: Result<()> = cx
                .transaction(async |tx| {
                    Item::insert(&tx, item(&owner, rank)).await?;
                    Item::delete_where(&tx, Item::RANK.eq(rank + 1)).await?;
                    match fails {
                        true => Err(Error::new(Code::Conflict, "given up")),
                        false => Ok(()),
                    }
                })
                .await;
            assert_eq!(done.is_err(), fails);
        }
        _ => {}
    }
}

async fn run(cx: &Cx, live: &Live, seed: u64, rounds: usize, writes: usize) {
    let mut random = Random(seed);
    let mut ids = Vec::new();
    let mut clients = Vec::new();
    for round in 0..rounds {
        if clients.len() < 50 {
            clients.push(Client::new(live, cx, random.query()).await);
        }
        for _ in 0..writes {
            write(cx, &mut random, &mut ids).await;
            let some = random.below(clients.len() as u64) as usize;
            match random.below(12) {
                0 => clients[some].cut(),
                1 if clients[some].stream.is_none() => clients[some].connect(live, cx).await,
                2 => drop(clients[some].listen(std::time::Duration::from_millis(1)).await),
                _ => {}
            }
        }
        if round % 5 == 4 {
            for client in &mut clients {
                if client.stream.is_none() {
                    client.connect(live, cx).await;
                }
                client.agree(cx).await;
            }
        }
    }
    // Windows begin anew now and then; the others never do, for nobody was away for long.
    assert!(clients.iter().filter(|client| !client.is_window()).all(|client| client.resets == 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_client_has_what_its_query_answers() {
    for seed in [1, 7, 42] {
        let (cx, live) = isolated().await;
        run(&cx, &live, 0x9E37_79B9_7F4A_7C15 ^ seed, 60, 30).await;
    }
}
