//! Workers: at their interval, one run at a time, through errors and panics.

use std::sync::Arc;
use std::time::Duration;

use modeller::engine::Engine;
use modeller::prelude::*;

use crate::{Effect, Order, effects, gate, pass, start, until};

/// Works at once, and each second.
#[modeller::worker(every = "1s")]
async fn beat(cx: &Cx) -> Result<()> {
    Effect::insert(cx, Effect { text: "beat".into() }).await.map(drop)
}

/// Works each second, from the next on.
#[modeller::worker(every = "1s", immediate = false)]
async fn later(cx: &Cx) -> Result<()> {
    Effect::insert(cx, Effect { text: "later".into() }).await.map(drop)
}

/// Fails each time, in one way or another.
#[modeller::worker(every = "1s", name = "clumsy")]
async fn fails(cx: &Cx) -> Result<()> {
    let number = Effect::count(cx).await?;
    Effect::insert(cx, Effect { text: "clumsy".into() }).await?;
    assert!(number.is_multiple_of(2), "an odd number");
    Err(Error::custom("EVEN", 500, "an even number"))
}

/// Stops itself after the third time.
#[modeller::worker(Order, every = "1s")]
async fn thrice(cx: &Cx) -> Result<()> {
    Effect::insert(cx, Effect { text: "thrice".into() }).await?;
    if Effect::count(cx).await? == 3 {
        cx.engine().workers().stop("thrice")?;
    }
    Ok(())
}

/// Takes its time, where there is an order to take it for.
#[modeller::worker(every = "1s")]
async fn slow(cx: &Cx) -> Result<()> {
    if Order::count(cx).await? == 0 {
        return Ok(());
    }
    gate("slow", "reached").add_permits(1);
    gate("slow", "open").acquire().await.expect("nobody closes it").forget();
    Effect::insert(cx, Effect { text: "slow".into() }).await.map(drop)
}

/// Has no name.
#[modeller::worker(every = "1m", unsigned)]
async fn nameless(cx: &Cx) -> Result<()> {
    Effect::insert(cx, Effect { text: "nameless".into() }).await.map(drop)
}

async fn written(cx: &Cx, count: usize) {
    until(&format!("{count} runs"), async || effects(cx).await.len() >= count).await;
    // Whatever else might come would come now.
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
    assert_eq!(effects(cx).await.len(), count);
}

fn running(engine: &Arc<Engine>, id: &str) -> bool {
    engine.workers().is_running(id).unwrap()
}

// HOO-09
#[tokio::test]
async fn a_worker_runs_at_its_interval_from_the_start_or_later() {
    let (engine, cx, clock) = start().await;
    engine.workers().start("beat").unwrap();
    written(&cx, 1).await;
    for count in 2..5 {
        clock.advance(Duration::from_millis(999));
        written(&cx, count - 1).await;
        clock.advance(Duration::from_millis(1));
        written(&cx, count).await;
    }
    clock.advance(Duration::from_secs(60));
    written(&cx, 5).await;
    engine.workers().stop("beat").unwrap();
    engine.workers().start("later").unwrap();
    written(&cx, 5).await;
    clock.advance(Duration::from_secs(1));
    written(&cx, 6).await;
    assert_eq!(effects(&cx).await.last().unwrap(), "later");
}

// HOO-11
#[tokio::test]
async fn workers_are_started_and_stopped_by_their_ids_and_together() {
    let (engine, cx, clock) = start().await;
    let workers = engine.workers();
    assert!(!running(&engine, "beat"));
    workers.start("beat").unwrap();
    workers.start("beat").unwrap();
    assert!(running(&engine, "beat") && !running(&engine, "later"));
    written(&cx, 1).await;
    workers.stop("beat").unwrap();
    assert!(!running(&engine, "beat"));
    clock.advance(Duration::from_secs(10));
    written(&cx, 1).await;
    // The id of one that belongs to a model may be said in full.
    workers.start("jobs/orders.thrice").unwrap();
    assert!(running(&engine, "thrice"));
    workers.stop_all();
    assert!(!running(&engine, "thrice"));
    workers.start_all();
    assert!(running(&engine, "beat") && running(&engine, "clumsy") && running(&engine, "later"));
    workers.stop_all();
    workers.rest().await;
    for (id, hint) in
        [("baet", "did you mean `beat`"), ("nameless", "no worker `nameless`"), ("", "no worker")]
    {
        for error in [workers.start(id), workers.stop(id), workers.is_running(id).map(drop)] {
            let error = error.unwrap_err();
            assert!(error.is(Code::NotFound) && error.message().contains(hint), "{error}");
        }
    }
}

// HOO-12
#[tokio::test]
async fn errors_and_panics_do_not_stop_a_worker() {
    let (engine, cx, clock) = start().await;
    engine.workers().start("clumsy").unwrap();
    for count in 1..=4 {
        written(&cx, count).await;
        clock.advance(Duration::from_secs(1));
    }
    written(&cx, 5).await;
    assert!(running(&engine, "clumsy"));
}

// HOO-12
#[tokio::test]
async fn a_worker_may_stop_itself() {
    let (engine, cx, clock) = start().await;
    engine.workers().start("thrice").unwrap();
    for count in [1, 2, 3, 3, 3] {
        written(&cx, count).await;
        clock.advance(Duration::from_secs(1));
    }
    assert!(!running(&engine, "thrice"));
    engine.workers().start("thrice").unwrap();
    written(&cx, 4).await;
}

// HOO-10
#[tokio::test]
async fn a_worker_without_a_name_runs_with_all_others() {
    let (engine, cx, _) = start().await;
    engine.workers().start_all();
    let is_there = async || effects(&cx).await.iter().any(|text| text == "nameless");
    until("it has run", is_there).await;
    engine.workers().rest().await;
}

// HOO-09
#[tokio::test]
async fn a_long_run_delays_the_next_one_and_a_stop_waits_for_it() {
    let (engine, cx, clock) = start().await;
    let workers = engine.workers();
    Order::insert(&cx, Order { what: "patience".into() }).await.unwrap();
    workers.start("slow").unwrap();
    pass("slow", "reached").await;
    clock.advance(Duration::from_secs(10));
    workers.stop("slow").unwrap();
    workers.start("slow").unwrap();
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
    assert_eq!(gate("slow", "reached").available_permits(), 0, "one run at a time");
    gate("slow", "open").add_permits(1);
    pass("slow", "reached").await;
    assert_eq!(effects(&cx).await, ["slow"]);
    workers.stop_all();
    gate("slow", "open").add_permits(1);
    workers.rest().await;
    assert_eq!(effects(&cx).await, ["slow", "slow"], "a stop waits for the run");
    assert!(!running(&engine, "slow"));
}
