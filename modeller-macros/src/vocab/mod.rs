//! The languages of the attributes as tables. The parser, "expected one of", suggestions, usage and a test of the
//! reference page read them, so that none knows a word the others don't.

mod handler;

pub(crate) use handler::{HOOKED, HandlerWord, Kind, MOVED, READS};

use crate::names;

/// How an option may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// `unique`
    Flag,
    /// `name = value`
    Value,
    /// `unique(a, b)`
    List,
}

/// One option.
#[derive(Debug)]
pub(crate) struct Word<K: 'static> {
    pub(crate) key: K,
    pub(crate) name: &'static str,
    pub(crate) forms: &'static [Form],
    /// How to write it, one example a form.
    pub(crate) usage: &'static [&'static str],
    /// Whether it may be given several times.
    pub(crate) repeats: bool,
    /// Whether lists and suggestions name it.
    pub(crate) listed: bool,
}

/// The options of one place.
#[derive(Debug)]
pub(crate) struct Vocabulary<K: 'static> {
    /// Where the options stand: "a field".
    pub(crate) place: &'static str,
    /// How the attribute begins: "model(".
    pub(crate) attribute: &'static str,
    pub(crate) words: &'static [Word<K>],
}

/// The options of a struct.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ModelWord {
    Scope,
    Name,
    Unique,
    Index,
    Geo,
    Trash,
    Ttl,
    MaxSize,
    RenamedFrom,
    Crate,
    Builtin,
}

/// The options of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FieldWord {
    Key,
    Unique,
    Index,
    Private,
    Searchable,
    References,
    OnDelete,
    Generated,
    RenamedFrom,
}

const fn word<K: Copy>(
    key: K,
    name: &'static str,
    forms: &'static [Form],
    usage: &'static [&'static str],
) -> Word<K> {
    Word { key, name, forms, usage, repeats: false, listed: true }
}

const fn repeated<K: Copy>(word: Word<K>) -> Word<K> {
    Word { repeats: true, ..word }
}

const fn unlisted<K: Copy>(word: Word<K>) -> Word<K> {
    Word { listed: false, ..word }
}

use Form::{Flag, List, Value};

pub(crate) static MODEL: Vocabulary<ModelWord> = Vocabulary {
    place: "a struct",
    attribute: "model(",
    words: &[
        word(ModelWord::Scope, "scope", &[Value], &[r#"scope = "system""#]),
        word(ModelWord::Name, "name", &[Value], &[r#"name = "users""#]),
        repeated(word(ModelWord::Unique, "unique", &[List], &["unique(first_field, second_field)"])),
        repeated(word(ModelWord::Index, "index", &[List], &["index(first_field, second_field)"])),
        repeated(word(ModelWord::Geo, "geo", &[List], &["geo(latitude, longitude)"])),
        word(ModelWord::Trash, "trash", &[Flag, Value], &["trash", r#"trash = "30d""#]),
        word(ModelWord::Ttl, "ttl", &[Value], &[r#"ttl = "30m""#]),
        word(ModelWord::MaxSize, "max_size", &[Value], &["max_size = 1000"]),
        word(ModelWord::RenamedFrom, "renamed_from", &[Value], &[r#"renamed_from = "app/people""#]),
        word(ModelWord::Crate, "crate", &[Value], &["crate = ::backend"]),
        unlisted(word(ModelWord::Builtin, "builtin", &[Flag], &["builtin"])),
    ],
};

pub(crate) static FIELD: Vocabulary<FieldWord> = Vocabulary {
    place: "a field",
    attribute: "model(",
    words: &[
        word(FieldWord::Key, "key", &[Flag], &["key"]),
        word(FieldWord::Unique, "unique", &[Flag], &["unique"]),
        word(FieldWord::Index, "index", &[Flag], &["index"]),
        word(FieldWord::Private, "private", &[Flag], &["private"]),
        word(FieldWord::Searchable, "searchable", &[Flag], &["searchable"]),
        word(
            FieldWord::References,
            "references",
            &[Value],
            &["references = User", "references = User::EMAIL"],
        ),
        word(FieldWord::OnDelete, "on_delete", &[Value], &[r#"on_delete = "cascade""#]),
        word(FieldWord::Generated, "generated", &[Value], &[r#"generated = "uuid""#]),
        word(FieldWord::RenamedFrom, "renamed_from", &[Value], &[r#"renamed_from = "old_name""#]),
    ],
};

impl<K> Vocabulary<K> {
    pub(crate) fn find(&self, name: &str) -> Option<&'static Word<K>> {
        self.words.iter().find(|word| word.name == name)
    }

    /// The names worth telling.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.words.iter().filter(|word| word.listed).map(|word| word.name)
    }

    /// The name that was probably meant.
    pub(crate) fn nearest(&self, name: &str) -> Option<&'static str> {
        names::nearest(name, self.names())
    }
}

/// How a value is made when the caller gives none, as written and as the variant of `Generated`.
pub(crate) const GENERATED: &[(&str, &str)] =
    &[("uuid", "Uuid"), ("cuid", "Cuid"), ("autoincrement", "Autoincrement"), ("timestamp", "Timestamp")];

/// What becomes of a document when what it refers to is deleted, as written and as the variant of `OnDelete`.
pub(crate) const ON_DELETE: &[(&str, &str)] =
    &[("restrict", "Restrict"), ("cascade", "Cascade"), ("set_null", SET_NULL)];

/// The one that empties the field.
pub(crate) const SET_NULL: &str = "SetNull";

/// No pattern of topics is longer, in bytes.
pub(crate) const LONGEST_PATTERN: usize = 256;

/// The units of a duration, in milliseconds.
pub(crate) const UNITS: &[(&str, u64)] =
    &[("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// How long a bare `trash` keeps what was deleted.
pub(crate) const TRASH: u64 = 30 * 86_400_000;

/// Names of operations: a model called so could not be told from one in a path.
pub(crate) const OPERATIONS: &[&str] = &[
    "aggregate",
    "batch",
    "clear",
    "count",
    "delete",
    "export",
    "find",
    "first",
    "get",
    "import",
    "insert",
    "last",
    "list",
    "live",
    "paginate",
    "purge",
    "query",
    "restore",
    "subscribe",
    "transaction",
    "update",
    "upload",
    "upsert",
];

/// Constants that every model has: a field's own constant would hide them.
pub(crate) const CONSTANTS: &[&str] = &["ID", "VERSION", "CREATED_AT", "UPDATED_AT"];

/// What a serde attribute on a model means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Serde {
    /// It changes names or leaves the field out: read on.
    Read,
    /// It can't work with a model, for this reason.
    Rejected(&'static str),
}

/// serde's attributes of a struct that matter. All others pass: what serde itself refuses it reports itself.
pub(crate) const SERDE_MODEL: &[(&str, Serde)] = &[
    ("rename_all", Serde::Read),
    (
        "tag",
        Serde::Rejected(
            "it writes a key that is no field, and no column would hold it; remove it, or make the tag a field",
        ),
    ),
    ("transparent", Serde::Rejected("a model is an object with named fields; remove it")),
    ("from", Serde::Rejected(CONVERTED)),
    ("try_from", Serde::Rejected(CONVERTED)),
    ("into", Serde::Rejected(CONVERTED)),
    (
        "remote",
        Serde::Rejected(
            "it describes another crate's struct, and a model is stored as itself; declare a struct of your own",
        ),
    ),
];

/// serde's attributes of a field that matter.
pub(crate) const SERDE_FIELD: &[(&str, Serde)] = &[
    ("rename", Serde::Read),
    ("skip", Serde::Read),
    ("skip_serializing", Serde::Read),
    ("skip_deserializing", Serde::Read),
    ("with", Serde::Read),
    ("serialize_with", Serde::Read),
    ("deserialize_with", Serde::Read),
    (
        "flatten",
        Serde::Rejected(
            "its keys would have no columns; write its fields into the struct, or remove `flatten` to store it as one \
             nested value",
        ),
    ),
    (
        "alias",
        Serde::Rejected(
            "a field has one name in the schema, in filters and in the store; keep one with `#[serde(rename = \"..\")]`",
        ),
    ),
    ("getter", Serde::Rejected("it belongs to `remote`, and a model is stored as itself; remove it")),
    ("borrow", Serde::Rejected("a model owns its data; use `String` or `Vec<u8>`")),
];

const CONVERTED: &str = "a model is stored field by field as it is declared, and the conversion hides its fields; give the \
                         fields that need it `#[serde(with = \"..\")]`, or derive `Model` on the other type";

/// validator's rules and the schema keywords that fail with them: (rule, argument, keywords). Without an argument the
/// rule itself does. A rule that is not here goes by its own name.
pub(crate) const RULES: &[(&str, Option<&str>, &[&str])] = &[
    ("email", None, &["format"]),
    ("url", None, &["format"]),
    ("length", Some("min"), &["minLength", "minItems", "minProperties"]),
    ("length", Some("max"), &["maxLength", "maxItems", "maxProperties"]),
    (
        "length",
        Some("equal"),
        &["minLength", "minItems", "minProperties", "maxLength", "maxItems", "maxProperties"],
    ),
    ("range", Some("min"), &["minimum"]),
    ("range", Some("max"), &["maximum"]),
    ("range", Some("exclusive_min"), &["exclusiveMinimum"]),
    ("range", Some("exclusive_max"), &["exclusiveMaximum"]),
    ("regex", None, &["pattern"]),
    ("contains", None, &["pattern"]),
    ("required", None, &["required"]),
];
