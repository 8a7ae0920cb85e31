//! Every message of the macros: what is wrong, why, and what to write instead.

mod handler;

use std::fmt::{Display, Write};

pub(crate) use handler::*;

use crate::vocab::{self, Vocabulary, Word};

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut out = String::new();
    for name in names {
        let comma = if out.is_empty() { "" } else { ", " };
        let _ = write!(out, "{comma}`{name}`");
    }
    out
}

fn usage<K>(word: &Word<K>, known: &Vocabulary<K>) -> String {
    let form = |form: &&str| format!("`#[{}{form})]`", known.attribute);
    let forms: Vec<String> = word.usage.iter().map(form).collect();
    forms.join(" or ")
}

fn maybe(meant: Option<&str>) -> String {
    meant.map_or_else(String::new, |meant| format!(": did you mean `{meant}`?"))
}

// Options

pub(crate) fn panicked(name: &str, reason: &str) -> String {
    format!(
        "{name} of modeller panicked ({reason}): this is a bug of modeller, please report it with this item"
    )
}

pub(crate) fn not_an_option() -> String {
    "expected the name of an option".into()
}

pub(crate) fn no_comma(after: impl Display) -> String {
    format!("expected `,` after the option `{after}`")
}

pub(crate) fn not_a_list<K>(vocabulary: &Vocabulary<K>) -> String {
    format!(
        "`#[model(..)]` takes its options in parentheses\nthe options of {} are {}",
        vocabulary.place,
        list(vocabulary.names())
    )
}

pub(crate) fn unknown_option<K>(name: &str, known: &Vocabulary<K>, elsewhere: Option<&str>) -> String {
    let place = known.place;
    let why = match (known.nearest(name), elsewhere) {
        (None, Some(other)) => format!("`{name}` is an option of {other}, not of {place}"),
        (meant, _) => format!("unknown option `{name}`{}", maybe(meant)),
    };
    format!("{why}\nthe options of {place} are {}", list(known.names()))
}

pub(crate) fn wrong_form<K>(word: &Word<K>, known: &Vocabulary<K>, elsewhere: Option<&str>) -> String {
    let other = elsewhere
        .map_or_else(String::new, |other| format!("\n(on {other} `{}` is written otherwise)", word.name));
    format!("`{}` is written {}{other}", word.name, usage(word, known))
}

pub(crate) fn wrong_value<K>(word: &Word<K>, known: &Vocabulary<K>) -> String {
    format!("this is no value for `{0}`: it is written {1}", word.name, usage(word, known))
}

pub(crate) fn given_twice(name: &str) -> String {
    format!("`{name}` is given twice: keep one")
}

// The struct

pub(crate) fn not_a_struct(kind: &str) -> String {
    format!(
        "`Model` can't be derived for {kind}: a model is a struct with named fields\nto store {kind}, make it the type \
         of a field"
    )
}

pub(crate) fn unnamed_fields() -> String {
    "a model needs named fields, because they are its columns: write `struct Name { field: Type }`".into()
}

pub(crate) fn no_fields() -> String {
    "a model needs at least one field that is stored".into()
}

pub(crate) fn generic(kind: &str) -> String {
    format!(
        "a model can't have {kind}: it is one table with one schema; name the types, and declare one struct each"
    )
}

pub(crate) fn bad_name(word: &str, name: &str) -> String {
    format!(
        "`{name}` can't be a model's {word}: it stands in paths and names a table, so it begins with `a`–`z` and goes on \
         with letters, digits, `_` or `-`"
    )
}

pub(crate) fn bad_default_name(name: &str) -> String {
    format!("`{name}` can't be a model's name in paths: give it one with `#[model(name = \"..\")]`")
}

pub(crate) fn operation_name(name: &str) -> String {
    format!(
        "`{name}` can't be a model's name: it is the name of an operation, and paths could not tell them apart\nname it \
         otherwise with `#[model(name = \"..\")]`"
    )
}

pub(crate) fn too_long(what: &str, limit: usize) -> String {
    format!(
        "this {what} is longer than {limit} bytes, and databases cut longer names off: choose a shorter one"
    )
}

pub(crate) fn bad_path(path: &str) -> String {
    format!("`{path}` is no path of a model: write its former scope and name, like `app/people`")
}

pub(crate) fn renamed_to_itself(name: &str) -> String {
    format!("`{name}` is what it is called now: `renamed_from` takes the former name")
}

pub(crate) fn bad_duration(text: &str) -> String {
    let units = list(vocab::UNITS.iter().map(|(unit, _)| *unit));
    format!(
        "`{text}` is no duration: write a whole number and a unit ({units}), like \"30m\", or milliseconds as an integer"
    )
}

pub(crate) fn zero_duration(name: &str) -> String {
    format!("a `{name}` of zero keeps nothing: give it a duration, or remove `{name}`")
}

pub(crate) fn zero_size() -> String {
    "a `max_size` of zero keeps nothing: give it a number from 1, or remove `max_size`".into()
}

pub(crate) fn size_range() -> String {
    "`max_size` is a whole number from 1 to 9223372036854775807".into()
}

// Sets of fields

pub(crate) fn no_such_field(name: &str, meant: Option<&str>, fields: &[&str]) -> String {
    format!("there is no field `{name}`{}\nthe fields are {}", maybe(meant), list(fields.iter().copied()))
}

pub(crate) fn field_twice(name: &str) -> String {
    format!("the field `{name}` is named twice: keep one")
}

pub(crate) fn skipped_field(name: &str) -> String {
    format!(
        "the field `{name}` is not stored, because serde skips it: remove it here, or `#[serde(skip)]` there"
    )
}

pub(crate) fn set_of_one(word: &str) -> String {
    format!(
        "`{word}(..)` takes two fields or more: for a single one write `#[model({word})]` above the field"
    )
}

pub(crate) fn same_set(word: &str) -> String {
    format!("this `{word}(..)` is given twice: keep one")
}

pub(crate) fn geo_of_two() -> String {
    "a position is two fields, latitude first: write `#[model(geo(latitude, longitude))]`, once for each pair"
        .into()
}

pub(crate) fn geo_twice(name: &str) -> String {
    format!("the field `{name}` can't be both latitude and longitude: name two fields")
}

pub(crate) fn private_geo(name: &str) -> String {
    format!(
        "the field `{name}` is `private`, and whoever may ask what lies where would learn it: remove `private` there, or \
         `geo` here"
    )
}

pub(crate) fn hides_pair(field: &str, constant: &str) -> String {
    format!(
        "the field `{field}` and a pair of `geo(..)` would both be the constant `{constant}`\ngive the field another name \
         in Rust, and keep this one on the wire with `#[serde(rename = \"{field}\")]`"
    )
}

// Fields

pub(crate) fn hides_constant(field: &str, constant: &str) -> String {
    let key = match constant {
        "ID" => "if it is the document's id, write `#[model(key)]` above it; otherwise ",
        _ => "",
    };
    format!(
        "a field `{field}` would hide `Model::{constant}`, which every model has\n{key}give it another name in Rust, and \
         keep this one on the wire with `#[serde(rename = \"{field}\")]`"
    )
}

pub(crate) fn same_column(name: &str, other: &str) -> String {
    format!(
        "the fields `{name}` and `{other}` differ only by case, and databases take them for one column: rename one"
    )
}

pub(crate) fn system_column(name: &str) -> String {
    format!(
        "a field's name can't begin with `_`: those are the framework's own columns\nrename it to `{}`",
        name.trim_start_matches('_')
    )
}

pub(crate) fn same_wire_name(name: &str, other: &str) -> String {
    format!("the name `{name}` on the wire is already that of the field `{other}`: rename one")
}

pub(crate) fn bad_wire_name(name: &str) -> String {
    let why = match name.chars().next() {
        None => "it is empty",
        Some('_') => "names with a leading `_` are the framework's own",
        Some('@' | '$') => "a leading `@` or `$` has a meaning in queries",
        _ if name.contains('.') => "`.` separates the steps of a path in queries",
        _ => "it contains control characters",
    };
    format!("{name:?} can't be a field's name on the wire: {why}; choose another one")
}

pub(crate) fn wide_integer(name: &str) -> String {
    format!(
        "`{name}` can't be stored: JSON and databases have whole numbers of 64 bits\nuse `{}`, `Decimal` or `String`, or \
         give the field `#[serde(with = \"..\")]`",
        name.replace("128", "64")
    )
}

pub(crate) fn second_key(first: &str) -> String {
    format!(
        "`{first}` is the `key` already, and a document has one id\nif both make it unique together, write \
         `#[model(unique(..))]` above the struct"
    )
}

pub(crate) fn redundant(word: &str, because: &str) -> String {
    format!("`{word}` adds nothing, {because}: remove `{word}`")
}

pub(crate) fn private_key() -> String {
    "a `key` can't be `private`: it is the document's id, and that stands in every answer and path".into()
}

pub(crate) fn private_searchable() -> String {
    "a `private` field can't be `searchable`: whoever finds a document by a word knows that the word is in it; keep one"
        .into()
}

pub(crate) fn generated_key() -> String {
    "a `key` can't be a generated timestamp: two inserts in one moment would have the same id\nuse \"uuid\", \"cuid\" or \
     \"autoincrement\""
        .into()
}

pub(crate) fn generated_reference() -> String {
    "a field can't be both `generated` and `references`: a value made up here exists nowhere else; keep one"
        .into()
}

pub(crate) fn option_of_skipped(option: &str, field: &str) -> String {
    format!(
        "the field `{field}` is not stored, because serde skips it, so that `{option}` means nothing: remove it, or \
         `#[serde(skip)]`"
    )
}

pub(crate) fn unknown_generator(name: &str, meant: Option<&str>) -> String {
    let known = list(vocab::GENERATED.iter().map(|(name, _)| *name));
    format!("unknown generator `{name}`{}\nexpected one of {known}", maybe(meant))
}

pub(crate) fn unknown_on_delete(name: &str, meant: Option<&str>) -> String {
    let known = list(vocab::ON_DELETE.iter().map(|(name, _)| *name));
    format!(
        "`{name}` is nothing that can become of a document when what it refers to is deleted{}\nexpected one of {known}",
        maybe(meant)
    )
}

pub(crate) fn bad_reference() -> String {
    "this names no model and no column: write `references = User` or `references = User::EMAIL`".into()
}

pub(crate) fn renamed_from_present(name: &str) -> String {
    format!("the field `{name}` still exists: `renamed_from` takes a name that the struct no longer has")
}

pub(crate) fn renamed_from_taken(name: &str) -> String {
    format!("two fields can't both come from `{name}`: keep one")
}

pub(crate) fn bad_former_name(name: &str) -> String {
    format!("{name:?} was no field's name: write the former name of the field in Rust")
}

// serde

pub(crate) fn serde_rejected(word: &str, why: &str) -> String {
    format!("a model can't use `#[serde({word})]`: {why}")
}

pub(crate) fn serde_split(word: &str) -> String {
    format!(
        "a model has one name for reading and writing: write `#[serde({word} = \"..\")]`, or give `serialize` and \
         `deserialize` the same"
    )
}

pub(crate) fn serde_half_skip(word: &str) -> String {
    match word {
        "skip_serializing" => "a model can't use `#[serde(skip_serializing)]`: the field could be given but never stored\nto \
                               hide it from callers write `#[model(private)]`, to leave it out of the model `#[serde(skip)]`"
            .into(),
        _ => "a model can't use `#[serde(skip_deserializing)]`: the field could be stored but never read back\nto make its \
              value here write `#[model(generated = \"..\")]`, to leave it out of the model `#[serde(skip)]`"
            .into(),
    }
}
