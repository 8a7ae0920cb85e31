//! Rows as JSON, written straight from the cells.

use super::datetime::trimmed;
use super::value::{Cell, Kind};
use super::{RowView, Shape};

/// Which columns a reader gets to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum View {
    /// All but the private ones: what doors show.
    Public,
    /// All of them: trusted code, exports.
    Full,
    /// These columns (indexes), in this order; `_id` is always the first.
    Only(Vec<usize>),
}

/// Appends the row as a JSON object.
///
/// `_deletedAt` is there only when the document is deleted. A field without a value is `null`, or left out when its
/// type has no `null`.
pub fn write_row(shape: &Shape, row: &dyn RowView, view: &View, out: &mut Vec<u8>) {
    out.push(b'{');
    match view {
        View::Public => {
            for (index, column) in shape.columns.iter().enumerate() {
                if !column.private {
                    write_member(shape, row, index, out);
                }
            }
        }
        View::Full => (0..shape.columns.len()).for_each(|index| write_member(shape, row, index, out)),
        View::Only(indexes) => {
            write_member(shape, row, Shape::ID, out);
            for &index in indexes {
                if index != Shape::ID && index < shape.columns.len() {
                    write_member(shape, row, index, out);
                }
            }
        }
    }
    match out.last_mut() {
        Some(comma @ b',') => *comma = b'}',
        _ => out.push(b'}'),
    }
}

/// Appends the fields of the row, without what the framework adds to them, as a JSON object.
#[cfg(feature = "engine")]
pub(crate) fn write_fields(shape: &Shape, row: &dyn RowView, out: &mut Vec<u8>) {
    out.push(b'{');
    let fields = Shape::FIELDS..Shape::FIELDS + shape.fields().len();
    fields.for_each(|index| write_member(shape, row, index, out));
    match out.last_mut() {
        Some(comma @ b',') => *comma = b'}',
        _ => out.push(b'}'),
    }
}

/// Appends `"name":value,`, or nothing where there is nothing to say.
pub(super) fn write_member(shape: &Shape, row: &dyn RowView, index: usize, out: &mut Vec<u8>) {
    let column = &shape.columns[index];
    let cell = row.cell(index);
    if cell == Cell::Null && (!column.nullable || Some(index) == shape.deleted_at) {
        return;
    }
    out.extend_from_slice(column.json_key.as_bytes());
    write_cell(column.kind, cell, out);
    out.push(b',');
}

/// Appends one cell as a JSON value.
pub fn write_cell(kind: Kind, cell: Cell<'_>, out: &mut Vec<u8>) {
    match (kind, cell) {
        (_, Cell::Null) => out.extend_from_slice(b"null"),
        (Kind::Boolean, Cell::Integer(0)) => out.extend_from_slice(b"false"),
        (Kind::Boolean, Cell::Integer(_)) => out.extend_from_slice(b"true"),
        (Kind::Number, Cell::Integer(number)) => write_number(number as f64, out),
        (_, Cell::Integer(number)) => {
            out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
        }
        (_, Cell::Number(number)) => write_number(number, out),
        (Kind::Json, Cell::Text(json)) => out.extend_from_slice(json.as_bytes()),
        (Kind::DateTime, Cell::Text(text)) => {
            let (digits, zone) = trimmed(text);
            out.push(b'"');
            write_escaped(digits, out);
            out.extend_from_slice(zone.as_bytes());
            out.push(b'"');
        }
        (_, Cell::Text(text)) => {
            out.push(b'"');
            write_escaped(text, out);
            out.push(b'"');
        }
    }
}

fn write_number(number: f64, out: &mut Vec<u8>) {
    if number.is_finite() {
        out.extend_from_slice(ryu::Buffer::new().format_finite(number).as_bytes());
    } else {
        // Only a table changed by hand holds one.
        out.extend_from_slice(b"null");
    }
}

/// Appends the inside of a JSON string.
fn write_escaped(text: &str, out: &mut Vec<u8>) {
    let mut bytes = text.as_bytes();
    loop {
        let plain = plain_length(bytes);
        out.extend_from_slice(&bytes[..plain]);
        let Some(&special) = bytes.get(plain) else { return };
        match special {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0c => out.extend_from_slice(b"\\f"),
            control => {
                const HEX: &[u8; 16] = b"0123456789abcdef";
                out.extend_from_slice(b"\\u00");
                out.push(HEX[usize::from(control >> 4)]);
                out.push(HEX[usize::from(control & 15)]);
            }
        }
        bytes = &bytes[plain + 1..];
    }
}

/// How many bytes at the start need no escape, or end no string: eight at a time.
pub(super) fn plain_length(bytes: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let (words, rest) = bytes.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        // A byte is zero, or below 0x20, where the subtraction borrows into a high bit that the byte has not.
        // The lowest such byte is always right; those above it may be wrong, and are not used.
        let zero = |word: u64| word.wrapping_sub(ONES) & !word;
        let control = word.wrapping_sub(ONES * 0x20) & !word;
        let found = (control | zero(word ^ (ONES * 0x22)) | zero(word ^ (ONES * 0x5c))) & HIGHS;
        if found != 0 {
            return at * 8 + found.trailing_zeros() as usize / 8;
        }
    }
    let special = rest.iter().position(|&byte| byte < 0x20 || byte == b'"' || byte == b'\\');
    words.len() * 8 + special.unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(kind: Kind, cell: Cell<'_>) -> String {
        let mut out = Vec::new();
        write_cell(kind, cell, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn text_is_escaped_like_serde_does() {
        let mut samples: Vec<String> = (0..=0x250_u32).filter_map(char::from_u32).map(String::from).collect();
        samples.push(samples.concat());
        for length in 0..20 {
            for at in 0..length {
                let mut text = "é".repeat(length);
                for special in ["\"", "\\", "\u{1f}", "\0", "\u{7f}", "\u{80}", "!", "#", "["] {
                    text.insert_str(at * 2, special);
                    samples.push(text.clone());
                }
                let mut text = "a".repeat(length);
                text.replace_range(at..=at, "\"");
                samples.push(text);
            }
        }
        for text in samples {
            assert_eq!(cell(Kind::Text, Cell::Text(&text)), serde_json::to_string(&text).unwrap());
        }
    }

    #[test]
    fn numbers_keep_their_value_and_kind() {
        // SCH-14
        assert_eq!(cell(Kind::Number, Cell::Number(1.0)), "1.0");
        assert_eq!(cell(Kind::Number, Cell::Integer(1)), "1.0");
        assert_eq!(cell(Kind::Integer, Cell::Integer(i64::MIN)), "-9223372036854775808");
        for number in [0.1, -0.0, 1e300, 5e-324, f64::MAX, 123_456_789.125] {
            let text = cell(Kind::Number, Cell::Number(number));
            assert_eq!(serde_json::from_str::<f64>(&text).unwrap().to_bits(), number.to_bits(), "{text}");
        }
        assert_eq!(cell(Kind::Boolean, Cell::Integer(1)), "true");
    }
}
