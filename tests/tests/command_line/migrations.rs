//! `migrate`: an old database, and a program whose structs have changed.

use crate::program::{Place, STAGED, has};

const LINE: &str = r#"{"model":"app/tasks","document":{"title":"one","secret":"s","hours":1.5}}"#;

async fn old_database() -> Place {
    let place = Place::new();
    place.write("one.jsonl", LINE);
    place.stage("old", &["import", "one.jsonl"]).await.ok();
    place
}

#[tokio::test]
async fn a_plan_changes_nothing_not_even_the_directory() {
    // MIG: plan
    let place = Place::new();
    let plan = place.stage("old", &["migrate", "plan"]).await.ok();
    has(&plan, &["There is no database staged.db yet", "create table app_tasks", "CREATE TABLE"]);
    has(&plan, &["`migrate apply` carries them out; so does the next start."]);
    assert_eq!(std::fs::read_dir(place.path(".")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_database_that_fits_needs_nothing() {
    let place = old_database().await;
    assert_eq!(place.stage("old", &["migrate", "plan"]).await.ok(), "The database fits the models.\n");
}

#[tokio::test]
async fn what_loses_nothing_is_done_at_the_start() {
    let place = old_database().await;
    let plan = place.stage("wider", &["migrate", "plan"]).await.ok();
    has(&plan, &["- add column app_tasks.note", "so does the next start"]);
    let environment = [("STAGE", "wider"), ("MODELLER_DATABASE", "staged.db")];
    let server = place.serve(STAGED, &["--port=0"], &environment).await;
    let task = server.client().await.get("/app/tasks/get?title=one").await.json();
    assert!(task["note"].is_null() && task["hours"] == 1.5, "{task}");
    assert_eq!(server.signal("TERM").await.code(), Some(0));
    assert_eq!(place.stage("wider", &["migrate", "plan"]).await.ok(), "The database fits the models.\n");
}

#[tokio::test]
async fn what_loses_data_is_refused_with_the_plan_and_the_command() {
    let place = old_database().await;
    let before = place.stage("old", &["export"]).await.ok();
    for arguments in [&["serve", "--port=0"][..], &["export"], &["import"]] {
        let complaint = place.stage("narrower", arguments).await.failed(1);
        has(&complaint, &["! drop column app_tasks.secret (1 document has a value in it"]);
        has(
            &complaint,
            &["! drop column app_tasks.hours", "`migrate plan`", "`migrate apply`", "nothing was changed"],
        );
        assert!(!complaint.contains("{"), "{complaint}");
    }
    assert_eq!(place.stage("old", &["export"]).await.ok(), before);
    let done = place.stage("narrower", &["migrate", "apply"]).await.ok();
    has(&done, &["! drop column app_tasks.secret", "ALTER TABLE", "Done."]);
    let after = place.stage("narrower", &["export"]).await.ok();
    has(&after, &["\"title\":\"one\""]);
    assert!(!after.contains("secret"), "{after}");
}

#[tokio::test]
async fn what_can_not_be_done_is_refused_by_apply_too() {
    let place = old_database().await;
    let plan = place.stage("stricter", &["migrate", "plan"]).await.ok();
    has(&plan, &["x add column app_tasks.owner (1 document has no value for it", "can't be carried out"]);
    let complaint = place.stage("stricter", &["migrate", "apply"]).await.failed(1);
    has(&complaint, &["owner", "nothing was changed"]);
    place.stage("old", &["export"]).await.ok();
}

#[tokio::test]
async fn a_table_without_a_model_is_kept_and_named() {
    let place = old_database().await;
    let plan = place.stage("narrower", &["migrate", "plan"]).await.ok();
    has(&plan, &["- keep table app_places: no model is called app/places any more"]);
}
