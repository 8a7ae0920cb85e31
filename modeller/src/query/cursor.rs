//! Cursors: where a page ended, as text that only the server can have made.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use super::eval::sort_value;
use super::{Filter, Op, Operand, Order, Path, Place, Related, json, limits};
use crate::model::{Code, Error, Result, RowView, Shape, Value};

/// What a cursor is good for: one server secret, one model, one filter and sort, one identity. Elsewhere it is `INVALID_CURSOR`.
#[derive(Clone, Copy)]
pub struct Seal<'a> {
    /// The secret that signs; see [`Store::secret`](crate::store::Store::secret).
    pub key: &'a [u8; 32],
    /// The model.
    pub shape: &'a Shape,
    /// The filter as the caller gave it, without any cursor.
    pub filter: &'a Filter,
    /// The sort.
    pub order: &'a [Order],
    /// Who asks; empty for everybody.
    pub identity: &'a str,
}

/// The place of a row in a sort: the next page begins after it, wherever rows have been added or removed meanwhile.
#[derive(Clone, Debug, PartialEq)]
pub struct Cursor {
    /// The row's value for each sort key, and its id as the last one.
    values: Vec<Operand>,
}

impl Cursor {
    /// The place of this row.
    pub fn of(shape: &Shape, order: &[Order], row: &dyn RowView) -> Self {
        let keys = order.iter().map(|key| sort_value(shape, &key.path, row));
        let id = Operand::Cell(row.cell(Shape::ID).to_value());
        Cursor { values: keys.chain([id]).collect() }
    }

    /// The rows that come after it in this sort (the one that the cursor was made for), as a filter.
    pub fn after(&self, shape: &Shape, order: &[Order]) -> Filter {
        let id = [Order { path: Path::column(Shape::ID), descending: false }];
        let mut after = Filter::False;
        let mut same = Filter::True;
        let mut bound = Filter::True;
        for (at, (key, value)) in order.iter().chain(&id).zip(&self.values).enumerate() {
            let (beyond, equal, not_before) = places(shape, key, value);
            if at == 0 {
                bound = not_before;
            }
            after = after.or(same.clone().and(beyond));
            same = same.and(equal);
            if key.path == id[0].path {
                // Nothing is left to decide.
                if at == 0 {
                    return after;
                }
                break;
            }
        }
        // The first key's bound follows from the rest, but an index can begin at it.
        bound.and(after)
    }

    /// The cursor as text for URLs, signed.
    pub fn encode(&self, seal: &Seal<'_>) -> String {
        // Stored floats are finite, so every operand is JSON.
        let payload: Json = self.values.iter().map(|value| value.to_json().unwrap_or_default()).collect();
        let mut bytes = payload.to_string().into_bytes();
        let mac = seal.mac(&bytes).finalize().into_bytes();
        bytes.extend_from_slice(&mac);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The cursor from its text.
    ///
    /// # Errors
    /// `INVALID_CURSOR` if it was changed, or made under another seal.
    pub fn decode(text: &str, seal: &Seal<'_>) -> Result<Self> {
        let invalid = || {
            Error::new(Code::InvalidCursor, "the cursor is damaged or belongs to another query")
                .with_field("after")
        };
        if text.len() > limits::MAX_CURSOR {
            return Err(invalid());
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| invalid())?;
        let (payload, mac) = bytes.split_last_chunk::<32>().ok_or_else(invalid)?;
        // Takes the same time whatever is wrong.
        seal.mac(payload).verify_slice(mac).map_err(|_| invalid())?;
        let values: Vec<Json> = serde_json::from_slice(payload).map_err(|_| invalid())?;
        if values.len() != seal.order.len() + 1 {
            return Err(invalid());
        }
        Ok(Cursor { values: values.into_iter().map(Operand::from_json).collect() })
    }
}

impl Seal<'_> {
    /// Signs something else than a cursor that belongs to what the seal stands for. What it is begins with a name of its own.
    pub fn sign(&self, what: &[u8]) -> [u8; 32] {
        self.mac(&[b"\0", what].concat()).finalize().into_bytes().into()
    }

    /// Signs the payload together with what the seal stands for.
    fn mac(&self, payload: &[u8]) -> Hmac<Sha256> {
        // HMAC pads a key to the block of its hash with zeros.
        let mut block = [0; 64];
        block[..32].copy_from_slice(self.key);
        let mut mac = <Hmac<Sha256> as KeyInit>::new(&block.into());
        let query = fingerprint(self.shape, self.filter, self.order);
        for part in [b"cursor 1", self.shape.path.as_bytes(), &query, self.identity.as_bytes(), payload] {
            mac.update(&(part.len() as u64).to_le_bytes());
            mac.update(part);
        }
        mac
    }
}

/// Beyond the value, at it, and not before it in the direction of the sort key.
fn places(shape: &Shape, key: &Order, value: &Operand) -> (Filter, Filter, Filter) {
    let test = |op| Filter::Test(key.path.clone(), op);
    let column = &shape.columns[key.path.column.min(shape.columns.len() - 1)];
    if key.path.is_json(column) {
        let stands = |place| test(Op::Stands(place, value.clone()));
        let beyond = stands(if key.descending { Place::Before } else { Place::After });
        // No index knows these, so a bound would only cost.
        return (beyond, stands(Place::Same), Filter::True);
    }
    let value = || value.clone();
    let null = value() == Operand::Cell(Value::Null);
    let equal = test(Op::Eq(value()));
    match (null, key.descending) {
        // `Null` is the smallest value: everything else lies above it,
        (true, false) => (test(Op::Exists(true)), equal, Filter::True),
        // nothing below,
        (true, true) => (Filter::False, equal.clone(), equal),
        (false, false) => (test(Op::Gt(value())), equal, test(Op::Gte(value()))),
        // and below any other value it is among the rest.
        (false, true) if column.nullable => {
            (test(Op::Lt(value())).or(test(Op::Exists(false))), equal, Filter::True)
        }
        (false, true) => (test(Op::Lt(value())), equal, test(Op::Lte(value()))),
    }
}

/// A hash of what is asked, the same in every process: names instead of indexes, and the order in which conditions were
/// written does not count.
fn fingerprint(shape: &Shape, filter: &Filter, order: &[Order]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(of_filter(shape, filter));
    for key in order {
        hash.update(of_parts(&[b"key", &[u8::from(key.descending)], name(shape, &key.path).as_bytes()]));
    }
    hash.finalize().into()
}

fn of_filter(shape: &Shape, filter: &Filter) -> [u8; 32] {
    let all = |tag: &[u8], filters: &[Filter]| {
        let mut parts: Vec<[u8; 32]> = filters.iter().map(|filter| of_filter(shape, filter)).collect();
        parts.sort_unstable();
        of_parts(&[tag, parts.as_flattened()])
    };
    match filter {
        Filter::True => of_parts(&[b"true"]),
        Filter::False => of_parts(&[b"false"]),
        Filter::All(filters) => all(b"all", filters),
        Filter::Any(filters) => all(b"any", filters),
        Filter::Not(inner) => of_parts(&[b"not", &of_filter(shape, inner)]),
        Filter::Search(search) => of_parts(&[b"search", search.encode(shape).to_string().as_bytes()]),
        Filter::Within(within) => {
            let [latitude, longitude] =
                [within.latitude, within.longitude].map(|column| name(shape, &Path::column(column)));
            of_parts(&[b"within", latitude.as_bytes(), longitude.as_bytes(), within.area.encode().as_bytes()])
        }
        Filter::Test(path, op) => {
            // A float that is no JSON is unknown beside every value: those filters are all the same.
            let test = json::encode_test(&path.steps, op).unwrap_or_default();
            of_parts(&[b"test", name(shape, path).as_bytes(), test.to_string().as_bytes()])
        }
        Filter::Related(related) => {
            let Related { link, among, filter, fulfils } = &**related;
            let column = |shape: &Shape, column: usize| name(shape, &Path::column(column));
            of_parts(&[
                b"related",
                column(shape, link.column).as_bytes(),
                link.to.path.as_bytes(),
                column(link.to, link.target).as_bytes(),
                &of_filter(link.to, among),
                &of_filter(link.to, filter),
                &[u8::from(*fulfils)],
            ])
        }
    }
}

fn name(shape: &Shape, path: &Path) -> String {
    let column = shape.columns.get(path.column).map_or("", |column| column.name.as_str());
    format!("{column} {}", json::encode_steps(&path.steps))
}

/// Each part with its length, so that no two lists of parts are alike.
fn of_parts(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests;
