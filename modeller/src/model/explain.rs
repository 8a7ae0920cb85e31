//! Why a payload is refused: the errors of the schema validator in the words and the shape of AJV.
//!
//! Source of keywords, messages and parameters: the documentation of AJV's error objects,
//! <https://ajv.js.org/api.html#error-objects>.

use std::fmt::Write;

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind as Cause;
use serde_json::{Value as Json, json};

use super::judge::Subject;
use super::suggest::nearest;
use super::{Code, Error, Field, Result, Violation};

/// How many faults of one payload are told.
const MOST: usize = 100;

/// Beyond this size a payload gets its first fault only: an error object is much larger than the `0` it complains of.
const LARGE: usize = 128 * 1024;

/// Whether the schema accepts the value.
pub(super) fn is_valid(subject: Subject<'_>, value: &Json) -> Result<bool> {
    Ok(validator(subject)?.is_valid(value))
}

/// All that the schema finds wrong with a value that was `size` bytes of JSON; nothing if it is valid.
pub(super) fn violations(subject: Subject<'_>, value: &Json, size: usize) -> Result<Vec<Violation>> {
    let validator = validator(subject)?;
    let mut out = Vec::new();
    if size > LARGE {
        if let Err(error) = validator.validate(value) {
            tell(subject, &error, &mut out);
        }
    } else {
        for error in validator.iter_errors(value) {
            tell(subject, &error, &mut out);
            if out.len() >= MOST {
                break;
            }
        }
    }
    out.truncate(MOST);
    Ok(out)
}

fn validator(subject: Subject<'_>) -> Result<&jsonschema::Validator> {
    subject.validator().ok_or_else(|| {
        let title = subject.schema.get("title").and_then(Json::as_str).unwrap_or_default();
        Error::new(Code::InternalError, format!("the JSON Schema of `{title}` can't be compiled"))
    })
}

/// One error of the validator as AJV's errors: those inside a union come before the union's own.
fn tell(subject: Subject<'_>, error: &ValidationError<'_>, out: &mut Vec<Violation>) {
    if out.len() >= MOST {
        return;
    }
    let path = error.schema_path().as_str();
    let said = subject.schema.pointer(path).unwrap_or(&Json::Null);
    let mut say = |keyword: &str, message: String, params: Json| {
        let violation = Violation {
            instance_path: error.instance_path().as_str().to_owned(),
            keyword: keyword.to_owned(),
            message,
            params,
            schema_path: fragment(path),
        };
        out.push(reworded(subject.fields, violation));
    };
    let limit = |comparison: &str| json!({ "comparison": comparison, "limit": said });
    match error.kind() {
        Cause::Type { .. } => {
            let names = match said {
                Json::Array(names) => names.iter().filter_map(Json::as_str).collect::<Vec<_>>().join(","),
                name => name.as_str().unwrap_or_default().to_owned(),
            };
            say("type", format!("must be {names}"), json!({ "type": said }));
        }
        Cause::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            let message = format!("must have required property '{name}'");
            say("required", message, json!({ "missingProperty": name }));
        }
        Cause::AdditionalProperties { unexpected } => {
            for name in unexpected.iter().take(MOST) {
                let mut params = json!({ "additionalProperty": name });
                if error.instance_path().as_str().is_empty()
                    && let Some(near) = nearest(name, subject.names())
                {
                    params["didYouMean"] = near.into();
                }
                say("additionalProperties", "must NOT have additional properties".into(), params);
            }
        }
        Cause::UnevaluatedProperties { unexpected } => {
            for name in unexpected.iter().take(MOST) {
                let message = "must NOT have unevaluated properties".into();
                say("unevaluatedProperties", message, json!({ "unevaluatedProperty": name }));
            }
        }
        Cause::Enum { .. } => {
            let message = "must be equal to one of the allowed values".into();
            say("enum", message, json!({ "allowedValues": said }));
        }
        Cause::Constant { .. } => {
            say("const", "must be equal to constant".into(), json!({ "allowedValue": said }));
        }
        Cause::Format { format } => {
            say("format", format!("must match format \"{format}\""), json!({ "format": format }));
        }
        Cause::Pattern { pattern } => {
            say("pattern", format!("must match pattern \"{pattern}\""), json!({ "pattern": pattern }));
        }
        Cause::Minimum { .. } => say("minimum", format!("must be >= {}", number(said)), limit(">=")),
        Cause::Maximum { .. } => say("maximum", format!("must be <= {}", number(said)), limit("<=")),
        Cause::ExclusiveMinimum { .. } => {
            say("exclusiveMinimum", format!("must be > {}", number(said)), limit(">"));
        }
        Cause::ExclusiveMaximum { .. } => {
            say("exclusiveMaximum", format!("must be < {}", number(said)), limit("<"));
        }
        Cause::MultipleOf { .. } => {
            let message = format!("must be multiple of {}", number(said));
            say("multipleOf", message, json!({ "multipleOf": said }));
        }
        Cause::MinLength { .. } => count(&mut say, "minLength", "fewer", "characters", said),
        Cause::MaxLength { .. } => count(&mut say, "maxLength", "more", "characters", said),
        Cause::MinItems { .. } => count(&mut say, "minItems", "fewer", "items", said),
        Cause::MaxItems { .. } => count(&mut say, "maxItems", "more", "items", said),
        Cause::MinProperties { .. } => count(&mut say, "minProperties", "fewer", "properties", said),
        Cause::MaxProperties { .. } => count(&mut say, "maxProperties", "more", "properties", said),
        Cause::UniqueItems => {
            let (i, j) = twins(
                error.instance(),
                path.rsplit_once('/').and_then(|(parent, _)| subject.schema.pointer(parent)),
            );
            let message = format!("must NOT have duplicate items (items ## {j} and {i} are identical)");
            say("uniqueItems", message, json!({ "i": i, "j": j }));
        }
        Cause::Contains => {
            say("contains", "must contain at least 1 valid item(s)".into(), json!({ "minContains": 1 }));
        }
        Cause::FalseSchema => say("false schema", "boolean schema is false".into(), json!({})),
        Cause::Not { .. } => say("not", "must NOT be valid".into(), json!({})),
        Cause::AnyOf { context } => {
            inside(subject, context, out);
            push(subject, error, "anyOf", "must match a schema in anyOf", json!({}), out);
        }
        Cause::OneOfNotValid { context } => {
            inside(subject, context, out);
            let params = json!({ "passingSchemas": null });
            push(subject, error, "oneOf", "must match exactly one schema in oneOf", params, out);
        }
        Cause::OneOfMultipleValid { context } => {
            let passing: Vec<usize> = context
                .iter()
                .enumerate()
                .filter(|(_, errors)| errors.is_empty())
                .map(|(at, _)| at)
                .take(2)
                .collect();
            let params = json!({ "passingSchemas": passing });
            push(subject, error, "oneOf", "must match exactly one schema in oneOf", params, out);
        }
        Cause::PropertyNames { error: name } => {
            let shown = name.instance().as_str().unwrap_or_default().to_owned();
            push(
                subject,
                error,
                "propertyNames",
                "property name must be valid",
                json!({ "propertyName": shown }),
                out,
            );
        }
        other => {
            let keyword = other.keyword().to_owned();
            say(&keyword, format!("must fulfil `{keyword}`"), json!({}));
        }
    }
}

fn inside(subject: Subject<'_>, context: &[Vec<ValidationError<'static>>], out: &mut Vec<Violation>) {
    for error in context.iter().flatten() {
        tell(subject, error, out);
    }
}

fn push(
    subject: Subject<'_>,
    error: &ValidationError<'_>,
    keyword: &str,
    message: &str,
    params: Json,
    out: &mut Vec<Violation>,
) {
    let violation = Violation {
        instance_path: error.instance_path().as_str().to_owned(),
        keyword: keyword.to_owned(),
        message: message.to_owned(),
        params,
        schema_path: fragment(error.schema_path().as_str()),
    };
    out.push(reworded(subject.fields, violation));
}

fn count(say: &mut impl FnMut(&str, String, Json), keyword: &str, less: &str, of: &str, said: &Json) {
    let message = format!("must NOT have {less} than {} {of}", number(said));
    say(keyword, message, json!({ "limit": said }));
}

/// The field's own message for the keyword, where it has one.
pub(super) fn reworded(fields: &[Field], mut violation: Violation) -> Violation {
    let name = match violation.keyword.as_str() {
        "required" if violation.instance_path.is_empty() => violation.params["missingProperty"].as_str(),
        _ => violation.instance_path.strip_prefix('/'),
    };
    let field = name
        .and_then(|name| fields.iter().find(|field| field.name == name || pointer_of(field.name) == name));
    let message = field.and_then(|field| {
        field.messages.iter().find(|(keyword, _)| *keyword == violation.keyword).map(|(_, message)| *message)
    });
    if let Some(message) = message {
        violation.message = message.to_owned();
    }
    violation
}

/// A name as a step of a JSON pointer.
pub(super) fn pointer_of(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// A JSON pointer as a URI fragment, as JavaScript's `encodeURIComponent` writes each step.
pub(super) fn fragment(pointer: &str) -> String {
    let mut out = String::with_capacity(pointer.len() + 1);
    out.push('#');
    for byte in pointer.bytes() {
        match byte {
            b'/' | b'$' | b'-' | b'_' | b'.' | b'!' | b'~' | b'*' | b'\'' | b'(' | b')' => {
                out.push(char::from(byte))
            }
            _ if byte.is_ascii_alphanumeric() => out.push(char::from(byte)),
            // Writing to a string can't fail.
            _ => drop(write!(out, "%{byte:02X}")),
        }
    }
    out
}

/// A number as JavaScript shows it.
fn number(limit: &Json) -> String {
    match limit.as_f64().filter(|_| limit.is_f64()) {
        Some(float) if float != 0.0 && !(1e-6..1e21).contains(&float.abs()) => {
            let text = format!("{float:e}");
            if text.contains("e-") { text } else { text.replace('e', "e+") }
        }
        Some(float) => float.to_string(),
        None => limit.to_string(),
    }
}

/// The pair of equal items that AJV names. It goes backwards, and for items of scalar types it names the later one `j`.
fn twins(items: &Json, schema: Option<&Json>) -> (usize, usize) {
    let items = items.as_array().map(Vec::as_slice).unwrap_or_default();
    let types = schema.and_then(|schema| schema.pointer("/items/type"));
    let deep = |name: &Json| name == "object" || name == "array";
    let scalar = match types {
        Some(Json::Array(names)) => !names.iter().any(deep),
        Some(name) => !deep(name),
        None => false,
    };
    let last = items.len().min(1000);
    if scalar {
        let pair = (0..last).rev().find_map(|i| Some((i, (i + 1..last).find(|&j| items[i] == items[j])?)));
        return pair.unwrap_or_default();
    }
    let pair = (1..last).rev().find_map(|i| Some((i, (0..i).rev().find(|&j| items[i] == items[j])?)));
    pair.unwrap_or_default()
}
