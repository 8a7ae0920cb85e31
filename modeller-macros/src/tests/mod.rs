//! What the macros write, as committed text, and how long it may be.
//!
//! `UPDATE_SNAPSHOTS=1 cargo test -p modeller-macros` writes the expansions anew; read the difference before you commit it.

mod handlers;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use proc_macro2::{Span, TokenStream};

use crate::diag::Diag;
use crate::vocab::{FIELD, Form, GENERATED, MODEL, Vocabulary};
use crate::{entry, messages};

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/expand").join(name)
}

fn expanded(case: &str) -> String {
    let input: TokenStream = fs::read_to_string(path(&format!("{case}.rs"))).unwrap().parse().unwrap();
    let output = entry::model(input);
    prettyplease::unparse(&syn::parse2(output).unwrap())
}

/// Compares an expansion with the committed one and answers its lines.
fn snapshot(case: &str) -> usize {
    compare(case, &expanded(case))
}

fn compare(case: &str, actual: &str) -> usize {
    let file = path(&format!("{case}.expanded.rs"));
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::write(&file, actual).unwrap();
    }
    let committed = fs::read_to_string(&file).unwrap_or_default();
    assert!(actual == committed, "{} is not what the macro writes now:\n{actual}", file.display());
    actual.lines().count()
}

#[test]
fn a_model_of_five_fields_stays_short() {
    let lines = snapshot("five_fields");
    assert!(lines <= 80, "{lines} lines");
}

#[test]
fn every_option_is_in_the_descriptor() {
    snapshot("every_option");
}

#[test]
fn a_struct_with_errors_keeps_its_columns() {
    snapshot("with_errors");
}

#[test]
fn what_is_no_struct_gets_an_implementation_that_asks_for_nothing() {
    snapshot("an_enum");
}

#[test]
fn the_same_input_gives_the_same_output() {
    assert_eq!(expanded("every_option"), expanded("every_option"));
}

#[test]
fn generated_code_names_nothing_but_the_hidden_surface() {
    for case in ["five_fields", "every_option"] {
        let text = expanded(case);
        for banned in ["std::", "core::", "serde", "schemars", "validator", "unwrap"] {
            assert!(!text.contains(banned), "{case} names `{banned}`");
        }
    }
    assert!(!expanded("every_option").contains("::modeller"), "`crate = path` was not used everywhere");
}

#[test]
fn a_panic_is_shown_as_our_bug() {
    let output = entry::caught("derive(Model)", || panic!("the reason")).to_string();
    assert!(
        output.contains("compile_error") && output.contains("the reason") && output.contains("bug"),
        "{output}"
    );
}

#[test]
fn tokens_that_are_no_item_are_an_error_and_no_panic() {
    for input in ["", "struct", "fn main() {}", "#[model(", "#[model(name = \"x\")] struct A { a: }"] {
        let Ok(tokens) = input.parse::<TokenStream>() else { continue };
        assert!(entry::model(tokens).to_string().contains("compile_error"), "{input}");
    }
}

#[test]
fn errors_that_nobody_looks_at_are_a_bug() {
    let forgotten = catch_unwind(AssertUnwindSafe(|| drop(Diag::new())));
    assert!(forgotten.is_err());
    assert!(Diag::new().finish().is_none());
}

#[test]
fn a_scope_fails_after_all_of_it_was_tried() {
    let diag = Diag::new();
    let error = |text: &str| diag.push(syn::Error::new(Span::call_site(), text));
    let failed = diag.scope(|| {
        error("one");
        error("two");
    });
    let fine = diag.scope(|| 7);
    assert!(failed.is_err() && matches!(fine, Ok(7)));
    let text = diag.finish().map(|tokens| tokens.to_string()).unwrap_or_default();
    assert!(text.contains("one") && text.contains("two"));
}

#[test]
fn odd_attributes_never_panic() {
    let pieces = [
        "model",
        "serde",
        "validate",
        "name",
        "unique",
        "references",
        "crate",
        "=",
        "(",
        ")",
        ",",
        "\"a\"",
        "7",
        "::",
        "Self",
        "A",
        "<",
        ">",
        "[",
        "]",
        "#",
        "r#type",
        "rename",
        "with",
        "email",
        "message",
        "'a",
        "-",
        "1.5",
        "ttl",
        "key",
    ];
    // A small generator of its own: the same inputs at every run.
    let mut seed = 7_u64;
    let mut next = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % below
    };
    let mut tried = 0;
    for _ in 0..5_000 {
        let mut attribute = || {
            let inside: Vec<&str> = (0..next(7)).map(|_| pieces[next(pieces.len())]).collect();
            format!("#[{}({})]", pieces[next(3)], inside.join(" "))
        };
        let text = format!(
            "{} struct User {{ {} email: String, {} name: u8 }}",
            attribute(),
            attribute(),
            attribute()
        );
        let Ok(tokens) = text.parse::<TokenStream>() else { continue };
        let output = catch_unwind(|| entry::model(tokens)).unwrap_or_else(|_| panic!("panicked on {text}"));
        assert!(syn::parse2::<syn::File>(output).is_ok(), "wrote no items for {text}");
        tried += 1;
    }
    assert!(tried > 500, "only {tried} inputs were tokens at all");
}

/// The reference page.
fn page() -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../modeller/docs/model.md");
    fs::read_to_string(page).unwrap()
}

fn documented<K>(vocabulary: &Vocabulary<K>, page: &str) {
    for word in vocabulary.words.iter().filter(|word| word.listed) {
        for usage in word.usage {
            assert!(page.contains(&format!("| `{usage}`")), "the page has no row for `{usage}`");
        }
    }
}

#[test]
fn the_reference_page_has_a_row_for_every_option() {
    documented(&MODEL, &page());
    documented(&FIELD, &page());
    for (name, _) in GENERATED {
        assert!(page().contains(&format!("`\"{name}\"`")), "the page does not name the generator `{name}`");
    }
}

#[test]
fn every_word_has_a_form_and_an_example_for_each() {
    check(&MODEL);
    check(&FIELD);
}

fn check<K>(vocabulary: &Vocabulary<K>) {
    for word in vocabulary.words {
        for form in word.forms {
            let mark = match form {
                Form::Flag => None,
                Form::Value => Some(" = "),
                Form::List => Some("("),
            };
            let shown = |usage: &&str| match mark {
                Some(mark) => usage.starts_with(&format!("{}{mark}", word.name)),
                None => *usage == word.name,
            };
            assert!(word.usage.iter().any(shown), "{} has no example of {form:?}", word.name);
        }
        let unknown = messages::unknown_option("zzzzzzzz", vocabulary, None);
        assert_eq!(unknown.contains(&format!("`{}`", word.name)), word.listed, "{}", word.name);
    }
}
