//! Updates: a patch over a stored row.

use serde_json::json;

use super::explain::violations;
use super::json::write_cell;
use super::judge::Subject;
use super::strict::{Found, scan};
use super::validate::{at_field, judge};
use super::{Cell, Code, Error, Record, Result, Row, RowView, Shape};

/// The stored row with a patch over it: the struct, checked, and its row with the system columns of `current`.
///
/// A patch is an object of fields, each of which replaces the stored one; `null` is a value like others.
///
/// # Errors
/// As [`accept`](super::accept); keyword `immutable` if it would change the model's key.
pub fn merge(shape: &Shape, current: &dyn RowView, patch: &[u8]) -> Result<(Box<dyn Record>, Row)> {
    merge_without(shape, current, patch, &[])
}

/// As [`merge`], where the columns with the indexes `unset` lose their value: they hold what serde makes of a field that is left
/// out.
///
/// # Errors
/// As [`merge`]; keyword `required` if a document can't be without one of them.
pub fn merge_without(
    shape: &Shape,
    current: &dyn RowView,
    patch: &[u8],
    unset: &[usize],
) -> Result<(Box<dyn Record>, Row)> {
    let subject = Subject::of(shape);
    let rules = subject.rules();
    let decode = shape.descriptor.glue.decode;
    let (text, found) = scan(patch, rules, true)?;
    let record = if found.object {
        let whole = splice(shape, current, text, &found, unset);
        // What serde says of a misfit may quote a stored value.
        let quotes = !shape.columns.iter().any(|column| column.private);
        judge(subject, decode, &whole, &found, rules.complete, quotes)?
    } else {
        judge(subject, decode, text, &found, false, true)?
    };
    let mut row = record.to_row(shape)?;
    if let Some(key) = shape.key
        && row[key].view() != current.cell(key)
    {
        return Err(immutable_key(shape, key));
    }
    carry_system(shape, current, &mut row);
    Ok((record, row))
}

/// Checks a patch that nothing is there to be changed by.
///
/// # Errors
/// As [`merge`]; what depends on the rest of a document is not known.
pub fn check_patch(shape: &Shape, patch: &[u8]) -> Result<()> {
    let subject = Subject::of(shape);
    let (text, _) = scan(patch, subject.rules(), true)?;
    let value = serde_json::from_str(text)
        .map_err(|error| Error::new(Code::ParseError, format!("the text is not JSON: {error}")))?;
    let mut violations = violations(subject, &value, text.len())?;
    // A patch may leave out any field.
    violations.retain(|violation| violation.keyword != "required" || !violation.instance_path.is_empty());
    if violations.is_empty() { Ok(()) } else { Err(Error::validation(violations)) }
}

/// The error of a write that would change the model's key.
pub(crate) fn immutable_key(shape: &Shape, key: usize) -> Error {
    Error::validation(vec![at_field(shape, key, "immutable", "must NOT change".into(), json!({}))])
}

/// Copies the system columns (`_id`, `_version`, .., `_expiresAt`, `_deletedAt`) of one row into another.
pub fn carry_system(shape: &Shape, from: &dyn RowView, to: &mut Row) {
    let fields = Shape::FIELDS..Shape::FIELDS + shape.descriptor.fields.len();
    for index in (0..shape.columns.len()).filter(|index| !fields.contains(index)) {
        to[index] = from.cell(index).to_value();
    }
}

/// The JSON of the whole document: stored cells, and the patch's own text where it has some.
fn splice(shape: &Shape, current: &dyn RowView, patch: &str, found: &Found, unset: &[usize]) -> String {
    let mut out = Vec::with_capacity(patch.len() + 32 * shape.columns.len());
    out.push(b'{');
    for (field, column) in shape.fields().iter().enumerate() {
        match found.members.iter().find(|member| member.field == Some(field)) {
            Some(member) => {
                out.extend_from_slice(column.json_key.as_bytes());
                out.extend_from_slice(&patch.as_bytes()[member.value.clone()]);
            }
            None if unset.contains(&(Shape::FIELDS + field)) => continue,
            None => {
                let cell = current.cell(Shape::FIELDS + field);
                if cell == Cell::Null && !column.nullable {
                    continue;
                }
                out.extend_from_slice(column.json_key.as_bytes());
                write_cell(column.kind, cell, &mut out);
            }
        }
        out.push(b',');
    }
    // Unknown members come along, so that they are refused by name.
    for member in found.members.iter().filter(|member| member.field.is_none()) {
        out.extend_from_slice(&patch.as_bytes()[member.name.clone()]);
        out.push(b':');
        out.extend_from_slice(&patch.as_bytes()[member.value.clone()]);
        out.push(b',');
    }
    match out.last_mut() {
        Some(comma @ b',') => *comma = b'}',
        _ => out.push(b'}'),
    }
    // Proof: all parts are UTF-8, cut at quotes, commas and brackets.
    String::from_utf8(out).unwrap_or_default()
}
