//! Queries by name that are asked again when what they have read is written.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use modeller::engine::Arguments;
use modeller::live::{Live, LiveOptions, ReactiveStream};
use modeller::prelude::*;
use serde_json::{Value as Json, json};

use super::support::PATIENCE;

/// A score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "reactive")]
pub struct Score {
    /// Whose.
    #[model(index)]
    pub player: String,
    /// How much.
    pub points: i64,
}

/// Who plays with whom.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "reactive")]
pub struct Team {
    /// What it is called.
    pub name: String,
}

/// Something to find, and to throw away.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "reactive", trash = "30d")]
pub struct Note {
    /// What it says.
    #[model(searchable)]
    pub text: String,
    /// Whose.
    pub player: String,
}

fn note(player: &str, text: &str) -> Note {
    Note { text: text.into(), player: player.into() }
}

/// How many notes are in the trash.
#[modeller::query(Note)]
async fn bin(cx: &Cx) -> Result<u64> {
    Note::find().trashed().count(cx).await
}

/// Something of a team, found by its words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "reactive", trash = "30d")]
pub struct Plan {
    /// What it says.
    #[model(searchable)]
    pub text: String,
    /// Whose.
    pub team: Ref<Team>,
}

/// How many plans of the reds are found.
#[modeller::query(Plan)]
async fn found(cx: &Cx) -> Result<usize> {
    let red = Plan::find().filter(Plan::TEAM.is(Team::NAME.eq("red")));
    Ok(red.search("rust").limit(9).all(cx).await?.len())
}

/// The same for those in the trash.
#[modeller::query(Plan)]
async fn dropped(cx: &Cx) -> Result<u64> {
    Plan::find().filter(Plan::TEAM.is(Team::NAME.eq("red"))).trashed().count(cx).await
}

/// How well the first of ada's notes fits.
#[modeller::query(Note)]
async fn fit(cx: &Cx) -> Result<Json> {
    let hits = Note::find().search("rust").filter(Note::PLAYER.eq("ada")).hits(cx).await?;
    Ok(json!(hits.first().map(|hit| hit.score)))
}

/// The mean of all points, by somebody who has forgotten that there may be none.
#[modeller::query(Score)]
async fn mean(cx: &Cx) -> Result<i64> {
    let scores = Score::find().all(cx).await?;
    Ok(scores.iter().map(|score| score.points).sum::<i64>() / i64::try_from(scores.len()).unwrap())
}

/// How often it was asked for zoe, who is in one test alone.
static ASKED: AtomicUsize = AtomicUsize::new(0);

/// The sum of a player's points.
#[modeller::query(Score)]
async fn total(cx: &Cx, player: String) -> Result<i64> {
    if player == "zoe" {
        ASKED.fetch_add(1, Ordering::Relaxed);
    }
    let scores = Score::find().filter(Score::PLAYER.eq(player)).all(cx).await?;
    Ok(scores.iter().map(|score| score.points).sum())
}

/// The best players of the first team.
#[modeller::query(Score)]
async fn podium(cx: &Cx) -> Result<Json> {
    let teams = Team::count(cx).await?;
    let best =
        Score::find().filter(Score::POINTS.gt(0)).order_by(Score::POINTS.desc()).limit(2).all(cx).await?;
    let best: Vec<&str> = best.iter().map(|score| score.player.as_str()).collect();
    Ok(json!({ "teams": teams, "best": best }))
}

/// Something to do some day.
#[modeller::job(Score)]
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
pub struct Late {}

impl Job for Late {
    async fn run(self, _: &Cx) -> Result<()> {
        Ok(())
    }
}

/// How many jobs wait.
#[modeller::query(Score)]
async fn backlog(cx: &Cx) -> Result<u64> {
    Ok(cx.engine().jobs().counts().await?.waiting)
}

/// The sum of a player's points, unless that is less than nothing.
#[modeller::query(Score)]
async fn credit(cx: &Cx, player: String) -> Result<i64> {
    let credit: i64 = Score::find().filter(Score::PLAYER.eq(player)).sum(cx, Score::POINTS).await?;
    match credit {
        0.. => Ok(credit),
        _ => Err(modeller::Error::custom("IN_DEBT", 400, "there is less than nothing")),
    }
}

fn score(player: &str, points: i64) -> Score {
    Score { player: player.into(), points }
}

async fn next(stream: &mut ReactiveStream) -> Json {
    let answer = tokio::time::timeout(PATIENCE, stream.next()).await.unwrap().unwrap();
    serde_json::from_str(&answer).unwrap()
}

async fn silent(stream: &mut ReactiveStream) {
    let more = tokio::time::timeout(Duration::from_millis(300), stream.next()).await;
    assert!(more.is_err(), "{more:?}");
}

#[tokio::test]
async fn a_query_is_asked_again_when_what_it_has_read_is_written() {
    // QRY-26, LIV-14, LIV-15, LIV-17, LIV-18
    let cx = App::isolated().models::<(Score, Team)>().cx().await.unwrap();
    let live = Live::new(cx.engine().clone(), LiveOptions::default());
    let shape = Score::descriptor().shape();
    let mut zoe = live.watch(&cx, shape, "total", &json!({ "player": "zoe" })).unwrap();
    let mut same = live.watch(&cx, shape, "total", &json!({ "player": "zoe" })).unwrap();
    assert_eq!(zoe.id(), same.id());
    assert_eq!(next(&mut zoe).await, 0);
    assert_eq!(next(&mut same).await, 0);
    silent(&mut zoe).await;

    // One push for a transaction, and one question for all who listen.
    let asked = ASKED.load(Ordering::Relaxed);
    cx.transaction(async |tx| {
        Score::insert(&tx, score("zoe", 3)).await?;
        Score::insert(&tx, score("zoe", 4)).await
    })
    .await
    .unwrap();
    assert_eq!(next(&mut zoe).await, 7);
    assert_eq!(next(&mut same).await, 7);
    silent(&mut zoe).await;
    assert_eq!(ASKED.load(Ordering::Relaxed), asked + 1);

    // What others do is nothing to it; an answer that stays the same is not told.
    Score::insert(&cx, score("bob", 9)).await.unwrap();
    silent(&mut zoe).await;
    assert_eq!(ASKED.load(Ordering::Relaxed), asked + 1);
    Score::insert(&cx, score("zoe", 0)).await.unwrap();
    silent(&mut zoe).await;
    assert_eq!(ASKED.load(Ordering::Relaxed), asked + 2);

    // A row that comes to belong to it by an update.
    Score::update_where(&cx, Score::PLAYER.eq("bob"), Score::PLAYER.set("zoe".to_owned())).await.unwrap();
    assert_eq!(next(&mut zoe).await, 16);
    drop((zoe, same));
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(live.queries(), (0, 0));
    Score::insert(&cx, score("zoe", 1)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(ASKED.load(Ordering::Relaxed), asked + 3);
}

#[tokio::test]
async fn all_that_a_query_reads_counts() {
    let cx = App::isolated().models::<(Score, Team)>().cx().await.unwrap();
    let live = Live::new(cx.engine().clone(), LiveOptions::default());
    let mut podium = live.watch(&cx, Score::descriptor().shape(), "podium", &json!({})).unwrap();
    assert_eq!(next(&mut podium).await, json!({ "teams": 0, "best": [] }));
    Team::insert(&cx, Team { name: "red".into() }).await.unwrap();
    assert_eq!(next(&mut podium).await, json!({ "teams": 1, "best": [] }));
    Score::insert(&cx, score("zoe", 0)).await.unwrap();
    silent(&mut podium).await;
    let bob = Score::insert(&cx, score("bob", 5)).await.unwrap();
    assert_eq!(next(&mut podium).await["best"], json!(["bob"]));
    Score::delete(&cx, &bob.id).await.unwrap();
    assert_eq!(next(&mut podium).await["best"], json!([]));
}

#[tokio::test]
async fn what_cannot_be_asked_is_said() {
    let cx = App::isolated().models::<(Score, Team)>().cx().await.unwrap();
    let live = Live::new(cx.engine().clone(), LiveOptions::default());
    let shape = Score::descriptor().shape();
    let unknown = live.watch(&cx, shape, "nothing", &json!({})).map(drop).unwrap_err();
    assert!(unknown.is(Code::MethodNotFound));
    let mut wrong = live.watch(&cx, shape, "total", &json!({ "player": 3 })).unwrap();
    let refused = tokio::time::timeout(PATIENCE, wrong.next()).await.unwrap().unwrap_err();
    assert!(refused.is(Code::ValidationError));
}

#[tokio::test]
async fn who_comes_later_is_told_the_answer_there_is() {
    let cx = App::isolated().models::<(Score, Team)>().cx().await.unwrap();
    let live = Live::new(cx.engine().clone(), LiveOptions::default());
    let shape = Score::descriptor().shape();
    let player = json!({ "player": "eve" });
    let mut first = live.watch(&cx, shape, "total", &player).unwrap();
    assert_eq!(next(&mut first).await, 0);
    let mut later = live.watch(&cx, shape, "total", &player).unwrap();
    assert_eq!(next(&mut later).await, 0);
    silent(&mut later).await;
}

#[tokio::test]
async fn a_query_outlives_the_transaction_it_was_asked_for_in() {
    let cx = App::isolated().models::<(Score, Team)>().cx().await.unwrap();
    let live = Live::new(cx.engine().clone(), LiveOptions::default());
    let player = json!({ "player": "max" });
    let shape = Score::descriptor().shape();
    let mut total = cx.transaction(async |tx| live.watch(&tx, shape, "total", &player)).await.unwrap();
    assert_eq!(next(&mut total).await, 0);
    Score::insert(&cx, score("max", 4)).await.unwrap();
    assert_eq!(next(&mut total).await, 4);
}

#[tokio::test]
async fn whoever_settles_need_not_guess_how_long_it_takes() {
    // LIV-20
    let cx = App::isolated().models::<(Score, Team)>().cx().await.unwrap();
    let live = Live::new(cx.engine().clone(), LiveOptions::default());
    live.settle().await.unwrap();
    let shape = Score::descriptor().shape();
    let mut total = live.watch(&cx, shape, "total", &json!({ "player": "ada" })).unwrap();
    let best = Arguments::Json(json!({ "sort": "-points", "count": 2 }));
    let mut best = live.subscribe(&cx, shape, best, None).await.unwrap();
    // What is there at once, or not at all.
    let mut told = async || {
        let answer = tokio::time::timeout(Duration::ZERO, total.next()).await;
        let change = tokio::time::timeout(Duration::ZERO, best.next()).await;
        (answer.ok().map(|answer| answer.unwrap().to_string()), change.is_ok())
    };
    live.settle().await.unwrap();
    assert_eq!(told().await, (Some("0".into()), false));
    for round in 1..=20 {
        for _ in 0..3 {
            Score::insert(&cx, score("ada", round)).await.unwrap();
        }
        live.settle().await.unwrap();
        let sum: i64 = (1..=round).sum::<i64>() * 3;
        assert_eq!(told().await, (Some(sum.to_string()), true));
        // All of the changes, however many frames they came in.
        while told().await.1 {}
    }
    // What concerns nobody, and nothing at all.
    Team::insert(&cx, Team { name: "b".into() }).await.unwrap();
    live.settle().await.unwrap();
    live.settle().await.unwrap();
    assert_eq!(told().await, (None, false));
}

#[tokio::test]
async fn jobs_that_a_query_looks_at_count() {
    // LIV-17
    let cx = App::isolated().models::<(Score, Team)>().cx().await.unwrap();
    let live = Live::new(cx.engine().clone(), LiveOptions::default());
    let mut backlog = live.watch(&cx, Score::descriptor().shape(), "backlog", &json!({})).unwrap();
    assert_eq!(next(&mut backlog).await, 0);
    Late {}.enqueue(&cx).delay(Duration::from_secs(3_600)).await.unwrap();
    assert_eq!(next(&mut backlog).await, 1);
}

#[tokio::test]
async fn who_was_away_while_an_answer_came_and_went_is_told_nothing_twice() {
    // LIV-15
    let cx = App::isolated().models::<(Score, Team)>().cx().await.unwrap();
    let live = Live::new(cx.engine().clone(), LiveOptions::default());
    let shape = Score::descriptor().shape();
    let mut eve = live.watch(&cx, shape, "credit", &json!({ "player": "eve" })).unwrap();
    let won = async |points| {
        Score::insert(&cx, score("eve", points)).await.unwrap();
        live.settle().await.unwrap();
    };
    assert_eq!(next(&mut eve).await, 0);
    won(5).await;
    won(-5).await;
    silent(&mut eve).await;
    won(1).await;
    assert_eq!(next(&mut eve).await, 1);
    // Nor that there is none, for the same reason.
    won(-2).await;
    assert_eq!(eve.next().await.unwrap_err().code(), "IN_DEBT");
    won(-1).await;
    silent(&mut eve).await;
    won(3).await;
    assert_eq!(next(&mut eve).await, 1);
}

#[tokio::test]
async fn a_query_that_has_panicked_is_asked_again() {
    // LIV-17
    let cx = App::isolated().models::<(Score, Team)>().cx().await.unwrap();
    let live = Live::new(cx.engine().clone(), LiveOptions::default());
    let mut mean = live.watch(&cx, Score::descriptor().shape(), "mean", &json!({})).unwrap();
    let refused = tokio::time::timeout(PATIENCE, mean.next()).await.unwrap().unwrap_err();
    assert!(refused.is(Code::InternalError), "{refused}");
    // What it has read before counts.
    let ada = Score::insert(&cx, score("ada", 4)).await.unwrap();
    assert_eq!(next(&mut mean).await, 4);
    Score::delete(&cx, &ada.id).await.unwrap();
    assert!(tokio::time::timeout(PATIENCE, mean.next()).await.unwrap().is_err());
    live.settle().await.unwrap();
    Score::insert(&cx, score("ada", 5)).await.unwrap();
    assert_eq!(next(&mut mean).await, 5);
}

#[tokio::test]
async fn what_goes_into_the_trash_and_comes_back_counts_where_that_is_looked_into() {
    // LIV-17
    let cx = App::isolated().models::<(Note,)>().cx().await.unwrap();
    let live = Live::new(cx.engine().clone(), LiveOptions::default());
    let note = Note::insert(&cx, note("ada", "rust")).await.unwrap();
    let mut bin = live.watch(&cx, Note::descriptor().shape(), "bin", &json!({})).unwrap();
    assert_eq!(next(&mut bin).await, 0);
    Note::delete(&cx, &note.id).await.unwrap();
    assert_eq!(next(&mut bin).await, 1);
    Note::restore(&cx, &note.id).await.unwrap();
    assert_eq!(next(&mut bin).await, 0);
}

#[tokio::test]
async fn all_documents_count_where_what_is_found_has_a_rank() {
    // LIV-17
    let cx = App::isolated().models::<(Note,)>().cx().await.unwrap();
    let live = Live::new(cx.engine().clone(), LiveOptions::default());
    let shape = Note::descriptor().shape();
    Note::insert(&cx, note("ada", "rust, and more")).await.unwrap();
    let mut fit = live.watch(&cx, shape, "fit", &json!({})).unwrap();
    let alone = next(&mut fit).await;
    assert!(alone.is_f64(), "{alone}");
    Note::insert_many(&cx, (0..9).map(|_| note("bob", "of something else")).collect::<Vec<_>>())
        .await
        .unwrap();
    assert_ne!(next(&mut fit).await, alone);

    // That is why a window of it can't be kept.
    let search = |sort: Option<&str>| {
        let mut arguments = json!({ "search": "rust", "count": 2 });
        sort.into_iter().for_each(|sort| arguments["sort"] = sort.into());
        live.subscribe(&cx, shape, Arguments::Json(arguments), None)
    };
    let refused = search(None).await.unwrap_err();
    assert!(refused.is(Code::InvalidQuery) && refused.message().contains("sort"), "{refused}");
    assert!(search(Some("text")).await.unwrap().first().contains("and more"));
}

#[tokio::test]
async fn what_is_related_counts_however_it_is_looked_for() {
    // LIV-17
    let cx = App::isolated().models::<(Team, Plan)>().cx().await.unwrap();
    let live = Live::new(cx.engine().clone(), LiveOptions::default());
    let blue = Team::insert(&cx, Team { name: "blue".into() }).await.unwrap();
    let plan = || Plan { text: "more rust".into(), team: blue.id.clone().into() };
    Plan::insert(&cx, plan()).await.unwrap();
    let gone = Plan::insert(&cx, plan()).await.unwrap();
    Plan::delete(&cx, &gone.id).await.unwrap();
    for query in ["found", "dropped"] {
        Team::update(&cx, &blue.id, Team::NAME.set("blue".to_owned())).await.unwrap();
        let mut stream = live.watch(&cx, Plan::descriptor().shape(), query, &json!({})).unwrap();
        assert_eq!(next(&mut stream).await, 0, "{query}");
        Team::update(&cx, &blue.id, Team::NAME.set("red".to_owned())).await.unwrap();
        assert_eq!(next(&mut stream).await, 1, "{query}");
    }
}
