//! `export` and `import`.

use std::process::Stdio;

use serde_json::{Value, json};

use crate::program::{Place, STAGED, has};

fn line(document: Value) -> String {
    json!({ "model": "app/tasks", "document": document }).to_string()
}

#[tokio::test]
async fn what_is_exported_is_imported_as_it_was() {
    let place = Place::new();
    let environment = [("MODELLER_DATABASE", "staged.db")];
    let server = place.serve(STAGED, &["--port=0"], &environment).await;
    let mut client = server.client().await;
    let insert = "/app/tasks/insert";
    let first =
        client.post(insert, &json!({ "title": "one", "secret": "s3cret", "hours": 2.0 })).await.json();
    let second = json!({ "title": "zwei \"2\"\n", "parent": first["_id"], "tags": ["a", "b"] });
    client.post(insert, &second).await;
    client.post(insert, &json!({ "title": "gone" })).await;
    assert_eq!(
        client.put("/app/tasks/update?title=one", &json!({ "tags": ["x"] })).await.json()["_version"],
        2
    );
    assert_eq!(client.delete("/app/tasks/delete?title=gone").await.status, 200);
    client.post("/app/places/insert", &json!({ "name": "Rome" })).await;
    assert_eq!(server.signal("TERM").await.code(), Some(0));

    let exported = place.stage("old", &["export"]).await.ok();
    assert_eq!(exported.lines().count(), 4);
    has(&exported, &["s3cret", "_deletedAt", "_expiresAt", "\"_version\":2", first["_id"].as_str().unwrap()]);
    // To a file, into another database, and out again.
    place.stage("old", &["export", "-o", "all.jsonl"]).await.ok();
    assert_eq!(place.read("all.jsonl"), exported);
    assert!(!place.has("all.jsonl.partial"));
    // It holds private fields.
    let mode = std::os::unix::fs::PermissionsExt::mode(&place.metadata("all.jsonl").permissions());
    assert_eq!(mode & 0o777, 0o600);
    let other = [("MODELLER_DATABASE", "other.db")];
    let ended = place.run_with(STAGED, &["import", "all.jsonl"], &other, "").await;
    has(&ended.err, &["4 documents imported"]);
    assert_eq!(ended.ok(), "");
    assert_eq!(place.run_with(STAGED, &["export"], &other, "").await.ok(), exported);
    // By standard input as well, and one model alone.
    let third = [("MODELLER_DATABASE", "third.db")];
    place.run_with(STAGED, &["import"], &third, &exported).await.ok();
    let tasks = place.run_with(STAGED, &["export", "app/tasks"], &third, "").await.ok();
    assert_eq!(tasks.lines().count(), 3);
    assert!(exported.contains(&tasks));
    // The trash can still be restored, and numbers go on.
    let server = place.serve(STAGED, &["--port=0"], &other).await;
    let mut client = server.client().await;
    let restored = client.send("POST", "/app/tasks/restore?title=gone", &[], b"").await;
    assert_eq!((restored.status, &restored.json()["title"]), (200, &"gone".into()));
    let next = client.post(insert, &json!({ "title": "next" })).await.json();
    assert_eq!(next["number"], 4, "{next}");
}

#[tokio::test]
async fn more_than_a_chunk_goes_through() {
    let place = Place::new();
    let lines: Vec<String> =
        (0..2_345).map(|number| line(json!({ "title": format!("t{number}") }))).collect();
    place.write("many.jsonl", lines.join("\r\n"));
    let ended = place.stage("old", &["import", "many.jsonl"]).await;
    has(&ended.err, &["2345 documents imported"]);
    assert_eq!(place.stage("old", &["export"]).await.ok().lines().count(), 2_345);
}

#[tokio::test]
async fn large_documents_go_through_a_few_at_a_time() {
    let place = Place::new();
    let secret = "s".repeat(9 << 20);
    let lines: Vec<String> =
        (0..5).map(|number| line(json!({ "title": format!("t{number}"), "secret": secret }))).collect();
    place.write("large.jsonl", lines.join("\n"));
    place.stage("old", &["import", "large.jsonl"]).await.ok();
    place.stage("old", &["export", "-o", "again.jsonl"]).await.ok();
    let titles: Vec<Value> = place
        .read("again.jsonl")
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["document"]["title"].take())
        .collect();
    assert_eq!(titles, ["t0", "t1", "t2", "t3", "t4"]);
}

#[tokio::test]
async fn a_bad_line_is_named_by_its_number() {
    let place = Place::new();
    let good = line(json!({ "title": "good" }));
    let id = json!({ "model": "app/places", "document": { "_id": "Rome", "name": "Paris" } }).to_string();
    for (bad, said) in [
        ("not JSON".to_owned(), "line 3"),
        ("{\"model\":\"app/tasks\"}".into(), "{\"model\": \"..\", \"document\": {..}}"),
        (json!({ "model": "app/tusks", "document": {} }).to_string(), "no model `app/tusks`"),
        (line(json!({ "title": "" })), "/title must NOT have fewer than 1 characters"),
        (line(json!({ "titel": 1 })), "must have required property 'title'"),
        (line(json!({ "title": "x", "_version": 0 })), "/_version"),
        (line(json!({ "title": "x", "_createdAt": "yesterday" })), "/_createdAt"),
        (line(json!({ "title": "good" })), "title"),
        ("{\"model\":\"app/tasks\",\"document\":{\"title\":1,\"title\":2}}".into(), "line 3"),
        (id, "/_id must be the document's key"),
    ] {
        place.write("bad.jsonl", format!("{good}\n\n{bad}\n{good}\n"));
        let complaint = place.stage("old", &["import", "bad.jsonl"]).await.failed(1);
        has(&complaint, &["line 3", said, "nothing was imported"]);
    }
    place.write("bad.jsonl", b"\n\xff\n");
    has(&place.stage("old", &["import", "bad.jsonl"]).await.failed(1), &["line 2"]);
    assert_eq!(place.stage("old", &["export"]).await.ok(), "");
}

#[tokio::test]
async fn an_import_that_breaks_off_says_how_far_it_came() {
    let place = Place::new();
    let mut lines: Vec<String> =
        (0..1_500).map(|number| line(json!({ "title": format!("t{number}") }))).collect();
    lines.push(line(json!({ "title": "t1" })));
    let ended =
        place.run_with(STAGED, &["import"], &[("MODELLER_DATABASE", "staged.db")], &lines.join("\n")).await;
    has(&ended.failed(1), &["line 1501", "1000 documents imported before that, and nothing after them"]);
    assert_eq!(place.stage("old", &["export"]).await.ok().lines().count(), 1_000);
}

#[tokio::test]
async fn files_that_are_missing_are_named() {
    let place = Place::new();
    has(&place.stage("old", &["export"]).await.failed(1), &["there is no database staged.db"]);
    assert!(!place.has("staged.db"));
    has(&place.stage("old", &["import", "none.jsonl"]).await.failed(1), &["none.jsonl"]);
    has(&place.stage("old", &["export", "-o", "no/where.jsonl"]).await.failed(1), &["no/where.jsonl"]);
    has(
        &place.stage("old", &["export", "app/nothing"]).await.failed(1),
        &["no model `app/nothing`", "app/tasks"],
    );
}

#[tokio::test]
async fn a_reader_that_has_seen_enough_is_no_failure() {
    let place = Place::new();
    let text = "x".repeat(400);
    let lines: Vec<String> =
        (0..2_000).map(|number| line(json!({ "title": format!("{number} {text}") }))).collect();
    place.write("many.jsonl", lines.join("\n"));
    place.stage("old", &["import", "many.jsonl"]).await.ok();
    let mut child = tokio::process::Command::new(STAGED)
        .args(["export", "--database", "staged.db"])
        .current_dir(place.path("."))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().await.unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}
