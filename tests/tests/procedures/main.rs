//! Stored procedures: steps on any models, kept as JSON and carried out in one transaction.

mod attacks;
mod calls;
mod faults;
mod http;

use std::time::Duration;

use modeller::app::App;
use modeller::engine::Procedures;
use modeller::prelude::*;
use modeller::store::sqlite::{Sqlite, SqliteOptions};
use modeller::test::Kit;
use serde_json::{Value as Json, json};

/// Whose money it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "bank", name = "accounts")]
pub struct Account {
    #[model(key)]
    pub owner: String,
    #[validate(range(min = 0))]
    #[serde(default)]
    pub cents: i64,
    #[serde(default)]
    pub tags: Vec<String>,
    #[model(private)]
    pub pin: Option<String>,
}

/// Money that went from one to another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "bank", name = "moves")]
pub struct Move {
    pub from: Ref<Account>,
    pub to: Ref<Account>,
    pub cents: i64,
    pub note: Option<String>,
}

/// A bank in which ada has 100 and bob nothing.
pub async fn bank() -> Kit {
    filled(App::isolated()).await
}

async fn filled(app: App) -> Kit {
    let kit = app.models::<(Account, Move)>().test().await.unwrap();
    for (owner, cents) in [("ada", 100), ("bob", 0)] {
        let account = Account { owner: owner.into(), cents, tags: Vec::new(), pin: Some("1234".into()) };
        Account::insert(&kit.cx(), account).await.unwrap();
    }
    kit
}

pub async fn cents(kit: &Kit, owner: &str) -> i64 {
    Account::get(&kit.cx(), owner).await.unwrap().unwrap().cents
}

/// A procedure of these steps that takes `input.x`, whatever it is.
pub fn of(steps: Json) -> Json {
    json!({ "name": "it", "input": { "x": { "type": "any", "required": false } }, "steps": steps })
}

pub async fn register(kit: &Kit, steps: Json) {
    kit.engine().procedures().register(of(steps)).await.unwrap();
}

pub async fn call(kit: &Kit, x: Json) -> Result<Json> {
    kit.engine().procedures().call("it", json!({ "x": x })).await
}

/// Takes money from one account to another.
pub fn transfer() -> Json {
    json!({
        "name": "transfer",
        "description": "Takes money from one account to another.",
        "input": {
            "from": { "type": "string" },
            "to": { "type": "string" },
            "cents": { "type": "integer" },
            "note": { "type": "string", "default": "no reason" },
        },
        "steps": [
            { "if": { "input.cents": { "$lte": 0 } },
              "then": [{ "throw": { "code": "BAD_AMOUNT", "message": "send something", "status": 422 } }] },
            { "op": "get", "model": "bank/accounts", "key": { "$ref": "input.from" }, "as": "payer" },
            { "op": "findOne", "model": "bank/accounts", "query": { "owner": { "$ref": "input.to" } }, "as": "payee" },
            { "if": { "$or": [{ "payer": null }, { "payee": { "$exists": false } }] },
              "then": [{ "throw": { "code": "NO_ACCOUNT", "message": "there is no such account", "status": 404 } }] },
            { "op": "update", "model": "bank/accounts", "key": { "$ref": "input.to" },
              "data": { "$inc": { "cents": { "$ref": "input.cents" } } } },
            { "if": { "payer.cents": { "$lt": { "$ref": "input.cents" } } },
              "then": [{ "throw": { "code": "TOO_POOR", "message": "there is not enough", "status": 409,
                                    "details": { "has": { "$ref": "payer.cents" } } } }],
              "else": [{ "op": "insert", "model": "bank/moves", "as": "move",
                         "data": { "from": { "$ref": "payer._id" }, "to": { "$ref": "payee._id" },
                                   "cents": { "$ref": "input.cents" }, "note": { "$ref": "input.note" } } }] },
            { "op": "update", "model": "bank/accounts", "query": { "owner": { "$ref": "input.from" } },
              "version": { "$ref": "payer._version" },
              "data": { "$inc": { "cents": -1 } } },
            { "op": "where", "model": "bank/accounts", "query": { "cents": { "$gt": 0 } }, "as": "rich" },
            { "op": "count", "model": "bank/moves", "query": { "from": { "$ref": "input.from" } }, "as": "moves" },
        ],
        "output": { "move": { "$ref": "move" }, "moves": { "$ref": "moves" }, "first": { "$ref": "rich.0.owner" } },
    })
}
