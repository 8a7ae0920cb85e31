//! What the attributes write beside the user's item, and how long it may be.

use std::collections::BTreeSet;
use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::{compare, path};
use crate::vocab::Kind;
use crate::{check, entry};

/// Splits `#[modeller::hook(..)] item` into the attribute's kind, its arguments and the item.
fn split(text: &str) -> (Kind, TokenStream, TokenStream) {
    let mut tokens = text.parse::<TokenStream>().unwrap().into_iter();
    let Some(TokenTree::Group(attribute)) = tokens.nth(1) else { panic!("no attribute in {text}") };
    let mut kind = None;
    let mut arguments = TokenStream::new();
    for token in attribute.stream() {
        match token {
            TokenTree::Ident(name) => {
                kind = Kind::ALL.into_iter().find(|kind| name == kind.name()).or(kind);
            }
            TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis => {
                arguments = group.stream()
            }
            _ => {}
        }
    }
    (kind.unwrap(), arguments, tokens.collect())
}

fn expanded(case: &str) -> String {
    let (kind, arguments, item) = split(&fs::read_to_string(path(&format!("{case}.rs"))).unwrap());
    pretty(entry::attribute(kind, arguments, item))
}

fn pretty(tokens: TokenStream) -> String {
    prettyplease::unparse(&syn::parse2(tokens).unwrap())
}

/// Compares an expansion with the committed one and answers how many lines are not the user's own.
fn snapshot(case: &str) -> usize {
    let (_, _, item) = split(&fs::read_to_string(path(&format!("{case}.rs"))).unwrap());
    compare(case, &expanded(case)) - pretty(item).lines().count()
}

#[test]
fn a_hook_stays_short() {
    let lines = snapshot("hook");
    assert!(lines <= 25, "{lines} lines");
}

#[test]
fn a_method_stays_short() {
    for case in ["method", "query", "event"] {
        let lines = snapshot(case);
        assert!(lines <= 20, "{case}: {lines} lines");
    }
}

#[test]
fn names_and_messages_of_fields_are_in_the_declaration() {
    let lines = snapshot("method_with_names");
    assert!(lines <= 20, "{lines} lines");
}

#[test]
fn a_method_that_is_a_function_stays_short() {
    for case in ["method_function", "event_function", "job_function"] {
        let lines = snapshot(case);
        assert!(lines <= 45, "{case}: {lines} lines");
    }
}

#[test]
fn workers_jobs_and_rules_stay_short() {
    for case in ["worker", "job", "rule"] {
        let lines = snapshot(case);
        assert!(lines <= 28, "{case}: {lines} lines");
    }
}

#[test]
fn every_option_of_a_hook_is_in_its_declaration() {
    snapshot("hook_every_option");
}

#[test]
fn what_has_errors_keeps_its_item_and_its_traits() {
    snapshot("hook_with_errors");
    snapshot("method_with_errors");
    snapshot("method_function_with_errors");
    snapshot("rule_with_errors");
}

#[test]
fn declarations_name_nothing_but_the_hidden_surface() {
    for case in ["hook", "hook_every_option", "method", "query", "event", "worker", "job", "rule"] {
        let (_, _, item) = split(&fs::read_to_string(path(&format!("{case}.rs"))).unwrap());
        let text = expanded(case).replace(&pretty(item), "");
        for banned in ["std::", "core::", "serde", "schemars", "validator", "unwrap", " Box", " Option"] {
            assert!(!text.contains(banned), "{case} names `{banned}`");
        }
    }
    assert!(!expanded("hook_every_option").contains("::modeller"), "`crate = path` was not used everywhere");
}

#[test]
fn patterns_of_topics_are_those_that_the_framework_takes() {
    for line in include_str!("../../../modeller/src/live/rule/patterns.txt").lines() {
        let Some((verdict, pattern)) = line.split_once(' ') else { continue };
        let pattern = pattern.replace("\\t", "\t").replace("<long>", &"a".repeat(257));
        let fault = check::topic::fault(&pattern);
        assert_eq!(fault.is_none(), verdict == "yes", "{pattern:?}: {fault:?}");
    }
}

#[test]
fn bodies_are_never_parsed() {
    let item: TokenStream = "fn tick() { this is no rust at all + }".parse().unwrap();
    let output = entry::attribute(Kind::Worker, "every = 5".parse().unwrap(), item).to_string();
    assert!(output.contains("this is no rust at all +") && !output.contains("compile_error"), "{output}");
}

#[test]
fn the_item_survives_whatever_is_wrong() {
    let items = [
        "fn work(a: u8) { 7 }",
        "pub struct Work { pub a: u8 }",
        "enum Work { A }",
        "impl Work { fn a(&self) {} }",
        "fn work<T>(self, A { b }: A, #[cfg(x)] c: impl D) -> impl E { 7 }",
        "pub const WORK: u8 = 7;",
        "this is no item",
    ];
    for kind in Kind::ALL {
        for arguments in ["", "User", "\"User\", nonsense", "= , (", "User, before(get), every = 0, cron = 7"]
        {
            for item in items {
                let (Ok(arguments), Ok(tokens)) = (arguments.parse(), item.parse::<TokenStream>()) else {
                    continue;
                };
                let stripped = item.replace("#[cfg(x)] ", "");
                let output =
                    entry::attribute(kind, arguments, tokens).to_string().replace("# [cfg (x)] ", "");
                let wanted: TokenStream = stripped.parse().unwrap();
                assert!(
                    output.contains(&wanted.to_string()),
                    "{}: `{item}` is gone from {output}",
                    kind.name()
                );
            }
        }
    }
}

#[test]
fn odd_arguments_never_panic() {
    let pieces = [
        "User",
        "before",
        "after_commit",
        "insert",
        "list",
        "order",
        "every",
        "name",
        "crate",
        "unsigned",
        "cron",
        "topic",
        "attempts",
        "schedule",
        "timeout",
        "=",
        "(",
        ")",
        ",",
        "\"a\"",
        "\"5s\"",
        "\"0 3 * * *\"",
        "\"a.*\"",
        "7",
        "-",
        "::",
        "<",
        ">",
        "1.5",
        "'a",
        "r#type",
        "model",
        "#",
        "[",
        "]",
        "&",
        "true",
    ];
    let items = [
        "fn work(cx: &Cx, #[validate(email)] a: u8) -> Result<()> { }",
        "pub struct Work { pub a: u8 }",
        "async fn _1(mut _a: &'a mut U, (b, c): D, ..) -> impl F;",
    ];
    let mut seed = 11_u64;
    let mut next = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % below
    };
    let (mut tried, mut fine) = (0, BTreeSet::new());
    for _ in 0..6_000 {
        let text: Vec<&str> = (0..next(9)).map(|_| pieces[next(pieces.len())]).collect();
        let (kind, item) = (Kind::ALL[next(Kind::ALL.len())], items[next(items.len())]);
        let text = text.join(" ");
        let (Ok(arguments), Ok(tokens)) = (text.parse::<TokenStream>(), item.parse::<TokenStream>()) else {
            continue;
        };
        let output = catch_unwind(|| entry::attribute(kind, arguments, tokens).to_string())
            .unwrap_or_else(|_| panic!("panicked on {}({text}) {item}", kind.name()));
        if !output.contains("compile_error") {
            fine.insert(kind.name());
        }
        tried += 1;
    }
    assert!(tried > 1_000, "only {tried} inputs were tokens at all");
    assert!(fine.len() >= 4, "only {fine:?} were ever right");
}

#[test]
fn every_reference_page_has_a_row_for_every_option() {
    for kind in Kind::ALL {
        let name = kind.name();
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../modeller/docs/{name}.md"));
        let page = fs::read_to_string(page).unwrap();
        super::documented(kind.vocabulary(), &page);
        assert!(page.contains(&format!("#[modeller::{name}")), "the page of `{name}` has no example");
        assert!(page.contains("# What goes wrong"), "the page of `{name}` explains no errors");
    }
}

#[test]
fn every_word_of_an_attribute_has_a_form_and_an_example_for_each() {
    for kind in Kind::ALL {
        super::check(kind.vocabulary());
    }
}
