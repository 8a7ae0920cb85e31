//! From bytes to a checked struct, and the reasons where that fails.

use serde_json::{Map, Value as Json, json};
use validator::{ValidationErrors, ValidationErrorsKind};

use super::explain::{self, fragment, pointer_of, reworded};
use super::integral::with_whole_numbers;
use super::judge::Subject;
use super::strict::{Found, scan};
use super::{Error, Record, Result, Row, Shape, Value, Violation};

/// The struct of an insert's payload, checked: what the published schema accepts, and the rules of `#[validate(..)]`.
///
/// # Errors
/// `PARSE_ERROR` if the bytes are no JSON, or JSON that parsers disagree about; `VALIDATION_ERROR` with all faults.
pub fn accept(shape: &Shape, json: &[u8]) -> Result<Box<dyn Record>> {
    let subject = Subject::of(shape);
    let rules = subject.rules();
    let (text, found) = scan(json, rules, false)?;
    judge(subject, shape.descriptor.glue.decode, text, &found, rules.complete, true)
}

/// What has rules of its own once it is decoded.
pub(super) trait Judged {
    /// Runs the rules of `#[validate(..)]`.
    fn judge(&self) -> std::result::Result<(), ValidationErrors>;
}

impl Judged for Box<dyn Record> {
    fn judge(&self) -> std::result::Result<(), ValidationErrors> {
        (**self).check()
    }
}

/// The row of a struct that Rust code gives: the rules of `#[validate(..)]`, and values that a store can hold.
///
/// # Errors
/// `VALIDATION_ERROR` with all faults.
pub fn check_record(record: &dyn Record, shape: &Shape) -> Result<Row> {
    record.check().map_err(|errors| refused(Subject::of(shape), &errors, Vec::new()))?;
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
pub(super) fn judge<T: Judged>(
    subject: Subject<'_>,
    decode: fn(&[u8]) -> serde_json::Result<T>,
    text: &str,
    found: &Found,
    complete: bool,
    quotes: bool,
) -> Result<T> {
    if complete
        && found.fits
        && let Ok(decoded) = decode(text.as_bytes())
    {
        return match decoded.judge() {
            Ok(()) => Ok(decoded),
            Err(errors) => Err(refused(subject, &errors, Vec::new())),
        };
    }
    let value: Json = serde_json::from_str(text).map_err(|error| {
        // The scanner has accepted it, so this does not happen; if it does, it is still the caller's text.
        Error::new(super::Code::ParseError, format!("the text is not JSON: {error}"))
    })?;
    let violations = match explain::is_valid(subject, &value)? {
        true => Vec::new(),
        false => explain::violations(subject, &value, text.len())?,
    };
    let decoded = match (found.object, decode(text.as_bytes())) {
        (false, _) => None,
        (true, Ok(decoded)) => Some(Ok(decoded)),
        (true, Err(error)) => {
            let whole =
                with_whole_numbers(text, subject.schema).and_then(|text| decode(text.as_bytes()).ok());
            Some(whole.ok_or(error))
        }
    };
    match decoded {
        Some(Ok(decoded)) => match decoded.judge() {
            Ok(()) if violations.is_empty() => Ok(decoded),
            Ok(()) => Err(Error::validation(violations)),
            Err(errors) => Err(refused(subject, &errors, violations)),
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
    reworded(shape.descriptor.fields, violation)
}

/// What the schema and the rules of `#[validate(..)]` found, together.
pub(super) fn refused(
    subject: Subject<'_>,
    errors: &ValidationErrors,
    mut violations: Vec<Violation>,
) -> Error {
    let mut rules = Vec::new();
    collect(errors, "", &|rust| wire_name(subject, rust), &mut rules);
    rules.sort_by(|a, b| {
        (&a.violation.instance_path, &a.violation.keyword)
            .cmp(&(&b.violation.instance_path, &b.violation.keyword))
    });
    for Rule { violation: rule, own_words } in rules {
        // What the schema has refused, the rule that it was made of refuses again.
        let keywords = schema_keywords(&rule.keyword);
        let same = |one: &Violation| one.instance_path == rule.instance_path || missing(one, &rule);
        if keywords.is_empty() || !violations.iter().any(same) {
            violations.push(reworded(subject.fields, rule));
            continue;
        }
        // The schema's keyword has no words of the field's own where only the rule knows them.
        for said in violations.iter_mut().filter(|one| own_words && same(one)) {
            if keywords.contains(&said.keyword.as_str()) {
                said.message.clone_from(&rule.message);
            }
        }
    }
    violations.truncate(100);
    Error::validation(violations)
}

/// The rules of `validator` that are also in the schema, and the keywords that say the same there.
fn schema_keywords(rule: &str) -> &'static [&'static str] {
    match rule {
        "email" | "url" | "ip" => &["format"],
        "length" => &["minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"],
        "range" => &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"],
        "regex" | "contains" => &["pattern"],
        "required" => &["required", "type"],
        _ => &[],
    }
}

/// What a field is called on the wire.
fn wire_name<'a>(subject: Subject<'a>, rust: &'a str) -> &'a str {
    if let Some(field) = subject.fields.iter().find(|field| field.rust == rust) {
        return field.name;
    }
    // A field of a payload that is not listed has one name, unless the list could not be made: serde's styles differ in
    // nothing but signs and case.
    let plain = |name: &str| name.replace(['_', '-'], "").to_ascii_lowercase();
    let same = |name: &&str| plain(name) == plain(rust);
    match subject.names().any(|name| name == rust) {
        true => rust,
        false => subject.names().find(same).unwrap_or(rust),
    }
}

fn missing(violation: &Violation, rule: &Violation) -> bool {
    violation.keyword == "required"
        && violation.params["missingProperty"].as_str().is_some_and(|name| {
            format!("{}/{}", violation.instance_path, pointer_of(name)) == rule.instance_path
        })
}

/// What a rule found, and whether it says so in words of its own.
struct Rule {
    violation: Violation,
    own_words: bool,
}

fn collect<'a>(
    errors: &'a ValidationErrors,
    pointer: &str,
    names: &dyn Fn(&'a str) -> &'a str,
    out: &mut Vec<Rule>,
) {
    let same = |name: &'a str| name;
    for (field, kind) in errors.errors() {
        let path = match names(field.as_ref()) {
            "__all__" => pointer.to_owned(),
            name => format!("{pointer}/{}", pointer_of(name)),
        };
        match kind {
            ValidationErrorsKind::Struct(inner) => collect(inner, &path, &same, out),
            ValidationErrorsKind::List(items) => {
                for (index, inner) in items {
                    collect(inner, &format!("{path}/{index}"), &same, out);
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
                let violation = Violation {
                    instance_path: path.clone(),
                    keyword: error.code.to_string(),
                    message,
                    params: params.into(),
                    schema_path: fragment(&format!("{properties}/{}", error.code)),
                };
                Rule { violation, own_words: error.message.is_some() }
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
        let rules = Subject::of(shape).rules();
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
