//! How many errors one mistake costs, counted in the messages that are written down.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Cases with several mistakes on purpose, and how many errors must report all of them.
const SEVERAL: &[(&str, usize)] = &[
    ("several_arguments_of_a_hook", 4),
    ("several_derives_missing", 4),
    ("several_derives_of_a_method_missing", 4),
    ("several_mistakes_at_once", 4),
    ("several_mistakes_in_a_hook", 4),
    ("several_mistakes_in_a_job", 4),
    ("several_mistakes_in_a_method", 4),
    ("several_mistakes_in_a_query", 4),
    ("several_mistakes_in_a_rule", 4),
    ("several_mistakes_in_a_signature", 4),
    ("several_mistakes_in_a_worker", 4),
    ("several_mistakes_in_an_event", 4),
    ("several_mistakes_in_one_attribute", 6),
];

fn errors() -> BTreeMap<String, usize> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fail");
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let cases =
        files.filter(|file| file.extension().is_some_and(|extension| extension == "rs")).map(|case| {
            let text = fs::read_to_string(case.with_extension("stderr"))
                .unwrap_or_else(|_| panic!("{} has no .stderr beside it", case.display()));
            let errors = text.lines().filter(|line| line.starts_with("error")).count();
            (case.file_stem().unwrap().to_str().unwrap().to_owned(), errors)
        });
    cases.collect()
}

#[test]
fn one_mistake_is_one_error() {
    let all = errors();
    let single: Vec<(&String, &usize)> =
        all.iter().filter(|(name, _)| !name.starts_with("several_")).collect();
    for (name, errors) in &single {
        assert!((1..=2).contains(*errors), "{name} gives {errors} errors");
    }
    let sum: usize = single.iter().map(|(_, errors)| **errors).sum();
    assert!(sum * 10 <= single.len() * 12, "{sum} errors in {} cases: more than 1.2 a case", single.len());
    assert!(single.len() >= 100, "there were at least 100 cases, and {} are left", single.len());
}

#[test]
fn several_mistakes_are_reported_together() {
    let all = errors();
    let several: Vec<(&str, usize)> = all
        .iter()
        .filter(|(name, _)| name.starts_with("several_"))
        .map(|(name, count)| (&**name, *count))
        .collect();
    assert_eq!(several, SEVERAL);
}

#[test]
fn no_message_is_left_without_its_case() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fail");
    for file in fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()) {
        assert!(file.with_extension("rs").exists(), "{} has no case", file.display());
    }
}

#[test]
fn every_attribute_has_its_cases() {
    let all = errors();
    for attribute in ["hook", "method", "query", "event", "worker", "job", "rule"] {
        let cases = all.keys().filter(|name| name.starts_with(&format!("{attribute}_"))).count();
        assert!(cases >= 8, "{attribute} has {cases} cases");
        assert!(
            all.contains_key(&format!("survives_a_bad_{attribute}")),
            "nothing shows that an item of {attribute} survives"
        );
    }
}
