//! Ids, and values that come from the framework when the caller gives none.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use uuid::Uuid;

use super::datetime::instant;
use super::descriptor::Generated;
use super::{Kind, Row, Shape, Value};

/// How many bits of an id count the ids of one millisecond.
const COUNTER: u32 = 18;

/// A new document id: a UUID of version 7 as text. Within a process each is greater than the one before.
///
/// Its layout is RFC 9562's with a dedicated counter (section 6.2, method 1): 48 bits of Unix milliseconds, 18 bits of counter,
/// 56 bits of chance. Chance comes from a keyed hash of the counter rather than from the operating system, whose answer
/// would take longer than all the rest of an id.
pub fn new_id() -> String {
    // Milliseconds and counter in one number: the greater of the clock's and one after the last.
    static LAST: AtomicU64 = AtomicU64::new(0);
    static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64;
    let next = |last: u64| (now << COUNTER).max(last + 1);
    let last = match LAST.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(next(last))) {
        Ok(last) | Err(last) => last,
    };
    let number = next(last);
    let counter = number & ((1 << COUNTER) - 1);
    let chance = KEY.hash_one(number) & ((1 << 56) - 1);
    // The version and the variant are put over what stands in their places: 4 bits, and the upper 2 of the second half.
    let (high, low) = (counter >> 6, counter & 63);
    let id = u128::from(number >> COUNTER) << 80
        | u128::from(high) << 64
        | u128::from(low) << 56
        | u128::from(chance)
        | 7 << 76
        | 0b10 << 62;
    Uuid::from_u128(id).to_string()
}

/// Fills the generated fields that have no value (nothing, an empty text, 0). `autoincrement` is left to the store.
pub fn fill_generated(shape: &Shape, row: &mut Row, now_ms: i64) {
    for (field, column) in shape.fields().iter().enumerate() {
        let Some(generated) = column.generated else { continue };
        let cell = &mut row[Shape::FIELDS + field];
        if !is_blank(column.kind, cell) {
            continue;
        }
        *cell = match generated {
            Generated::Uuid => Value::Text(new_id()),
            Generated::Cuid => Value::Text(new_cuid(now_ms)),
            Generated::Timestamp if column.kind == Kind::Integer => Value::Integer(now_ms),
            Generated::Timestamp => {
                Value::Text(instant(now_ms).unwrap_or_else(|| "9999-12-31T23:59:59.999999999Z".into()))
            }
            Generated::Autoincrement => continue,
        };
    }
}

/// The id of a row whose model has a key of its own; `None` if it has none, or the key has no value yet.
pub fn id_of(shape: &Shape, row: &Row) -> Option<String> {
    match row.0.get(shape.key?)? {
        Value::Text(text) if !text.is_empty() => Some(text.clone()),
        Value::Integer(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Whether a value counts as not given.
pub(crate) fn is_blank(kind: Kind, value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Integer(number) => *number == 0,
        Value::Number(_) => false,
        // What `Default` makes of an instant, and of a UUID.
        Value::Text(text) if kind == Kind::DateTime => text == "1970-01-01T00:00:00.000000000Z",
        Value::Text(text) => text.is_empty() || text == "00000000-0000-0000-0000-000000000000",
    }
}

/// 25 lower-case letters and digits: `c`, the time, a counter, and chance.
fn new_cuid(now_ms: i64) -> String {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    let mut out = String::with_capacity(25);
    out.push('c');
    digits(now_ms.unsigned_abs().into(), 8, &mut out);
    digits(count.into(), 4, &mut out);
    digits(Uuid::new_v4().as_u128(), 12, &mut out);
    out
}

/// The last `count` digits of a number in base 36.
fn digits(mut number: u128, count: usize, out: &mut String) {
    let start = out.len();
    for _ in 0..count {
        // Proof: below 36.
        out.insert(start, char::from_digit((number % 36) as u32, 36).unwrap_or('0'));
        number /= 36;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_sorted_by_time_and_differ() {
        let ids: Vec<String> = (0..1000).map(|_| new_id()).collect();
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn cuids_have_25_characters_and_differ() {
        // SCH-11
        let all: std::collections::HashSet<String> = (0..1000).map(|_| new_cuid(1_790_000_000_000)).collect();
        assert_eq!(all.len(), 1000);
        assert!(all.iter().all(|id| id.len() == 25 && id.starts_with('c')));
        assert!(all.iter().all(|id| id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())));
    }
}
