//! The test kit moves jobs and workers by its clock.

use std::time::Duration;

use modeller::prelude::*;

/// What was done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "kit", name = "notes")]
pub struct Note {
    /// In words.
    pub text: String,
}

#[modeller::job(Note)]
async fn remind(cx: &Cx, text: String) -> Result<()> {
    Note::insert(cx, Note { text }).await?;
    Ok(())
}

#[modeller::worker(Note, every = "1m", immediate = false)]
async fn tick(cx: &Cx) -> Result<()> {
    Note::insert(cx, Note { text: "tick".into() }).await?;
    Ok(())
}

async fn texts(cx: &Cx) -> Vec<String> {
    let notes = Note::find().order_by(Note::CREATED_AT.asc()).all(cx).await.unwrap();
    notes.into_iter().map(|note| note.data.text).collect()
}

// HOO-09
#[tokio::test]
async fn time_that_is_moved_runs_jobs_and_workers() {
    let kit = App::isolated().models::<(Note,)>().test().await.unwrap();
    let cx = kit.cx();
    cx.enqueue(Remind { text: "now".into() }).await.unwrap();
    cx.enqueue(Remind { text: "later".into() }).delay(Duration::from_secs(90)).await.unwrap();
    assert_eq!(texts(&cx).await, [""; 0]);
    kit.settled().await;
    assert_eq!(texts(&cx).await, ["now"]);
    kit.engine().workers().start_all();
    kit.advance(Duration::from_secs(60)).await;
    assert_eq!(texts(&cx).await, ["now", "tick"]);
    kit.advance(Duration::from_secs(30)).await;
    assert_eq!(texts(&cx).await, ["now", "tick", "later"]);
    kit.engine().workers().stop_all();
    kit.advance(Duration::from_secs(600)).await;
    assert_eq!(texts(&cx).await.len(), 3);
}
