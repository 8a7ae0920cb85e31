//! Jobs that run by the calendar, once for each tick.

use std::time::Duration;

use modeller::App;
use modeller::engine::Clock;
use modeller::prelude::*;

use crate::{Effect, Order, START, effects, start};

/// At three o'clock on the first of each month.
#[modeller::job(cron = "0 3 1 * *")]
async fn monthly(cx: &Cx) -> Result<()> {
    Effect::insert(cx, Effect { text: "monthly".into() }).await.map(drop)
}

const HOUR: Duration = Duration::from_secs(3_600);

// HOO-14
#[tokio::test]
async fn a_job_with_a_pattern_runs_at_each_of_its_times() {
    let (engine, cx, clock) = start().await;
    assert_eq!(engine.jobs().run_due().await.unwrap(), 0, "the calendar begins with the first start");
    // Until 1 October, 02:13.
    clock.advance(9 * 24 * HOUR + 12 * HOUR);
    assert_eq!(engine.jobs().run_due().await.unwrap(), 0);
    clock.advance(HOUR);
    assert_eq!(engine.jobs().run_due().await.unwrap(), 1);
    assert_eq!(engine.jobs().run_due().await.unwrap(), 0, "once for each tick");
    clock.advance(31 * 24 * HOUR);
    assert_eq!(engine.jobs().run_due().await.unwrap(), 1);
    assert_eq!(effects(&cx).await, ["monthly", "monthly"]);
}

// HOO-14
#[tokio::test]
async fn of_the_ticks_that_were_missed_the_last_is_made_up_for() {
    let (engine, cx, clock) = start().await;
    engine.jobs().run_due().await.unwrap();
    clock.advance(200 * 24 * HOUR);
    assert_eq!(engine.jobs().run_due().await.unwrap(), 1);
    assert_eq!(engine.jobs().run_due().await.unwrap(), 0);
    clock.advance(31 * 24 * HOUR);
    assert_eq!(engine.jobs().run_due().await.unwrap(), 1);
    assert_eq!(effects(&cx).await.len(), 2);
}

// HOO-14
#[tokio::test]
async fn of_several_processes_one_sees_to_a_tick() {
    let lab = crate::crash::File::new();
    let path = lab.0.join("jobs.db").display().to_string();
    let clock = Clock::manual(START);
    let mut engines = Vec::new();
    for _ in 0..3 {
        let app = App::isolated().models::<(Effect, Order)>().clock(clock.clone()).database(path.clone());
        engines.push(app.engine().await.unwrap());
    }
    for _ in 0..4 {
        let runs: Vec<_> = engines
            .iter()
            .map(|engine| {
                let jobs = engine.jobs();
                tokio::spawn(async move { jobs.run_due().await.unwrap() })
            })
            .collect();
        for run in runs {
            run.await.unwrap();
        }
        clock.advance(31 * 24 * HOUR);
    }
    assert_eq!(effects(&engines[0].cx()).await, ["monthly"; 3]);
    for engine in engines {
        engine.store().close().await;
    }
}
