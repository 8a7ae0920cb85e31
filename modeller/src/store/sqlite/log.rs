//! The change log: one packed row for all the transactions of a group commit.
//!
//! A row of `_changes` holds the entries with the numbers `first` to `seq`. Its data is, in format 1:
//!
//! ```text
//! data    = 0x01 (the format) item*
//! item    = entry | end
//! entry   = op model id                                 op 1: inserted
//!         | op model id count (column value)*           op 2: updated, the former values of what changed
//!                                                       op 3: deleted, all former values
//! end     = 0x00 actor                                  closes a transaction; its entries stand before it
//! actor   = value (null if unknown)
//! id      = value
//! value   = 0 | 1 zigzag | 2 eight bytes (float, little endian) | 3 length bytes (text) | 4 sixteen bytes (UUID text)
//! model, column, count, length, zigzag = LEB128
//! ```
//!
//! `model` and `column` are the numbers of `_models` and `_columns`. A transaction may go on in the next row.

use std::borrow::Cow;

use crate::model::{Cell, Row, Value};
use crate::store::ChangeOp;

const FORMAT: u8 = 1;
const END: u8 = 0;
/// How large a row's data becomes, in bytes, before the rest goes into another one.
const SLICE: usize = 8 << 20;

/// A batch's part of the log while it grows.
pub(super) struct Pack {
    data: Vec<u8>,
    entries: u64,
    cuts: Vec<Cut>,
}

/// A place where the data may be cut. An entry always follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cut {
    at: usize,
    /// How many entries stand before.
    before: u64,
    /// The same, with those that were [taken out](Pack::take) here.
    after: u64,
}

/// A part of a pack, to become a row of the log.
pub(super) struct Slice<'a> {
    /// How many entries of the pack come before.
    pub(super) before: u64,
    /// How many entries of the pack there are up to its end.
    pub(super) until: u64,
    pub(super) data: Cow<'a, [u8]>,
}

/// A place in a pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    at: usize,
    entries: u64,
}

impl Pack {
    pub(super) fn new() -> Self {
        Pack { data: vec![FORMAT], entries: 0, cuts: Vec::new() }
    }

    pub(super) fn clear(&mut self) {
        self.data.clear();
        self.data.push(FORMAT);
        // One large batch should not hold its memory for good.
        self.data.shrink_to(1 << 20);
        self.entries = 0;
        self.cuts.clear();
    }

    pub(super) fn mark(&self) -> Mark {
        Mark { at: self.data.len(), entries: self.entries }
    }

    /// How many entries there are, those that were [taken out](Self::take) included.
    pub(super) fn entries(&self) -> u64 {
        self.entries
    }

    /// Whether anything was added since.
    pub(super) fn grew(&self, mark: Mark) -> bool {
        self.entries > mark.entries
    }

    /// Forgets what was added since.
    pub(super) fn back_to(&mut self, mark: Mark) {
        self.data.truncate(mark.at);
        self.entries = mark.entries;
        // One at the mark was made for the entry that goes.
        self.cuts.retain(|cut| cut.at < mark.at);
    }

    /// How large it is, in bytes.
    pub(super) fn size(&self) -> usize {
        self.data.len()
    }

    /// Takes out what was added since a mark, if that is enough for a row of its own. An entry has to be added next,
    /// so that the transaction ends behind one.
    pub(super) fn take(&mut self, mark: Mark) -> Option<Slice<'static>> {
        if self.data.len() - mark.at <= SLICE {
            return None;
        }
        let data = [&[FORMAT], &self.data[mark.at..]].concat();
        self.data.truncate(mark.at);
        self.cuts.retain(|cut| cut.at <= mark.at);
        let until = self.entries;
        let before = match self.cuts.last_mut().filter(|cut| cut.at == mark.at) {
            Some(cut) => std::mem::replace(&mut cut.after, until),
            None => {
                self.cuts.push(Cut { at: mark.at, before: mark.entries, after: until });
                mark.entries
            }
        };
        Some(Slice { before, until, data: data.into() })
    }

    pub(super) fn insert(&mut self, model: u64, id: &str) {
        self.entry(ChangeOp::Insert, model, id);
    }

    /// The former values of the columns with these indexes.
    pub(super) fn update(&mut self, model: u64, numbers: &[u64], old: &Row, changed: &[usize]) {
        self.entry(ChangeOp::Update, model, id_of(old));
        put_number(&mut self.data, changed.len() as u64);
        for &index in changed {
            put_number(&mut self.data, numbers[index]);
            put_value(&mut self.data, old[index].view());
        }
    }

    pub(super) fn delete(&mut self, model: u64, numbers: &[u64], old: &Row) {
        self.entry(ChangeOp::Delete, model, id_of(old));
        put_number(&mut self.data, numbers.len() as u64);
        for (number, value) in numbers.iter().zip(&old.0) {
            put_number(&mut self.data, *number);
            put_value(&mut self.data, value.view());
        }
    }

    fn entry(&mut self, op: ChangeOp, model: u64, id: &str) {
        let since = self.cuts.last().map_or(0, |cut| cut.at);
        if self.data.len() - since > SLICE {
            self.cuts.push(Cut { at: self.data.len(), before: self.entries, after: self.entries });
        }
        self.entries += 1;
        self.data.push(op_tag(op));
        put_number(&mut self.data, model);
        put_value(&mut self.data, Cell::Text(id));
    }

    /// Closes a transaction.
    pub(super) fn end(&mut self, actor: Option<&str>) {
        self.data.push(END);
        put_value(&mut self.data, actor.map_or(Cell::Null, Cell::Text));
    }

    /// The entries since a mark, which lies at the start of a transaction.
    pub(super) fn since(&self, mark: Mark) -> Reader<'_> {
        Reader { rest: &self.data[mark.at..] }
    }

    /// Gives out the rows, except for what was [taken out](Self::take).
    pub(super) fn rows<E>(&self, mut row: impl FnMut(Slice<'_>) -> Result<(), E>) -> Result<(), E> {
        let (mut start, mut before) = (0, 0);
        let end = Cut { at: self.data.len(), before: self.entries, after: self.entries };
        for &Cut { at, before: until, after } in self.cuts.iter().chain([&end]) {
            // Nothing but the format can stand before the first cut.
            if until > before {
                let data = match start {
                    0 => Cow::Borrowed(&self.data[..at]),
                    _ => Cow::Owned([&[FORMAT], &self.data[start..at]].concat()),
                };
                row(Slice { before, until, data })?;
            }
            (start, before) = (at, after);
        }
        Ok(())
    }
}

fn id_of(row: &Row) -> &str {
    row.0.first().and_then(Value::as_text).unwrap_or_default()
}

fn op_tag(op: ChangeOp) -> u8 {
    match op {
        ChangeOp::Insert => 1,
        ChangeOp::Update => 2,
        ChangeOp::Delete => 3,
    }
}

fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn put_value(out: &mut Vec<u8>, value: Cell<'_>) {
    match value {
        Cell::Null => out.push(0),
        Cell::Integer(number) => {
            out.push(1);
            put_number(out, ((number << 1) ^ (number >> 63)) as u64);
        }
        Cell::Number(number) => {
            out.push(2);
            out.extend_from_slice(&number.to_le_bytes());
        }
        Cell::Text(text) => match pack_uuid(text) {
            Some(bytes) => {
                out.push(4);
                out.extend_from_slice(&bytes);
            }
            None => {
                out.push(3);
                put_number(out, text.len() as u64);
                out.extend_from_slice(text.as_bytes());
            }
        },
    }
}

/// The bytes of a UUID in exactly the form in which they are written again.
fn pack_uuid(text: &str) -> Option<[u8; 16]> {
    let text: &[u8; 36] = text.as_bytes().try_into().ok()?;
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; 16];
    let mut at = 0;
    for (index, byte) in bytes.iter_mut().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            if text[at] != b'-' {
                return None;
            }
            at += 1;
        }
        *byte = digit(text[at])? << 4 | digit(text[at + 1])?;
        at += 2;
    }
    Some(bytes)
}

/// A part of a pack's data.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Item {
    Entry(Entry),
    /// The transaction ends here.
    End {
        actor: Option<String>,
    },
}

/// An entry as it is stored: with numbers for names.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) op: ChangeOp,
    pub(super) model: u64,
    pub(super) id: String,
    pub(super) old: Vec<(u64, Value)>,
}

/// Reads a pack's data, item by item; `None` for what is not in the format.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// For the data of a row.
    pub(super) fn new(data: &'a [u8]) -> Option<Self> {
        match data {
            [FORMAT, rest @ ..] => Some(Reader { rest }),
            _ => None,
        }
    }

    /// Whether everything was read.
    pub(super) fn is_done(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn item(&mut self) -> Option<Item> {
        let op = match self.byte()? {
            END => {
                let actor = match self.value()? {
                    Value::Text(actor) => Some(actor),
                    _ => None,
                };
                return Some(Item::End { actor });
            }
            1 => ChangeOp::Insert,
            2 => ChangeOp::Update,
            3 => ChangeOp::Delete,
            _ => return None,
        };
        let model = self.number()?;
        let Value::Text(id) = self.value()? else { return None };
        let mut old = Vec::new();
        if op != ChangeOp::Insert {
            for _ in 0..self.number()? {
                old.push((self.number()?, self.value()?));
            }
        }
        Some(Item::Entry(Entry { op, model, id, old }))
    }

    fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(byte)
    }

    fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(bytes)
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    fn value(&mut self) -> Option<Value> {
        Some(match self.byte()? {
            0 => Value::Null,
            1 => {
                let number = self.number()?;
                Value::Integer((number >> 1) as i64 ^ -((number & 1) as i64))
            }
            2 => Value::Number(f64::from_le_bytes(self.bytes(8)?.try_into().ok()?)),
            3 => {
                let length = usize::try_from(self.number()?).ok()?;
                Value::Text(std::str::from_utf8(self.bytes(length)?).ok()?.to_owned())
            }
            4 => {
                let bytes: [u8; 16] = self.bytes(16)?.try_into().ok()?;
                Value::Text(uuid::Uuid::from_bytes(bytes).hyphenated().to_string())
            }
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests;
