//! From bytes to a checked struct, and the reasons where that fails.

use std::collections::HashMap;

use serde_json::{Map, Value as Json, json};
use validator::{ValidationErrors, ValidationErrorsKind};

use super::explain::{self, fragment, pointer_of, reworded};
use super::integral::with_whole_numbers;
use super::judge::Judge;
use super::strict::{Found, scan};
use super::{Error, Record, Result, Row, Shape, Value, Violation};

/// The struct of an insert's payload, checked: what the published schema accepts, and the rules of `#[validate(..)]`.
///
/// # Errors
/// `PARSE_ERROR` if the bytes are no JSON, or JSON that parsers disagree about; `VALIDATION_ERROR` with all faults.
pub fn accept(shape: &Shape, json: &[u8]) -> Result<Box<dyn Record>> {
    let rules = Judge::rules(shape);
    let (text, found) = scan(json, rules, false)?;
    judge(shape, text, &found, rules.complete, true)
}

/// The row of a struct that Rust code gives: the rules of `#[validate(..)]`, and values that a store can hold.
///
/// # Errors
/// `VALIDATION_ERROR` with all faults.
pub fn check_record(record: &dyn Record, shape: &Shape) -> Result<Row> {
    record.check().map_err(|errors| refused(shape, &errors, Vec::new()))?;
    let row = record.to_row(shape)?;
    if let Some(key) = shape.key
        && shape.columns[key].generated.is_none()
        && let Value::Text(text) = &row[key]
        && !(1..=255).contains(&text.chars().count())
    {
        let (keyword, message, limit) = match text.is_empty() {
            true => ("minLength", "must NOT have fewer than 1 characters", 1),
            false => ("maxLength", "must NOT have more than 255 characters", 255),
        };
        let violation = at_field(shape, key, keyword, message.into(), json!({ "limit": limit }));
        return Err(Error::validation(vec![violation]));
    }
    Ok(row)
}

/// Decodes and checks a text that has been scanned. `quotes` says whether an error may repeat what serde says of it.
pub(super) fn judge(
    shape: &Shape,
    text: &str,
    found: &Found,
    complete: bool,
    quotes: bool,
) -> Result<Box<dyn Record>> {
    let decode = shape.descriptor.glue.decode;
    if complete
        && found.fits
        && let Ok(record) = decode(text.as_bytes())
    {
        return match record.check() {
            Ok(()) => Ok(record),
            Err(errors) => Err(refused(shape, &errors, Vec::new())),
        };
    }
    let value: Json = serde_json::from_str(text).map_err(|error| {
        // The scanner has accepted it, so this does not happen; if it does, it is still the caller's text.
        Error::new(super::Code::ParseError, format!("the text is not JSON: {error}"))
    })?;
    let violations = match explain::is_valid(shape, &value)? {
        true => Vec::new(),
        false => explain::violations(shape, &value, text.len())?,
    };
    let decoded = match (found.object, decode(text.as_bytes())) {
        (false, _) => None,
        (true, Ok(record)) => Some(Ok(record)),
        (true, Err(error)) => {
            let whole = with_whole_numbers(text, &shape.schema).and_then(|text| decode(text.as_bytes()).ok());
            Some(whole.ok_or(error))
        }
    };
    match decoded {
        Some(Ok(record)) => match record.check() {
            Ok(()) if violations.is_empty() => Ok(record),
            Ok(()) => Err(Error::validation(violations)),
            Err(errors) => Err(refused(shape, &errors, violations)),
        },
        Some(Err(error)) if violations.is_empty() => {
            let message = if quotes { undo_position(&error) } else { "does not fit the model".into() };
            Err(Error::validation(vec![Violation {
                instance_path: String::new(),
                keyword: "decode".into(),
                message,
                params: json!({}),
                schema_path: "#".into(),
            }]))
        }
        _ => Err(Error::validation(violations)),
    }
}

/// serde's words without the position, which is one in a text the caller may never have sent.
fn undo_position(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(at) => text[..at].to_owned(),
        None => text,
    }
}

/// A violation of one field.
pub(super) fn at_field(
    shape: &Shape,
    index: usize,
    keyword: &str,
    message: String,
    params: Json,
) -> Violation {
    let pointer = format!("/{}", pointer_of(&shape.columns[index].name));
    let schema_path = fragment(&format!("/properties{pointer}/{keyword}"));
    let violation =
        Violation { instance_path: pointer, keyword: keyword.into(), message, params, schema_path };
    reworded(shape, violation)
}

/// What the schema and the rules of `#[validate(..)]` found, together.
fn refused(shape: &Shape, errors: &ValidationErrors, mut violations: Vec<Violation>) -> Error {
    let mut rules = Vec::new();
    let names: HashMap<&str, &str> =
        shape.descriptor.fields.iter().map(|field| (field.rust, field.name)).collect();
    collect(errors, "", &names, &mut rules);
    rules.sort_by(|a, b| (&a.instance_path, &a.keyword).cmp(&(&b.instance_path, &b.keyword)));
    for rule in rules {
        // What the schema has refused, the rule that it was made of refuses again.
        let said = SCHEMA_RULES.contains(&rule.keyword.as_str())
            && violations.iter().any(|one| one.instance_path == rule.instance_path || missing(one, &rule));
        if !said {
            violations.push(reworded(shape, rule));
        }
    }
    violations.truncate(100);
    Error::validation(violations)
}

/// The rules of `validator` that are also keywords of the schema.
const SCHEMA_RULES: [&str; 8] = ["email", "url", "length", "range", "regex", "contains", "required", "ip"];

fn missing(violation: &Violation, rule: &Violation) -> bool {
    violation.keyword == "required"
        && violation.params["missingProperty"].as_str().is_some_and(|name| {
            format!("{}/{}", violation.instance_path, pointer_of(name)) == rule.instance_path
        })
}

fn collect(errors: &ValidationErrors, pointer: &str, names: &HashMap<&str, &str>, out: &mut Vec<Violation>) {
    for (field, kind) in errors.errors() {
        let name = names.get(field.as_ref()).copied().unwrap_or(field.as_ref());
        let path = match name {
            "__all__" => pointer.to_owned(),
            name => format!("{pointer}/{}", pointer_of(name)),
        };
        match kind {
            ValidationErrorsKind::Struct(inner) => collect(inner, &path, &HashMap::new(), out),
            ValidationErrorsKind::List(items) => {
                for (index, inner) in items {
                    collect(inner, &format!("{path}/{index}"), &HashMap::new(), out);
                }
            }
            ValidationErrorsKind::Field(errors) => out.extend(errors.iter().map(|error| {
                // The values are left out: on an update they may be stored ones that the caller can't see.
                let params: Map<String, Json> = error
                    .params
                    .iter()
                    .filter(|(name, _)| !matches!(name.as_ref(), "value" | "other"))
                    .map(|(name, value)| (name.to_string(), value.clone()))
                    .collect();
                let message = match &error.message {
                    Some(message) => message.to_string(),
                    None => format!("must fulfil the rule \"{}\"", error.code),
                };
                let properties: String =
                    path.split('/').skip(1).map(|step| format!("/properties/{step}")).collect();
                Violation {
                    instance_path: path.clone(),
                    keyword: error.code.to_string(),
                    message,
                    params: params.into(),
                    schema_path: fragment(&format!("{properties}/{}", error.code)),
                }
            })),
        }
    }
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};
    use validator::Validate;

    use super::*;
    use crate::model::{Descriptor, Field, Model};

    #[derive(Serialize, Deserialize, JsonSchema, Default)]
    #[serde(rename_all = "lowercase")]
    enum Role {
        #[default]
        User,
        Admin,
    }

    #[derive(Serialize, Deserialize, JsonSchema, Validate)]
    struct User {
        #[validate(email)]
        email: String,
        #[validate(length(min = 1, max = 100))]
        name: Option<String>,
        #[serde(default)]
        role: Role,
        age: u32,
        score: f64,
        active: bool,
    }

    impl Model for User {
        fn descriptor() -> &'static Descriptor {
            static FIELDS: &[Field] = &[
                Field::new("email", "email").unique(),
                Field::new("name", "name"),
                Field::new("role", "role"),
                Field::new("age", "age"),
                Field::new("score", "score"),
                Field::new("active", "active"),
            ];
            static USER: Descriptor =
                Descriptor::new::<User>("system", "users", "User", FIELDS, crate::__site!());
            &USER
        }
    }

    #[test]
    fn plain_models_are_judged_without_the_schema_validator() {
        let shape = User::descriptor().shape();
        let rules = Judge::rules(shape);
        for (index, column) in shape.fields().iter().enumerate() {
            assert!(
                rules.rule(index).is_some(),
                "{}: {}",
                column.name,
                shape.schema["properties"][&column.name]
            );
        }
        assert!(rules.complete);
        let json = br#"{"email":"a@b.co","name":"A","role":"admin","age":42,"score":12.5,"active":true}"#;
        assert!(scan(json, rules, false).is_ok_and(|(_, found)| found.fits));
        assert!(accept(shape, json).is_ok());
    }
}
