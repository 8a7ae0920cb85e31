//! What comes over the wire to something that a model does: a payload's schema, and its way from bytes to a struct.

use std::any::Any;
use std::fmt;

use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json, json};
use validator::{Validate, ValidationErrors};

use super::close::{UNIONS, close};
use super::judge::{Judge, Subject};
use super::schema::{DIALECT, rooted};
use super::strict::scan;
use super::validate::{Judged, judge, refused};
use super::{Code, Error, Field, Result};

/// The schema of a payload, and what is made of it once and only when needed.
pub struct PayloadShape {
    /// The published JSON Schema (2020-12): always one of an object.
    pub schema: Json,
    fields: &'static [Field],
    /// A struct without fields, which serde reads from `null`.
    is_unit: bool,
    judge: Judge,
}

impl PayloadShape {
    /// Of the type that `schema` describes. `fields` may tell what its fields are called in Rust, and their messages.
    ///
    /// # Errors
    /// Why the type can't be a payload, in words.
    pub fn build(
        schema: fn(&mut SchemaGenerator) -> Schema,
        fields: &'static [Field],
    ) -> std::result::Result<Self, String> {
        let generator = SchemaSettings::draft2020_12().for_deserialize().into_generator();
        let Json::Object(mut root) = rooted(generator, schema) else {
            return Err("its JSON Schema says nothing: a payload is a struct with named fields".into());
        };
        let is_unit = root.get("type") == Some(&Json::from("null"));
        if is_unit {
            root.insert("type".into(), "object".into());
            root.insert("properties".into(), json!({}));
        }
        if !is_object(&root, &root, 0) {
            return Err("its JSON is no object: a payload is a struct with named fields".into());
        }
        let parts = UNIONS.iter().any(|union| root.contains_key(*union));
        if root.get("type") == Some(&Json::from("object")) && !parts {
            // A struct without fields says nothing of its members.
            root.entry("properties").or_insert_with(|| json!({}));
        }
        let mut schema = Json::Object(root);
        close(&mut schema)?;
        let mut out = Map::from_iter([("$schema".to_owned(), Json::from(DIALECT))]);
        if let Json::Object(rest) = schema {
            out.extend(rest.into_iter().filter(|(keyword, _)| keyword != "$schema"));
        }
        Ok(PayloadShape { schema: out.into(), fields, is_unit, judge: Judge::default() })
    }

    /// The names of the members, in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.subject().names()
    }

    /// Whether an empty object is one: nothing has to be given.
    pub fn may_be_empty(&self) -> bool {
        let required = self.schema.get("required").and_then(Json::as_array);
        required.is_none_or(Vec::is_empty) && UNIONS.iter().all(|union| self.schema.get(union).is_none())
    }

    fn subject(&self) -> Subject<'_> {
        Subject { schema: &self.schema, judge: &self.judge, fields: self.fields }
    }

    /// The struct, checked as a model's is: what the schema accepts, and the rules of `#[validate(..)]`. No bytes at all
    /// are an empty object.
    ///
    /// # Errors
    /// `PARSE_ERROR` if the bytes are no JSON, or JSON that parsers disagree about; `VALIDATION_ERROR` with all faults.
    pub fn accept<P: DeserializeOwned + Validate + Send + 'static>(&self, json: &[u8]) -> Result<P> {
        let decode = if self.is_unit { decode_unit::<P> } else { decode::<P> };
        let payload = self.judged(json, decode)?.into_any().downcast::<P>();
        // It was decoded as one.
        payload
            .map(|payload| *payload)
            .map_err(|_| Error::new(Code::InternalError, "a payload of another type"))
    }

    fn judged(&self, json: &[u8], decode: Decode) -> Result<Box<dyn Checked>> {
        let json = if json.is_empty() { b"{}" } else { json };
        let subject = self.subject();
        let rules = subject.rules();
        let (text, found) = scan(json, rules, false)?;
        judge(subject, decode, text, &found, rules.complete, true)
    }

    /// Runs the rules of `#[validate(..)]` on a payload that Rust code gives.
    ///
    /// # Errors
    /// `VALIDATION_ERROR` with all faults.
    pub fn check(&self, payload: &impl Validate) -> Result<()> {
        payload.validate().map_err(|errors| refused(self.subject(), &errors, Vec::new()))
    }
}

impl fmt::Debug for PayloadShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PayloadShape({})", self.schema)
    }
}

/// Whether a schema takes objects and nothing else.
fn is_object(schema: &Map<String, Json>, root: &Map<String, Json>, depth: usize) -> bool {
    let follow = |schema: &Json| schema.as_object().is_some_and(|schema| is_object(schema, root, depth + 1));
    let branches = |union: &str| schema.get(union).and_then(Json::as_array);
    if depth > 16 {
        return false;
    }
    if let Some(name) =
        schema.get("$ref").and_then(Json::as_str).and_then(|name| name.strip_prefix("#/$defs/"))
    {
        return root.get("$defs").and_then(|all| all.get(name)).is_some_and(follow);
    }
    schema.get("type") == Some(&Json::from("object"))
        || branches("allOf").is_some_and(|all| all.iter().any(follow))
        || ["oneOf", "anyOf"].iter().any(|union| branches(union).is_some_and(|all| all.iter().all(follow)))
}

type Decode = fn(&[u8]) -> serde_json::Result<Box<dyn Checked>>;

fn decode<P: DeserializeOwned + Validate + Send + 'static>(
    json: &[u8],
) -> serde_json::Result<Box<dyn Checked>> {
    serde_json::from_slice::<P>(json).map(|payload| Box::new(payload) as Box<dyn Checked>)
}

/// The text has been checked to be an object; one with members is refused by the schema.
fn decode_unit<P: DeserializeOwned + Validate + Send + 'static>(
    _: &[u8],
) -> serde_json::Result<Box<dyn Checked>> {
    decode::<P>(b"null")
}

/// A decoded payload, for code that does not know its type.
trait Checked: Send {
    fn check(&self) -> std::result::Result<(), ValidationErrors>;

    fn into_any(self: Box<Self>) -> Box<dyn Any + Send>;
}

impl<P: Validate + Send + 'static> Checked for P {
    fn check(&self) -> std::result::Result<(), ValidationErrors> {
        self.validate()
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any + Send> {
        self
    }
}

impl Judged for Box<dyn Checked> {
    fn judge(&self) -> std::result::Result<(), ValidationErrors> {
        (**self).check()
    }
}
