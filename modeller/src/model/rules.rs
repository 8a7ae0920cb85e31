//! The part of a schema that can be checked while the bytes are scanned.
//!
//! A rule is sound, not complete: what it accepts, the schema accepts. What it does not accept is left to the schema validator.

use std::borrow::Cow;
use std::collections::HashMap;

use regex::Regex;
use serde_json::{Map, Value as Json};

use super::formats::{ANNOTATIONS, Check, format};
use super::kinds::target;

/// The rules of a model's fields.
#[derive(Debug)]
pub(super) struct Rules {
    fields: Vec<FieldRules>,
    /// Which of the first 128 fields are required, as bits.
    required: u128,
    /// For models of many fields.
    by_name: HashMap<String, usize>,
    /// Every keyword of the schema is in the rules: what they accept and serde decodes is valid.
    pub(super) complete: bool,
}

#[derive(Debug)]
struct FieldRules {
    name: String,
    required: bool,
    rule: Option<Rule>,
}

/// Bits of JSON's types.
pub(super) mod bit {
    pub(in super::super) const NULL: u8 = 1;
    pub(in super::super) const BOOLEAN: u8 = 2;
    pub(in super::super) const INTEGER: u8 = 4;
    pub(in super::super) const NUMBER: u8 = 8;
    pub(in super::super) const STRING: u8 = 16;
    pub(in super::super) const ARRAY: u8 = 32;
    pub(in super::super) const OBJECT: u8 = 64;
    pub(in super::super) const ALL: u8 = 127;
}

/// What a value must be.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) types: u8,
    choices: Option<Vec<String>>,
    whole: (i64, i64),
    range: Option<(f64, f64)>,
    length: (usize, usize),
    format: Option<Check>,
    pattern: Option<Regex>,
    pub(super) count: (usize, usize),
    pub(super) inside: Option<Box<Rule>>,
}

impl Rule {
    fn any() -> Self {
        Rule {
            types: bit::ALL,
            choices: None,
            whole: (i64::MIN, i64::MAX),
            range: None,
            length: (0, usize::MAX),
            format: None,
            pattern: None,
            count: (0, usize::MAX),
            inside: None,
        }
    }

    /// Whether only the type of a string matters, not what is in it.
    pub(super) fn takes_any_string(&self) -> bool {
        self.choices.is_none()
            && self.format.is_none()
            && self.pattern.is_none()
            && self.length == (0, usize::MAX)
    }

    pub(super) fn takes_string(&self, text: &str) -> bool {
        let (least, most) = self.length;
        // A character has one to four bytes: counting is rarely needed.
        let long_enough = || text.len() / 4 >= least || text.chars().count() >= least;
        let short_enough = || text.len() <= most || text.chars().count() <= most;
        self.types & bit::STRING != 0
            && self.choices.as_ref().is_none_or(|choices| choices.iter().any(|choice| choice == text))
            && long_enough()
            && short_enough()
            && self.format.is_none_or(|format| format(text))
            && self.pattern.as_ref().is_none_or(|pattern| pattern.is_match(text))
    }

    pub(super) fn takes_number(&self, text: &str, plain: bool) -> bool {
        if self.types & bit::INTEGER != 0 {
            let (low, high) = self.whole;
            return plain && text.parse::<i64>().is_ok_and(|number| (low..=high).contains(&number));
        }
        if self.types & bit::NUMBER == 0 {
            return false;
        }
        let Some((low, high)) = self.range else { return true };
        // Beyond 15 digits a float is not the number that was written: that is for the validator to judge.
        text.len() <= 15 && text.parse::<f64>().is_ok_and(|number| low <= number && number <= high)
    }
}

impl Rules {
    pub(super) fn of(schema: &Json) -> Self {
        let required = schema.get("required").and_then(Json::as_array);
        let mut complete = schema.as_object().is_some_and(is_plain);
        let mut fields = Vec::new();
        let mut by_name = HashMap::new();
        if let Some(properties) = schema.get("properties").and_then(Json::as_object) {
            for (name, property) in properties {
                let rule = compile(property, schema, 0);
                complete &= rule.is_some();
                let required = required.is_some_and(|names| names.iter().any(|one| one == name.as_str()));
                by_name.insert(name.clone(), fields.len());
                fields.push(FieldRules { name: name.clone(), required, rule });
            }
        }
        let bits = fields.iter().take(128).enumerate();
        let required =
            bits.fold(0, |bits, (at, field): (usize, &FieldRules)| bits | u128::from(field.required) << at);
        Rules { fields, required, by_name, complete }
    }

    /// How many fields there are.
    pub(super) fn len(&self) -> usize {
        self.fields.len()
    }

    /// The index of a field; `expected` is the one that should come next.
    pub(super) fn find(&self, name: &str, expected: usize) -> Option<usize> {
        if self.fields.get(expected).is_some_and(|field| field.name == name) {
            return Some(expected);
        }
        if self.fields.len() > 12 {
            return self.by_name.get(name).copied();
        }
        self.fields.iter().position(|field| field.name == name)
    }

    pub(super) fn rule(&self, field: usize) -> Option<&Rule> {
        self.fields.get(field)?.rule.as_ref()
    }

    /// Whether every required field has been seen: the first 128 as bits, the others one by one.
    pub(super) fn all_there(&self, seen: u128, more: &[bool]) -> bool {
        let others = self.fields.iter().skip(128).zip(more);
        self.required & !seen == 0 && others.into_iter().all(|(field, seen)| !field.required || *seen)
    }
}

/// The rule that says all that a schema says, if there is one.
fn compile(schema: &Json, root: &Json, depth: usize) -> Option<Rule> {
    let object = match schema {
        Json::Bool(true) => return Some(Rule::any()),
        Json::Object(object) if depth < 8 => object,
        _ => return None,
    };
    if let Some(reference) = object.get("$ref") {
        let target = compile(target(reference.as_str()?, root)?, root, depth + 1)?;
        return only_annotations(object, "$ref").then_some(target);
    }
    for union in ["anyOf", "oneOf"] {
        if let Some(branches) = object.get(union) {
            let rule = union_of(branches.as_array()?, root, depth)?;
            return only_annotations(object, union).then_some(rule);
        }
    }
    let mut rule = Rule::any();
    match object.get("type") {
        Some(Json::String(name)) => rule.types = type_bit(name)?,
        Some(Json::Array(names)) => {
            rule.types = 0;
            for name in names {
                rule.types |= type_bit(name.as_str()?)?;
            }
        }
        None => {}
        Some(_) => return None,
    }
    // A number is checked as whole or not: a type that is both ("integer" and "number") is for the validator.
    if rule.types != bit::ALL && rule.types & bit::INTEGER != 0 && rule.types & bit::NUMBER != 0 {
        return None;
    }
    if rule.types == bit::ALL {
        rule.types &= !bit::INTEGER;
    }
    keywords(object, root, depth, &mut rule)?;
    Some(rule)
}

fn keywords(object: &Map<String, Json>, root: &Json, depth: usize, rule: &mut Rule) -> Option<()> {
    let size = |value: &Json| value.as_u64().and_then(|size| usize::try_from(size).ok());
    for (keyword, value) in object {
        match keyword.as_str() {
            "type" => {}
            "enum" => {
                let names = value.as_array()?;
                let choices = names.iter().filter(|one| !one.is_null());
                rule.choices =
                    Some(choices.map(|one| one.as_str().map(str::to_owned)).collect::<Option<_>>()?);
                rule.types &= bit::STRING | if names.iter().any(Json::is_null) { bit::NULL } else { 0 };
            }
            "const" => {
                rule.choices = Some(vec![value.as_str()?.to_owned()]);
                rule.types &= bit::STRING;
            }
            "minimum" | "maximum" => limit(value, keyword == "minimum", rule)?,
            "minLength" => rule.length.0 = size(value)?,
            "maxLength" => rule.length.1 = size(value)?,
            "minItems" => rule.count.0 = size(value)?,
            "maxItems" => rule.count.1 = size(value)?,
            "format" => {
                let name = value.as_str()?;
                if !ANNOTATIONS.contains(&name) {
                    rule.format = Some(format(name)?);
                }
            }
            "pattern" => rule.pattern = Some(plain_pattern(value.as_str()?)?),
            "items" if rule.types & bit::OBJECT == 0 => {
                rule.inside = Some(Box::new(compile(value, root, depth + 1)?));
            }
            "additionalProperties" if rule.types & bit::ARRAY == 0 && !value.is_boolean() => {
                rule.inside = Some(Box::new(compile(value, root, depth + 1)?));
            }
            "additionalProperties" if *value == Json::Bool(true) => {}
            _ if is_annotation(keyword) => {}
            _ => return None,
        }
    }
    Some(())
}

fn limit(value: &Json, lowest: bool, rule: &mut Rule) -> Option<()> {
    if rule.types & bit::INTEGER != 0 {
        let limit = value.as_i64()?;
        *(if lowest { &mut rule.whole.0 } else { &mut rule.whole.1 }) = limit;
    } else {
        let limit = value.as_f64()?;
        let (low, high) = rule.range.get_or_insert((f64::NEG_INFINITY, f64::INFINITY));
        *(if lowest { low } else { high }) = limit;
    }
    Some(())
}

/// A union that is "this or nothing", or a list of names.
fn union_of(branches: &[Json], root: &Json, depth: usize) -> Option<Rule> {
    let mut null = false;
    let mut rules = Vec::new();
    for branch in branches {
        let rule = compile(branch, root, depth + 1)?;
        match rule.types {
            bit::NULL => null = true,
            _ => rules.push(rule),
        }
    }
    let mut rule = rules.pop()?;
    for other in rules {
        // Names must differ: `oneOf` wants exactly one branch.
        let plain = |rule: &Rule| rule.types == bit::STRING && rule.length == (0, usize::MAX);
        if !plain(&rule) || !plain(&other) || other.format.is_some() || other.pattern.is_some() {
            return None;
        }
        let (all, more) = (rule.choices.as_mut()?, other.choices?);
        if more.iter().any(|name| all.contains(name)) {
            return None;
        }
        all.extend(more);
    }
    if null {
        // A branch that takes `null` too makes `oneOf` false for it.
        if rule.types & bit::NULL != 0 {
            return None;
        }
        rule.types |= bit::NULL;
    }
    Some(rule)
}

/// A pattern that means the same to this engine and in ECMA-262.
fn plain_pattern(pattern: &str) -> Option<Regex> {
    let bytes = pattern.as_bytes();
    let letter_escape = bytes.windows(2).any(|two| two[0] == b'\\' && two[1].is_ascii_alphanumeric());
    let dot = bytes.iter().enumerate().any(|(at, &byte)| byte == b'.' && (at == 0 || bytes[at - 1] != b'\\'));
    let own = ["(?", "&&", "--", "~~", "[[", "[^"].iter().any(|syntax| pattern.contains(syntax));
    if letter_escape || dot || own {
        return None;
    }
    Regex::new(pattern).ok()
}

fn type_bit(name: &str) -> Option<u8> {
    Some(match name {
        "null" => bit::NULL,
        "boolean" => bit::BOOLEAN,
        "integer" => bit::INTEGER,
        "number" => bit::NUMBER,
        "string" => bit::STRING,
        "array" => bit::ARRAY,
        "object" => bit::OBJECT,
        _ => return None,
    })
}

fn is_annotation(keyword: &str) -> bool {
    matches!(
        keyword,
        "title"
            | "description"
            | "default"
            | "examples"
            | "deprecated"
            | "readOnly"
            | "writeOnly"
            | "$comment"
            | "unique"
            | "private"
            | "model"
            | "generated"
            | "errorMessage"
    )
}

/// Whether the schema of a whole payload says no more than which members it has, and what each must be.
fn is_plain(root: &Map<String, Json>) -> bool {
    root.get("type") == Some(&Json::from("object"))
        && root.get("additionalProperties") == Some(&Json::Bool(false))
        && root.keys().all(|keyword| {
            matches!(
                keyword.as_str(),
                "$schema" | "$defs" | "type" | "properties" | "required" | "additionalProperties"
            ) || is_annotation(keyword)
        })
}

fn only_annotations(object: &Map<String, Json>, but: &str) -> bool {
    object.keys().all(|keyword| keyword == but || is_annotation(keyword))
}

/// The inside of a JSON string (which has been checked) as text.
pub(super) fn unescape(raw: &str) -> Cow<'_, str> {
    if !raw.contains('\\') {
        return Cow::Borrowed(raw);
    }
    let mut quoted = String::with_capacity(raw.len() + 2);
    quoted.push('"');
    quoted.push_str(raw);
    quoted.push('"');
    // Proof: only called on strings that the scanner has found to be JSON.
    Cow::Owned(serde_json::from_str(&quoted).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rule(schema: &Json) -> Option<Rule> {
        let root = json!({"$defs": {
            "Role": {"type": "string", "enum": ["a", "b"]},
            "Level": {"oneOf": [{"type": "string", "const": "x"}, {"type": "string", "const": "y"}]},
            "Place": {"type": "object", "properties": {"s": {"type": "string"}}, "additionalProperties": false},
            "Loop": {"$ref": "#/$defs/Loop"},
        }});
        compile(schema, &root, 0)
    }

    #[test]
    fn plain_fields_need_no_validator() {
        for schema in [
            json!({"type": "string", "format": "email", "maxLength": 9, "unique": true}),
            json!({"type": ["integer", "null"], "format": "uint8", "minimum": 0, "maximum": 255}),
            json!({"type": "number", "format": "double", "default": 0.5}),
            json!({"$ref": "#/$defs/Role", "default": "a"}),
            json!({"anyOf": [{"$ref": "#/$defs/Level"}, {"type": "null"}]}),
            json!({"type": "array", "items": {"$ref": "#/$defs/Role"}, "maxItems": 3}),
            json!({"type": "object", "additionalProperties": {"type": "integer"}}),
            json!({"type": "string", "pattern": "^[A-Z]+$"}),
            json!(true),
        ] {
            assert!(rule(&schema).is_some(), "{schema}");
        }
    }

    #[test]
    fn what_a_rule_cannot_say_is_left_to_the_validator() {
        for schema in [
            json!({"$ref": "#/$defs/Place"}),
            json!({"$ref": "#/$defs/Loop"}),
            json!({"$ref": "#/$defs/Role", "minLength": 1}),
            json!({"type": "string", "format": "idn-email"}),
            json!({"type": "string", "pattern": r"^\d+$"}),
            json!({"type": "string", "pattern": "^.$"}),
            json!({"type": "array", "uniqueItems": true}),
            json!({"oneOf": [{"const": "a"}, {"enum": ["a", "b"]}]}),
            json!({"anyOf": [{"type": "string"}, {"type": "integer"}]}),
            json!({"type": "integer", "exclusiveMinimum": 0}),
            json!({"type": "integer", "not": {"const": 0}}),
            json!(false),
        ] {
            assert!(rule(&schema).is_none(), "{schema}");
        }
    }
}
