//! Transactions over several models: all of it happens, or nothing, over HTTP and from Rust.

mod bounds;
mod rust;
mod wire;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use modeller::app::App;
use modeller::engine::{HookParts, HookPoint, Identity, Operation, Timing, Transact};
use modeller::prelude::*;
use modeller::store::ChangeOp;
use modeller::store::sqlite::{Sqlite, SqliteOptions};
use modeller::test::{Kit, Response};
use serde_json::{Value as Json, json};

pub const PATH: &str = "/@transaction";

/// Whose money it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "bank", name = "accounts")]
pub struct Account {
    #[model(unique)]
    pub owner: String,
    #[validate(range(min = 0))]
    #[serde(default)]
    pub cents: i64,
    #[model(private)]
    pub pin: Option<String>,
}

/// Money that went from one to another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "bank", name = "moves", trash = "1h")]
pub struct Move {
    pub from: Ref<Account>,
    pub to: Ref<Account>,
    pub cents: i64,
}

/// How often something happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "bank", name = "tallies")]
pub struct Tally {
    #[model(key)]
    pub name: String,
    pub count: i64,
}

pub fn account(owner: &str, cents: i64) -> Account {
    Account { owner: owner.into(), cents, pin: None }
}

/// A bank in which ada has 100 and bob nothing.
pub async fn bank() -> Kit {
    filled(App::isolated()).await
}

/// One whose transactions may last so long.
pub async fn hasty_bank(timeout: Duration) -> Kit {
    let store = Sqlite::open(SqliteOptions::memory().transaction_timeout(timeout)).unwrap();
    filled(App::isolated().store(store)).await
}

async fn filled(app: App) -> Kit {
    let kit = app.models::<(Account, Move, Tally)>().test().await.unwrap();
    Account::insert(&kit.cx(), account("ada", 100)).await.unwrap();
    Account::insert(&kit.cx(), account("bob", 0)).await.unwrap();
    kit
}

pub async fn of(kit: &Kit, owner: &str) -> Doc<Account> {
    Account::find().filter(Account::OWNER.eq(owner)).first(&kit.cx()).await.unwrap().unwrap()
}

/// Everything in tables and log that a transaction could have left.
pub async fn traces(kit: &Kit) -> String {
    let cx = kit.cx();
    let accounts = Account::find().order_by(Account::OWNER.asc()).all(&cx).await.unwrap();
    let moves = Move::find().all(&cx).await.unwrap();
    let gone = Move::find().trashed().all(&cx).await.unwrap();
    let tallies = Tally::find().all(&cx).await.unwrap();
    let log = kit.engine().store().changes(0, 100_000).await.unwrap();
    format!("{accounts:?} {moves:?} {gone:?} {tallies:?} {log:?}")
}

/// The model and kind of every change, by transaction.
pub async fn units(kit: &Kit) -> Vec<Vec<(String, ChangeOp)>> {
    let log = kit.engine().store().changes(0, 100_000).await.unwrap();
    let mut units: Vec<(u64, Vec<(String, ChangeOp)>)> = Vec::new();
    for change in log {
        let entry = (change.model, change.op);
        match units.last_mut() {
            Some((transaction, unit)) if *transaction == change.transaction => unit.push(entry),
            _ => units.push((change.transaction, vec![entry])),
        }
    }
    units.into_iter().map(|(_, unit)| unit).collect()
}

pub async fn send(kit: &Kit, operations: Json) -> Response {
    kit.post(PATH, json!({ "operations": operations })).await
}

#[track_caller]
pub fn refused(answer: &Response, status: u16, code: &str) {
    assert_eq!((answer.status, answer.code().as_str()), (status, code), "{}", answer.text());
}
