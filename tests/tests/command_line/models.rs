//! What was linked: `inspect`, `schema`, `openapi`, and faults that are reported before anything starts.

use serde_json::Value;

use crate::program::{EMPTY_LINK, FORGOTTEN, MULTI_APP, Place, QUICKSTART, has, repository};

/// The line of a file of the repository that holds this text.
fn line_of(path: &str, text: &str) -> usize {
    let source = std::fs::read_to_string(repository(path)).unwrap();
    source.lines().position(|line| line.contains(text)).unwrap() + 1
}

// RPC-10
#[tokio::test]
async fn inspect_lists_every_model_with_its_file_and_line() {
    let place = Place::new();
    let report = place.run(MULTI_APP, &["inspect"]).await.ok();
    let path = "examples/multi/accounts/src/lib.rs";
    let line = line_of(path, "derive(Clone");
    has(&report, &["model accounts/customers", "[Customer ", &format!("{path}:{line} (multi-accounts)")]);
    has(
        &report,
        &["model billing/invoices", "multi/billing/src/lib.rs:", "customer: text -> accounts/customers._id"],
    );
    has(&report, &["referenced by billing/invoices.customer", "email: text unique"]);
    assert!(!place.has("modeller.db"), "inspect opens nothing");
}

#[tokio::test]
async fn a_program_that_forgets_its_crates_says_so() {
    let place = Place::new();
    for arguments in [&["inspect"][..], &["serve"], &["migrate", "plan"], &["schema"], &["export"]] {
        let complaint = place.run(FORGOTTEN, arguments).await.failed(1);
        has(&complaint, &["no models", "modeller::link!", "derive `Model`"]);
    }
    assert_eq!(std::fs::read_dir(place.path(".")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_linked_crate_without_models_is_named() {
    let place = Place::new();
    let complaint = place.run(EMPTY_LINK, &["inspect"]).await.failed(1);
    has(&complaint, &["1 fault", "`link!(serde_json)`", "empty_link.rs:"]);
    assert!(!complaint.contains("multi_accounts"), "{complaint}");
}

#[tokio::test]
async fn all_faults_of_the_models_are_reported_together_with_their_places() {
    let place = Place::new();
    let complaint = place.stage("twins", &["inspect"]).await.failed(1);
    let file = "tests/src/bin/staged.rs";
    let source = std::fs::read_to_string(repository(file)).unwrap();
    let same: Vec<usize> = source
        .lines()
        .enumerate()
        .filter(|(_, line)| line.contains("name = \"same\""))
        // The derive stands above.
        .map(|(index, _)| index)
        .collect();
    has(
        &complaint,
        &["2 faults", "several structs are model `app/same`", "`Orphan.task` refers to model `app/tasks`"],
    );
    for line in same {
        has(&complaint, &[&format!("staged.rs:{line}")]);
    }
    assert_eq!(complaint.matches("    at ").count(), 3, "{complaint}");
    assert_eq!(place.stage("twins", &["serve"]).await.failed(1), complaint);
    assert!(!place.has("staged.db"));
}

#[tokio::test]
async fn schemas_are_printed_as_json() {
    let place = Place::new();
    let all: Value = serde_json::from_str(&place.run(QUICKSTART, &["schema"]).await.ok()).unwrap();
    let one: Value =
        serde_json::from_str(&place.run(QUICKSTART, &["schema", "system/users"]).await.ok()).unwrap();
    assert_eq!(all["system/users"], one);
    assert_eq!(one["properties"]["email"]["format"], "email");
    let complaint = place.run(QUICKSTART, &["schema", "system/user"]).await.failed(1);
    has(&complaint, &["`system/user`", "system/users"]);
}

#[tokio::test]
async fn the_openapi_document_is_printed_as_json() {
    let place = Place::new();
    let document: Value = serde_json::from_str(&place.run(MULTI_APP, &["openapi"]).await.ok()).unwrap();
    assert_eq!(document["info"]["title"], "Accounts and bills");
    assert!(document["paths"]["/billing/invoices/insert"]["post"].is_object());
    let server = place.serve(MULTI_APP, &["--port=0", "--database=:memory:"], &[]).await;
    assert_eq!(server.client().await.get("/@openapi.json").await.json(), document);
}

#[tokio::test]
async fn the_asyncapi_document_is_printed_as_json() {
    let place = Place::new();
    let document: Value = serde_json::from_str(&place.run(MULTI_APP, &["asyncapi"]).await.ok()).unwrap();
    assert_eq!(document["info"]["title"], "Accounts and bills");
    assert!(document["operations"]["websocket.store.insert.billing_invoices"].is_object());
    let server = place.serve(MULTI_APP, &["--port=0", "--database=:memory:"], &[]).await;
    assert_eq!(server.client().await.get("/@asyncapi.json").await.json(), document);
}
