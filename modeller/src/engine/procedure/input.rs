//! What a procedure is given: fields with a type, maybe left out.

use serde_json::{Map, Value as Json, json};

use super::faults::{Faults, below};
use crate::model::{Error, Result, Violation, nearest};

/// A field of the input.
#[derive(Debug)]
pub(super) struct Input {
    pub(super) name: String,
    kind: Type,
    required: bool,
    default: Option<Json>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Type {
    String,
    Integer,
    Number,
    Boolean,
    Object,
    Array,
    Any,
}

const TYPES: &[(&str, Type)] = &[
    ("string", Type::String),
    ("integer", Type::Integer),
    ("number", Type::Number),
    ("boolean", Type::Boolean),
    ("object", Type::Object),
    ("array", Type::Array),
    ("any", Type::Any),
];

impl Type {
    fn name(self) -> &'static str {
        TYPES.iter().find(|(_, kind)| *kind == self).map_or("any", |(name, _)| name)
    }

    fn takes(self, value: &Json) -> bool {
        match self {
            Type::String => value.is_string(),
            // For JSON Schema `3.0` is a whole number, too.
            Type::Integer => {
                value.is_i64() || value.as_f64().is_some_and(|f| f.fract() == 0.0 && f.abs() < 9e15)
            }
            Type::Number => value.is_number(),
            Type::Boolean => value.is_boolean(),
            Type::Object => value.is_object(),
            Type::Array => value.is_array(),
            Type::Any => true,
        }
    }
}

/// The fields of the input, as they are declared.
pub(super) fn parse(json: Option<&Json>, faults: &mut Faults) -> Vec<Input> {
    let at = "/input";
    let fields = match json {
        None => return Vec::new(),
        Some(Json::Object(fields)) => fields,
        Some(_) => {
            faults.add(at, "type", "`input` is an object: {field: {type, required?, default?}}");
            return Vec::new();
        }
    };
    fields.iter().filter_map(|(name, field)| one(name, field, &below(at, name), faults)).collect()
}

fn one(name: &str, field: &Json, at: &str, faults: &mut Faults) -> Option<Input> {
    if name.is_empty() || name.len() > 64 || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        faults.add(at, "name", "the name of an input has 1 to 64 letters, digits and `_`");
    }
    let Some(members) = field.as_object() else {
        faults.add(at, "type", "an input is {type, required?, default?, description?}");
        return None;
    };
    const KNOWN: [&str; 4] = ["type", "required", "default", "description"];
    for member in members.keys().filter(|member| !KNOWN.contains(&member.as_str())) {
        faults.unknown(&below(at, member), "input", "member of an input", member, KNOWN.into_iter());
    }
    let written = members.get("type").and_then(Json::as_str).unwrap_or_default();
    let Some((_, kind)) = TYPES.iter().find(|(name, _)| *name == written) else {
        let names = TYPES.iter().map(|(name, _)| *name);
        faults.unknown(&below(at, "type"), "type", "type", written, names);
        return None;
    };
    let default = members.get("default").cloned();
    if default.as_ref().is_some_and(|value| !kind.takes(value)) {
        faults.add(&below(at, "default"), "default", format!("the default must be {}", kind.name()));
    }
    let required = match members.get("required") {
        None => default.is_none(),
        Some(Json::Bool(true)) if default.is_some() => {
            faults.add(&below(at, "required"), "required", "what has a default need not be given");
            true
        }
        Some(Json::Bool(required)) => *required,
        Some(_) => {
            faults.add(&below(at, "required"), "required", "`required` is `true` or `false`");
            true
        }
    };
    if members.get("description").is_some_and(|text| !text.is_string()) {
        faults.add(&below(at, "description"), "description", "a description is text");
    }
    Some(Input { name: name.to_owned(), kind: *kind, required, default })
}

/// What a caller gave, with the defaults of what it left out.
///
/// # Errors
/// `VALIDATION_ERROR` with all faults.
pub(super) fn accept(inputs: &[Input], given: Json) -> Result<Map<String, Json>> {
    let refuse = |path: String, keyword: &str, message: String, params: Json| Violation {
        schema_path: format!("#/{keyword}"),
        instance_path: path,
        keyword: keyword.to_owned(),
        message,
        params,
    };
    let Json::Object(mut given) = given else {
        let fault = refuse(String::new(), "type", "must be object".into(), json!({ "type": "object" }));
        return Err(Error::validation(vec![fault]));
    };
    let mut faults = Vec::new();
    let mut accepted = Map::new();
    for input in inputs {
        let value = given.remove(&input.name).filter(|value| input.kind == Type::Any || !value.is_null());
        match value {
            Some(value) if input.kind.takes(&value) => drop(accepted.insert(input.name.clone(), value)),
            Some(_) => {
                let kind = input.kind.name();
                let path = below("", &input.name);
                faults.push(refuse(path, "type", format!("must be {kind}"), json!({ "type": kind })));
            }
            None if input.required => {
                let message = format!("must have required property '{}'", input.name);
                faults.push(refuse(
                    String::new(),
                    "required",
                    message,
                    json!({ "missingProperty": input.name }),
                ));
            }
            None => drop(accepted.insert(input.name.clone(), input.default.clone().unwrap_or_default())),
        }
    }
    for name in given.keys().take(20) {
        let near = nearest(name, inputs.iter().map(|input| input.name.as_str()));
        let hint = near.map_or_else(String::new, |near| format!("; did you mean '{near}'?"));
        let shown: String = name.chars().take(100).collect();
        let message = format!("must NOT have additional properties: '{shown}'{hint}");
        let params = json!({ "additionalProperty": shown });
        faults.push(refuse(String::new(), "additionalProperties", message, params));
    }
    if faults.is_empty() { Ok(accepted) } else { Err(Error::validation(faults)) }
}
