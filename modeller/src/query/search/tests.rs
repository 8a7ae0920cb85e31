//! Searches as they are typed, and what becomes of them.

use proptest::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

use super::*;
use crate::model::{Row, Value};
use modeller::Model;

#[derive(Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "test", name = "searched")]
struct Page {
    #[model(searchable)]
    title: String,
    #[model(searchable)]
    tags: Vec<String>,
    #[model(private)]
    note: Option<String>,
}

fn shape() -> &'static Shape {
    Page::descriptor().shape()
}

fn page(title: &str, tags: &[&str]) -> Row {
    let mut row = Row(vec![Value::Null; shape().columns.len()]);
    row[Page::TITLE.index()] = Value::from(title);
    row[Page::TAGS.index()] = Value::Text(serde_json::to_string(tags).unwrap());
    row
}

fn snippet(words: &str, title: &str, length: usize) -> String {
    let search = Search::parse(shape(), words).unwrap();
    Snippet { field: None, length }.of(&search, shape(), &page(title, &[]))
}

#[cfg(feature = "sqlite")]
#[test]
fn what_is_typed_becomes_an_expression_of_our_own() {
    // X-12
    for (typed, expression) in [
        ("rust", r#"("rust")"#),
        ("Rust  MACROS", r#"("rust") AND ("macros")"#),
        (r#""macro system" -java"#, r#"(("macro system")) NOT ("java")"#),
        ("zig OR rust* c", r#"("zig" OR "rust" *) AND ("c")"#),
        ("NEAR(a b, 3) title:x ^y", r#"("near a") AND ("b") AND ("3") AND ("title x") AND ("y")"#),
        (r#"-"x y" -z* Été"#, r#"(("ete")) NOT ("x y" OR "z" *)"#),
    ] {
        let search = Search::parse(shape(), typed).unwrap();
        assert_eq!(search.to_fts(&[0, 1], 2), expression, "{typed}");
    }
    let search = Search::parse(shape(), "a -b").unwrap();
    assert_eq!(search.to_fts(&[1], 2), r#"{f1} : ((("a")) NOT ("b"))"#);
}

#[test]
fn only_searchable_fields_are_searched() {
    // X-12
    let search = || Search::parse(shape(), "one").unwrap();
    let in_tags = search().in_fields(shape(), &["tags"], Access::Public).unwrap();
    let (title, tags) = (page("one", &[]), page("", &["two", "one"]));
    assert!(search().matches(shape(), &title) && search().matches(shape(), &tags));
    assert!(!in_tags.matches(shape(), &title) && in_tags.matches(shape(), &tags));
    for name in ["note", "_id", "titel", ""] {
        let error = search().in_fields(shape(), &[name], Access::Full).unwrap_err();
        assert!(error.is(Code::InvalidQuery), "{error}");
        assert_eq!(error.details().unwrap()["expected"], json!(["title", "tags"]));
    }
}

#[test]
fn a_snippet_shows_what_was_found_and_escapes_the_rest() {
    // X-12
    assert_eq!(
        snippet("b", "a <b> & 'c' \"d\"", 100),
        "a &lt;<mark>b</mark>&gt; &amp; &#39;c&#39; &quot;d&quot;"
    );
    assert_eq!(snippet("x", "nothing here", 100), "nothing here");
    assert_eq!(snippet("\"b c\"", "b a b c b", 100), "b a <mark>b</mark> <mark>c</mark> b");
    assert_eq!(snippet("cre*", "Crème, crédit", 100), "<mark>Crème</mark>, <mark>crédit</mark>");
    let long = format!("{} needle in the {}", "hay ".repeat(50), "stack ".repeat(50));
    let short = snippet("needle", &long, 40);
    assert!(
        short.starts_with("…hay ") && short.contains("<mark>needle</mark> in the") && short.ends_with('…'),
        "{short}"
    );
    let start = snippet("hay", &long, 40);
    assert!(start.starts_with("<mark>hay</mark>") && start.ends_with('…'), "{start}");
    let many =
        snippet("two three", &format!("two {} two three two {}", "x ".repeat(100), "y ".repeat(100)), 30);
    assert!(many.contains("<mark>two</mark> <mark>three</mark> <mark>two</mark>"), "{many}");
    let search = Search::parse(shape(), "one").unwrap();
    let tags = Snippet::default().of(&search, shape(), &page("nothing", &["zero", "one"]));
    assert_eq!(tags, "zero\n<mark>one</mark>");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    // X-12
    #[test]
    fn no_text_and_no_search_is_too_odd(typed in ".{0,40}", text in ".{0,300}", length in 16..200_usize) {
        let Ok(search) = Search::parse(shape(), &typed) else { return Ok(()) };
        let row = page(&text.replace('\0', ""), &[&typed.replace('\0', "")]);
        let html = Snippet { field: None, length }.of(&search, shape(), &row);
        let bare = html.replace("<mark>", "").replace("</mark>", "");
        prop_assert!(!bare.contains(['<', '>', '"', '\'']), "{html}");
        prop_assert_eq!(html.matches("<mark>").count(), html.matches("</mark>").count());
        let plain = bare.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'").replace("&amp;", "&");
        prop_assert!(plain.chars().count() <= length + 2, "{} characters", plain.chars().count());
    }

    #[test]
    fn the_words_of_a_text_find_it(words in prop::collection::vec("[a-zé0-9]{1,8}", 1..6)) {
        let row = page(&words.join(" "), &[]);
        prop_assert!(Search::parse(shape(), &words.join(" ")).unwrap().matches(shape(), &row));
        let phrase = Search::parse(shape(), &format!("\"{}\"", words.join("-"))).unwrap();
        prop_assert!(phrase.matches(shape(), &row));
        let without = Search::parse(shape(), &format!("{} -\"{}\"", words[0], words.join(" "))).unwrap();
        prop_assert!(!without.matches(shape(), &row));
    }
}
