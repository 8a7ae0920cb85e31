//! What is wrong with an attribute on a function or a payload.

use super::{list, maybe};
use crate::vocab::{self, HOOKED, Kind, READS};

/// The accepted form, once beneath the first mistake of a signature.
pub(crate) fn with_form(message: &str, kind: Kind) -> String {
    format!("{message}\n{} is written `{}`", kind.place(), kind.signature())
}

// The item

pub(crate) fn wrong_item(kind: Kind, what: &str) -> String {
    let (name, place) = (kind.name(), kind.place());
    if kind.has_payload() {
        format!(
            "`#[modeller::{name}]` goes on a struct or a function, and not on {what}\n{place} is a payload, `pub struct Name {{ \
             field: Type }}`, or `{}`",
            kind.signature()
        )
    } else {
        format!(
            "`#[modeller::{name}]` goes on a function, and not on {what}\n{place} is written `{}`",
            kind.signature()
        )
    }
}

pub(crate) fn generic_payload(place: &str) -> String {
    format!(
        "{place} can't be generic: it has one schema on the wire; name the types, and declare one struct each"
    )
}

pub(crate) fn unnamed_payload(place: &str) -> String {
    format!(
        "{place} needs named fields, because they are the keys of its JSON: write `struct Name {{ field: Type }}`"
    )
}

pub(crate) fn unit_payload(name: &str) -> String {
    format!(
        "a payload without fields still needs braces: write `struct {name} {{}}`\nserde reads a unit struct from `null` and not \
         from `{{}}`, and validator has no rules for it"
    )
}

// The model

pub(crate) fn no_model(kind: Kind) -> String {
    format!("{} belongs to a model, which is named first: `{}`", kind.place(), kind.example())
}

pub(crate) fn bad_model(kind: Kind) -> String {
    format!("this names no model: write the type of one first, like `{}`", model_example(kind))
}

pub(crate) fn model_first(kind: Kind) -> String {
    format!("the model stands first, and without a name: `{}`", model_example(kind))
}

fn model_example(kind: Kind) -> &'static str {
    match kind {
        Kind::Worker => r#"#[modeller::worker(User, every = "5s")]"#,
        Kind::Job => "#[modeller::job(User)]",
        Kind::Rule => r#"#[modeller::rule(Order, topic = "orders.*")]"#,
        _ => kind.example(),
    }
}

// Names

pub(crate) fn bad_handler_name(kind: Kind, name: &str) -> String {
    format!(
        "`{name}` can't be the name of {}: a name begins with `a`–`z` and goes on with letters, digits, `_` or `-`",
        kind.place()
    )
}

pub(crate) fn bad_default_handler_name(kind: Kind, name: &str) -> String {
    format!(
        "`{name}` can't be the name of {}: give it one with `name = \"..\"`, which begins with `a`–`z` and goes on with \
         letters, digits, `_` or `-`",
        kind.place()
    )
}

pub(crate) fn handler_named_as_operation(kind: Kind, name: &str) -> String {
    format!(
        "`{name}` can't be the name of {}: it is the name of an operation, and paths could not tell them apart\nname it \
         otherwise with `name = \"..\"`",
        kind.place()
    )
}

pub(crate) fn no_struct_name(function: &str) -> String {
    format!(
        "no struct can be named after `{function}`: give the function another name, like `reset_password`"
    )
}

// Options

pub(crate) fn no_point(kind: Kind) -> String {
    format!("a hook says where it runs: `{}`, or `after(..)`, or `after_commit(..)`", kind.example())
}

fn operations() -> String {
    list(HOOKED.iter().map(|(name, _)| *name))
}

pub(crate) fn no_operation(timing: &str) -> String {
    format!("`{timing}(..)` names no operation: hooks run around {}", operations())
}

pub(crate) fn not_hooked(name: &str, meant: Option<&str>) -> String {
    if READS.contains(&name) {
        format!(
            "hooks do not run on `{name}`: of what only reads they see `list`\nhooks run around {}",
            operations()
        )
    } else if name == "upsert" {
        format!(
            "an `upsert` runs the hooks of the insert or the update that it is\nhooks run around {}",
            operations()
        )
    } else {
        format!("hooks do not run on `{name}`{}\nhooks run around {}", maybe(meant), operations())
    }
}

pub(crate) fn list_commits_nothing() -> String {
    "a `list` commits nothing: write `after(list)`".into()
}

pub(crate) fn point_twice(timing: &str, operation: &str) -> String {
    format!("`{timing}({operation})` is given twice, and the hook runs there once: keep one")
}

pub(crate) fn scheduled_before() -> String {
    "a scheduled hook runs once the write is committed, so that it can't run before it: remove `schedule`, or give it only \
     `after(..)` and `after_commit(..)`"
        .into()
}

pub(crate) fn no_interval() -> String {
    "a worker says how often it runs: `every = \"5s\"`".into()
}

pub(crate) fn no_time(word: &str) -> String {
    format!("`{word}` can't be zero: give it a duration, like `{word} = \"5s\"`")
}

pub(crate) fn order_range() -> String {
    "`order` is a whole number from -2147483648 to 2147483647".into()
}

pub(crate) fn attempts_range() -> String {
    "`attempts` is a whole number from 1 to 4294967295".into()
}

pub(crate) fn bad_cron(pattern: &str) -> String {
    format!(
        "`{pattern}` is no pattern of cron: write minute, hour, day, month and weekday, like \"0 3 * * *\" for every night at \
         three (seconds may stand before them)"
    )
}

pub(crate) fn no_topic() -> String {
    "a rule says which events it is for: `topic = \"orders.created\"`, or `topic = \"orders.*\"` for several"
        .into()
}

pub(crate) fn long_topic() -> String {
    format!("a pattern of topics has {} bytes at most", vocab::LONGEST_PATTERN)
}

pub(crate) fn topic_with_controls() -> String {
    "a pattern of topics has no control characters".into()
}

pub(crate) fn topic_with_a_gap(pattern: &str) -> String {
    let what = if pattern.is_empty() { "nothing".to_owned() } else { format!("`{pattern}`") };
    format!(
        "{what} is no pattern of topics: write parts with `.` between them, none of them empty, like \"orders.created\""
    )
}

pub(crate) fn rest_before_the_end(pattern: &str) -> String {
    format!(
        "`{pattern}` is no pattern of topics: `**` stands at the end only, for all parts that follow; write `*` for any one part"
    )
}

pub(crate) fn piece_of_a_part(part: &str) -> String {
    format!(
        "`*` stands for a whole part of a topic, and not for a piece of one as in `{part}`: write \"orders.*\""
    )
}

pub(crate) fn unsigned_with_a_name() -> String {
    "an `unsigned` worker has no name: remove `unsigned`, or `name`".into()
}

// Signatures

pub(crate) fn qualified(place: &str, word: &str) -> String {
    format!("{place} can't be `{word}`: the framework calls it as a plain function")
}

pub(crate) fn generic_function(place: &str, what: &str) -> String {
    format!("{place} can't have {what}: nobody would name them when it is called")
}

pub(crate) fn receiver(place: &str) -> String {
    format!("{place} can't take `self`: it is a function by itself, outside of `impl` blocks")
}

pub(crate) fn hidden_argument() -> String {
    "an argument is recognised by its type: name it".into()
}

pub(crate) fn hidden_answer() -> String {
    "what it answers has a schema: name the type".into()
}

pub(crate) fn argument_twice() -> String {
    "there is only one of these to change: take it once".into()
}

pub(crate) fn pattern() -> String {
    "an argument by value is a field of the payload: give it a plain name, and take it apart in the body"
        .into()
}

pub(crate) fn unused_argument(name: &str) -> String {
    format!(
        "the argument `{name}` is a field of the payload, and on the wire names with a leading `_` are the framework's own: \
         call it `{}`",
        name.trim_start_matches('_')
    )
}

pub(crate) fn conditional_argument() -> String {
    "an argument can't be there under a condition: put it on the whole function".into()
}

pub(crate) fn attribute_of_given() -> String {
    "this has no effect: arguments by reference come from the context, and are no fields of the payload"
        .into()
}

pub(crate) fn context_by_value() -> String {
    "the context comes by reference: write `&Cx`".into()
}

pub(crate) fn mutable_context() -> String {
    "what comes by reference is shared with others, and can't be changed: leave out `mut`".into()
}
