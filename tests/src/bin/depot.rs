//! A depot to be written to from all sides while it is watched: documents that go with others, hooks that write, jobs, transfers.

use std::process::ExitCode;
use std::time::Duration;

use modeller::engine::JobsOptions;
use modeller::live::LiveOptions;
use modeller::prelude::*;

/// Who has items. They go with it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "depot", name = "owners")]
pub struct Owner {
    #[model(key)]
    pub name: String,
    #[serde(default)]
    pub level: i64,
}

/// Something to keep.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "depot", name = "items")]
pub struct Item {
    #[model(on_delete = "cascade")]
    pub owner: Ref<Owner>,
    #[model(index)]
    pub group: String,
    pub rank: i64,
    pub weight: Option<f64>,
    pub tag: Option<String>,
    #[serde(default)]
    pub done: bool,
    #[model(private)]
    pub secret: Option<String>,
}

/// What is said of it. It stays behind, and can be restored.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "depot", name = "notes", trash = "1h")]
pub struct Note {
    #[model(on_delete = "set_null")]
    pub item: Option<Ref<Item>>,
    pub text: String,
    pub level: i64,
}

/// What is moved from one to another: all of them together always have the same.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "depot", name = "accounts")]
pub struct Account {
    #[model(key)]
    pub name: String,
    pub balance: i64,
}

/// What is written all the time: when it was sent, and so much besides.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "depot", name = "meters")]
pub struct Meter {
    pub sent: i64,
    pub padding: String,
}

/// Some new items have a note from the start.
#[modeller::hook(Item, after(insert))]
async fn describe(cx: &Cx, item: &Doc<Item>) -> Result<()> {
    if item.rank % 7 == 0 {
        let note = Note { item: Some(item.id.clone().into()), text: "new".into(), level: item.rank };
        Note::insert(cx, note).await?;
    }
    Ok(())
}

/// What is heavy is done.
#[modeller::hook(Item, before(update))]
async fn weigh_in(item: &mut Item) {
    item.done = item.weight.is_some_and(|weight| weight > 5.0);
}

/// Some changes are told the owner.
#[modeller::hook(Item, after(update))]
async fn tell(cx: &Cx, item: &Doc<Item>, before: Previous<'_, Item>) -> Result<()> {
    if item.rank == 13 && before.rank != 13 {
        Owner::update_where(cx, Owner::NAME.eq(item.owner.id().to_string()), Owner::LEVEL.inc(1)).await?;
    }
    Ok(())
}

/// What has gone is spoken of, sometimes.
#[modeller::hook(Item, after_commit(delete))]
async fn remember(cx: &Cx, item: &Doc<Item>) -> Result<()> {
    if item.rank % 11 == 0 {
        Note::insert(cx, Note { item: None, text: "gone".into(), level: item.rank }).await?;
    }
    Ok(())
}

/// Moves all items of a rank to another one.
#[modeller::job(attempts = 1000, backoff = "50ms", timeout = "30s")]
async fn stir(cx: &Cx, rank: i64, to: i64) -> Result<()> {
    Item::update_where(cx, Item::RANK.eq(rank), Item::RANK.set(to)).await?;
    cx.complete_with(async |tx| {
        Note::insert(&tx, Note { item: None, text: "stirred".into(), level: to }).await.map(drop)
    })
    .await
}

/// Has items stirred.
#[modeller::method(Item)]
async fn stir_later(cx: &Cx, rank: i64, to: i64) -> Result<bool> {
    Ok(Stir { rank, to }.enqueue(cx).await?.is_new)
}

/// How far it all is.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Stand {
    /// The position in the change log.
    pub position: u64,
    /// How many changes of the depot's own models there are behind the one that was asked for.
    pub changes: usize,
    /// Jobs that are not done.
    pub open: u64,
}

/// Says how far it all is.
#[modeller::method(Item)]
async fn progress(cx: &Cx, after: u64) -> Result<Stand> {
    let (store, counts) = (cx.engine().store(), cx.engine().jobs().counts().await?);
    let (mut position, mut changes) = (after, 0);
    loop {
        let part = store.changes(position, 5_000).await?;
        let Some(last) = part.last() else { break };
        position = last.seq;
        changes += part.iter().filter(|change| change.model.starts_with("depot/")).count();
    }
    Ok(Stand { position, changes, open: counts.waiting + counts.running })
}

/// How many items a group has, and their ranks.
#[modeller::query(Item)]
async fn sums(cx: &Cx, group: String) -> Result<(usize, i64)> {
    let items = Item::find().filter(Item::GROUP.eq(group)).limit(10_000).all(cx).await?;
    Ok((items.len(), items.iter().map(|item| item.rank).sum()))
}

fn main() -> ExitCode {
    let patience = Duration::from_secs(600);
    // Clients that read nothing for long are to stay.
    let mut live = LiveOptions::new().heartbeat(patience, patience);
    if let Some(bytes) = std::env::var("BUFFER").ok().and_then(|bytes| bytes.parse().ok()) {
        live = live.backpressure(bytes, 0.8);
    }
    App::new()
        .models::<(Owner, Item, Note, Account, Meter)>()
        .jobs(JobsOptions::new().lease(Duration::from_secs(1)))
        .live(live)
        .main()
}
