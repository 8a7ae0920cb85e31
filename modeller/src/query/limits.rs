//! How much a question from the wire may ask for. What is beyond is answered with `INVALID_QUERY`.

/// How deep a filter, and a JSON value inside it, may be nested.
pub const MAX_DEPTH: usize = 32;
/// How many tests and connectives (`$and`, `$or`, `$nor`, `$not`) a filter may have.
pub const MAX_NODES: usize = 1_000;
/// How many values one `$in` or `$nin` may list.
pub const MAX_IN: usize = 1_000;
/// How many values all lists and JSON values of a filter may have together.
pub const MAX_VALUES: usize = 4_000;
/// How many characters the text of `$contains`, `$startsWith`, `$endsWith` and `$like` may have.
pub const MAX_PATTERN: usize = 1_000;
/// How many characters the pattern of a `$like` may have, unless `$contains`, `$startsWith` or `$endsWith` says the same (`%abc%`):
/// it is tried at each character of a text, so that the two lengths multiply.
pub const MAX_LIKE: usize = 100;
/// How many `%` the pattern of a `$like` may have.
pub const MAX_WILDCARDS: usize = 16;
/// How many corners a polygon may have.
pub const MAX_POLYGON: usize = 1_000;
/// How many characters a search may have.
pub const MAX_SEARCH: usize = 1_000;
/// How many words a search may have.
pub const MAX_WORDS: usize = 32;
/// How many bytes the path of a field may have.
pub const MAX_PATH: usize = 1_000;
/// How many relations a filter may lead through one after the other, and how deep `with` may be nested.
pub const MAX_RELATION_DEPTH: usize = 5;
/// How many relations a filter may lead through in all, and how many one `with` may name.
pub const MAX_RELATIONS: usize = 20;
/// How many documents one relation of a `with` may load for one answer.
pub const MAX_RELATED: usize = 10_000;
/// How many keys a sort may have.
pub const MAX_SORT: usize = 8;
/// How many rows a page has unless the caller says otherwise.
pub const DEFAULT_COUNT: u64 = 20;
/// How many rows a page may have.
pub const MAX_COUNT: u64 = 1_000;
/// How many rows `start` may leave out; a cursor goes further.
pub const MAX_START: u64 = 1_000_000;
/// How many bytes a cursor may have.
pub const MAX_CURSOR: usize = 256 * 1024;
/// How many fields an aggregation may group by.
pub const MAX_KEYS: usize = 8;
/// How many figures an aggregation may ask for.
pub const MAX_FIGURES: usize = 32;
/// How many groups there may be, and how many different values of a field in one answer.
pub const MAX_GROUPS: usize = 10_000;
/// How many bytes of keys and figures an aggregation takes into memory.
pub const MAX_ANSWER: usize = 64 * 1024 * 1024;
/// How many operators and fields an update may have together.
pub const MAX_UPDATES: usize = 1_000;
