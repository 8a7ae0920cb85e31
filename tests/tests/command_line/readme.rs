//! What the README shows is what happens.

use serde_json::Value;

use crate::program::{Place, QUICKSTART, repository};

fn read(path: &str) -> String {
    std::fs::read_to_string(repository(path)).unwrap()
}

/// The blocks of code in this language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    text.split("```")
        .skip(1)
        .step_by(2)
        .filter_map(|block| block.strip_prefix(language)?.strip_prefix('\n'))
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_quick_start_of_the_readme_is_the_example() {
    let readme = read("README.md");
    let shown = blocks(&readme, "rust,no_run").remove(0);
    let example = read("examples/quickstart.rs");
    let code: Vec<&str> =
        example.lines().skip_while(|line| line.starts_with("//!") || line.is_empty()).collect();
    assert_eq!(shown.trim_end(), code.join("\n"));
}

#[test]
fn every_page_that_the_readme_links_exists() {
    let readme = read("README.md");
    let links: Vec<&str> =
        readme.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link).collect();
    assert!(links.len() > 10, "{links:?}");
    for link in links.iter().filter(|link| !link.contains("://")) {
        assert!(repository(link).exists(), "{link}");
    }
}

#[tokio::test]
async fn the_commands_of_the_readme_answer_as_shown() {
    // A look at the page without curl is no test of it.
    if std::process::Command::new("curl").arg("--version").output().is_err() {
        assert!(std::env::var_os("MODELLER_TEST_ALL").is_none(), "curl is missing, and all tests are to run");
        eprintln!("curl is missing: the README's commands were not run");
        return;
    }
    let place = Place::new();
    let server = place.serve(QUICKSTART, &["--port=0"], &[]).await;
    let readme = read("README.md");
    let script = blocks(&readme, "sh").into_iter().find(|block| block.contains("curl")).unwrap();
    let script = script.replace("127.0.0.1:3030", &server.address.to_string());
    // The answers end without a line of their own.
    let script = script.replace("\ncurl", "\necho; curl");
    let printed = place.run("sh", &["-c", &script]).await.ok();
    let answers: Vec<Value> = printed
        .lines()
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let [inserted, refused, got, updated, listed, deleted] = answers.as_slice() else { panic!("{printed}") };
    let keys: Vec<&String> = inserted.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["_id", "_version", "_createdAt", "_updatedAt", "email", "name", "role"]);
    assert_eq!((&inserted["name"], &inserted["role"]), (&Value::Null, &"member".into()));
    assert_eq!((&refused["code"], &refused["status"]), (&"VALIDATION_ERROR".into(), &400.into()));
    assert_eq!(refused["errors"].as_array().unwrap().len(), 2);
    assert_eq!(got, inserted);
    assert_eq!((&updated["_version"], &updated["name"]), (&2.into(), &"Ada".into()));
    assert_eq!(listed.as_array().unwrap(), std::slice::from_ref(updated));
    assert_eq!(deleted, updated);
    assert!(place.has("modeller.db"));
    let docs = server.client().await.get("/@docs").await;
    assert_eq!((docs.status, docs.header("content-type")), (200, Some("text/html; charset=utf-8")));
}
