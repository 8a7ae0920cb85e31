//! Atomic updates: operators that change a document by what it holds, `{"$inc": {"stock": -1}, "$push": {"tags": "new"}}`.
//!
//! An [`Update`] is read and checked once, and then made into a plain patch for each document, inside the transaction that
//! writes it. What comes out is judged as a whole, as every patch is.

mod apply;
mod arithmetic;
#[cfg(test)]
mod tests;

pub use apply::Applied;

use serde_json::{Map, Value as Json, json};

use super::{Access, Path, Step, limits};
use crate::model::{
    Code, ColumnInfo, Error, Kind, Result, Shape, Violation, check_json, nearest, normalize_datetime,
};

/// What an operator does to the value at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Set,
    Unset,
    Inc,
    Mul,
    Min,
    Max,
    Push,
    Pull,
    AddToSet,
}

const TABLE: [(&str, Operator); 9] = [
    ("$set", Operator::Set),
    ("$unset", Operator::Unset),
    ("$inc", Operator::Inc),
    ("$mul", Operator::Mul),
    ("$min", Operator::Min),
    ("$max", Operator::Max),
    ("$push", Operator::Push),
    ("$pull", Operator::Pull),
    ("$addToSet", Operator::AddToSet),
];

impl Operator {
    pub(crate) fn name(self) -> &'static str {
        TABLE.iter().find(|(_, operator)| *operator == self).map_or("", |(name, _)| name)
    }
}

/// One operator on one path.
#[derive(Clone, Debug)]
struct Operation {
    operator: Operator,
    /// The path as it was written.
    name: String,
    path: Path,
    value: Json,
}

/// A patch with operators.
#[derive(Clone, Debug)]
pub struct Update {
    /// Members that are no operators: each replaces that field.
    plain: Map<String, Json>,
    operations: Vec<Operation>,
}

impl Update {
    /// The update that a patch stands for; `None` if it has no operators, so that it is a plain patch.
    ///
    /// A private field may be written by callers, not worked with: whether `$inc` fails would say what is in it.
    ///
    /// # Errors
    /// `PARSE_ERROR` if the text is no JSON; `VALIDATION_ERROR` for operators that do not exist, or do not fit what they are to
    /// change, and for two changes of one place.
    pub fn parse(shape: &Shape, patch: &[u8], access: Access) -> Result<Option<Update>> {
        if !may_have_operators(patch) {
            return Ok(None);
        }
        let text = check_json(patch)?;
        let json = serde_json::from_str(text)
            .map_err(|error| Error::new(Code::ParseError, format!("the text is not JSON: {error}")))?;
        let Json::Object(members) = json else { return Ok(None) };
        if !members.keys().any(|name| name.starts_with('$')) {
            return Ok(None);
        }
        let mut reader = Reader { shape, access, operations: Vec::new(), faults: Vec::new() };
        let mut plain = Map::new();
        for (name, json) in members {
            if name.starts_with('$') && reader.faults.len() < MOST {
                reader.operator(&name, json);
            } else if !name.starts_with('$') {
                plain.insert(name, json);
            }
        }
        if plain.len() + reader.operations.len() > limits::MAX_UPDATES {
            let message = format!("an update changes {} places at most", limits::MAX_UPDATES);
            return Err(Error::new(Code::InvalidRequest, message));
        }
        reader.find_conflicts(&plain);
        match reader.faults.is_empty() {
            true => Ok(Some(Update { plain, operations: reader.operations })),
            false => Err(refused(reader.faults)),
        }
    }
}

/// Whether a name may begin with `$`, however it is escaped. Most patches have no operators, and are not to pay for them.
fn may_have_operators(patch: &[u8]) -> bool {
    let mut rest = patch;
    while let Some(at) = rest.iter().position(|&byte| byte == b'"') {
        rest = &rest[at + 1..];
        if rest.starts_with(b"$") || rest.starts_with(b"\\u0024") {
            return true;
        }
    }
    false
}

/// How many faults of one update are told.
const MOST: usize = 100;

/// What is wrong with one operator.
type Fault = Box<Violation>;

/// A fault of one operator.
fn fault(operator: &str, name: &str, keyword: &str, message: impl Into<String>, params: Json) -> Fault {
    let escaped = |step: &str| step.replace('~', "~0").replace('/', "~1");
    let path = if name.is_empty() { String::new() } else { format!("/{}", escaped(name)) };
    Box::new(Violation {
        instance_path: format!("/{}{path}", escaped(operator)),
        keyword: keyword.to_owned(),
        message: message.into(),
        params,
        schema_path: format!("#/properties/{operator}/{keyword}"),
    })
}

/// The error with all these faults.
fn refused(faults: Vec<Fault>) -> Error {
    Error::validation(faults.into_iter().take(MOST).map(|fault| *fault).collect())
}

/// The value is of another type than it must be.
fn type_fault(operator: Operator, name: &str, wanted: &str) -> Fault {
    fault(operator.name(), name, "type", format!("must be {wanted}"), json!({ "type": wanted }))
}

struct Reader<'a> {
    shape: &'a Shape,
    access: Access,
    operations: Vec<Operation>,
    faults: Vec<Fault>,
}

impl Reader<'_> {
    fn operator(&mut self, name: &str, json: Json) {
        let Some(&(_, operator)) = TABLE.iter().find(|(known, _)| *known == name) else {
            let mut params = json!({ "additionalProperty": name });
            if let Some(near) = nearest(name, TABLE.iter().map(|(known, _)| *known)) {
                params["didYouMean"] = near.into();
            }
            let message = match params["didYouMean"].as_str() {
                Some(near) => format!("is no operator; did you mean `{near}`?"),
                None => "is no operator".to_owned(),
            };
            return self.faults.push(fault(name, "", "additionalProperties", message, params));
        };
        let members = match json {
            Json::Object(members) => members,
            Json::Array(names) if operator == Operator::Unset && names.iter().all(Json::is_string) => {
                let count = names.len();
                let names =
                    names.into_iter().filter_map(|name| Some((name.as_str()?.to_owned(), true.into())));
                let members: Map<String, Json> = names.collect();
                if members.len() < count {
                    let message = "must NOT have duplicate items";
                    self.faults.push(fault(name, "", "uniqueItems", message, json!({})));
                }
                members
            }
            _ => {
                let wanted = match operator {
                    Operator::Unset => "object,array of names",
                    _ => "object",
                };
                return self.faults.push(type_fault(operator, "", wanted));
            }
        };
        if members.is_empty() {
            let message = "must NOT have fewer than 1 properties";
            self.faults.push(fault(name, "", "minProperties", message, json!({ "limit": 1 })));
        }
        for (name, value) in members {
            if self.faults.len() >= MOST {
                return;
            }
            match self.place(operator, &name).and_then(|path| self.fits(operator, &name, path, &value)) {
                Ok(path) => self.operations.push(Operation { operator, name, path, value }),
                Err(fault) => self.faults.push(fault),
            }
        }
    }

    /// Where the path leads: to a field of the struct, or into one that holds JSON.
    fn place(&self, operator: Operator, name: &str) -> Result<Path, Fault> {
        let (head, rest) = name.split_once('.').map_or((name, None), |(head, rest)| (head, Some(rest)));
        let Some(field) = self.shape.fields().iter().position(|column| column.name == head) else {
            let mut params = json!({ "additionalProperty": head });
            let known = self.shape.fields().iter().map(|column| column.name.as_str());
            if let Some(near) = nearest(head, known) {
                params["didYouMean"] = near.into();
            }
            let message = "must NOT have additional properties";
            return Err(fault(operator.name(), "", "additionalProperties", message, params));
        };
        let column = &self.shape.fields()[field];
        let steps = match rest {
            None => Vec::new(),
            Some(_) if column.kind != Kind::Json => {
                let message = format!("there is nothing inside `{head}`");
                return Err(fault(operator.name(), name, "path", message, json!({})));
            }
            Some(rest) => Step::all(rest)
                .filter(|steps| steps.len() <= limits::MAX_DEPTH && name.len() <= limits::MAX_PATH)
                .ok_or_else(|| fault(operator.name(), name, "path", "must be a path", json!({})))?,
        };
        let works_with_it = !steps.is_empty() || !matches!(operator, Operator::Set | Operator::Unset);
        if column.private && works_with_it && self.access == Access::Public {
            let message = format!("is private: it can be set, but `{}` would tell of it", operator.name());
            return Err(fault(operator.name(), name, "private", message, json!({})));
        }
        Ok(Path { column: Shape::FIELDS + field, steps })
    }

    /// Whether the operator can do with the value, and with what the column holds.
    fn fits(&self, operator: Operator, name: &str, path: Path, value: &Json) -> Result<Path, Fault> {
        let column = &self.shape.columns[path.column];
        let wanted = match operator {
            Operator::Set => None,
            Operator::Unset if *value == json!(true) || *value == json!(1) || *value == json!("") => None,
            Operator::Unset => Some("true"),
            Operator::Inc | Operator::Mul => arithmetic::wanted(column, value),
            Operator::Min | Operator::Max => ordered(column, value),
            Operator::Push | Operator::Pull | Operator::AddToSet if column.kind == Kind::Json => None,
            Operator::Push | Operator::Pull | Operator::AddToSet => {
                let message = format!("is no list: `{}` is for lists", operator.name());
                return Err(fault(operator.name(), name, "type", message, json!({ "type": "array" })));
            }
        };
        match wanted {
            None => Ok(path),
            Some("") => {
                let message = format!("can't be changed by `{}`", operator.name());
                Err(fault(operator.name(), name, "type", message, json!({})))
            }
            Some(wanted) => Err(type_fault(operator, name, wanted)),
        }
    }

    /// Two changes of one place, or of a place inside another, would depend on their order.
    fn find_conflicts(&mut self, plain: &Map<String, Json>) {
        let mut by_column: Vec<&Operation> = self.operations.iter().collect();
        by_column.sort_by_key(|operation| operation.path.column);
        let mut faults = Vec::new();
        let mut conflict = |one: &Operation, other: &str| {
            let message = format!("must NOT change what `{other}` changes, too");
            let params = json!({ "conflictsWith": other });
            faults.push(fault(one.operator.name(), &one.name, "conflict", message, params));
        };
        for group in by_column.chunk_by(|one, other| one.path.column == other.path.column) {
            for (at, one) in group.iter().enumerate() {
                let column = &self.shape.columns[one.path.column].name;
                if plain.contains_key(column) {
                    conflict(one, column);
                    continue;
                }
                let inside = |other: &&&Operation| {
                    let (left, right) = (&one.path.steps, &other.path.steps);
                    left.iter().zip(right).all(|(left, right)| left == right)
                };
                if let Some(other) = group[..at].iter().find(inside) {
                    conflict(one, &format!("{}.{}", other.operator.name(), other.name));
                }
            }
        }
        self.faults.extend(faults);
    }
}

/// What a value must be to be compared with the column; `Some("")` if nothing can be.
fn ordered(column: &ColumnInfo, value: &Json) -> Option<&'static str> {
    match column.kind {
        Kind::Integer | Kind::Number | Kind::Decimal => arithmetic::wanted(column, value),
        Kind::Text => (!value.is_string()).then_some("string"),
        Kind::DateTime => value.as_str().and_then(normalize_datetime).is_none().then_some("string,date-time"),
        Kind::Json => (!value.is_string() && !value.is_number()).then_some("number,string"),
        Kind::Boolean => Some(""),
    }
}
