//! Makes a schema say what decoding does: bounds of integers, and no unknown members in nested objects.
//!
//! serde ignores members that a nested struct doesn't have. What is ignored is lost, so the schema refuses it.

use std::collections::HashSet;

use serde_json::{Map, Value as Json};

use super::kinds::{DECIMAL, is_decimal};

/// Finishes the schema in place.
///
/// # Errors
/// If it has integers of 128 bits, or a pattern that is none.
pub(super) fn close(root: &mut Json) -> Result<(), String> {
    // A definition that is a part of a larger object (an internally tagged variant, a flattened struct) can't be
    // closed itself: it would refuse the other parts. The object that uses it is closed instead.
    let mut open = HashSet::new();
    loop {
        let before = open.len();
        mark(root, false, &mut open);
        if let Some(definitions) = root.get("$defs").and_then(Json::as_object) {
            for (name, definition) in definitions {
                mark(definition, open.contains(&format!("#/$defs/{name}")), &mut open);
            }
        }
        if open.len() == before {
            break;
        }
    }
    let definitions = root.as_object_mut().and_then(|root| root.remove("$defs"));
    finish(root, false, &open)?;
    if let Some(Json::Object(mut definitions)) = definitions {
        for (name, definition) in &mut definitions {
            finish(definition, open.contains(&format!("#/$defs/{name}")), &open)?;
        }
        if let Json::Object(root) = root {
            root.insert("$defs".into(), definitions.into());
        }
    }
    Ok(())
}

/// What makes a schema of several others.
pub(super) const UNIONS: [&str; 3] = ["allOf", "anyOf", "oneOf"];

/// Whether an object schema is made of several parts that only together say which members there are.
fn is_composite(schema: &Map<String, Json>) -> bool {
    let parts = UNIONS.iter().any(|union| schema.contains_key(*union)) || schema.contains_key("$ref");
    schema.contains_key("allOf") || (schema.contains_key("properties") && parts)
}

/// Calls back for every direct subschema, saying whether it is a part of this one.
fn children(schema: &Map<String, Json>, part: bool, mut each: impl FnMut(&Json, bool)) {
    let inner = part || is_composite(schema);
    for (key, value) in schema {
        match (key.as_str(), value) {
            ("properties" | "patternProperties", Json::Object(all)) => {
                all.values().for_each(|one| each(one, false));
            }
            ("allOf" | "anyOf" | "oneOf", Json::Array(all)) => all.iter().for_each(|one| each(one, inner)),
            ("prefixItems", Json::Array(all)) => all.iter().for_each(|one| each(one, false)),
            ("items" | "additionalProperties" | "unevaluatedProperties" | "contains", one) => {
                each(one, false)
            }
            _ => {}
        }
    }
}

fn mark(schema: &Json, part: bool, open: &mut HashSet<String>) {
    let Json::Object(object) = schema else { return };
    if (part || is_composite(object))
        && let Some(Json::String(reference)) = object.get("$ref")
    {
        open.insert(reference.clone());
    }
    children(object, part, |child, part| mark(child, part, open));
}

fn finish(schema: &mut Json, part: bool, open: &HashSet<String>) -> Result<(), String> {
    if is_decimal(schema) {
        decimal(schema);
    }
    let Json::Object(object) = schema else { return Ok(()) };
    bounds(object)?;
    if let Some(pattern) = object.get("pattern").and_then(Json::as_str)
        && regex::Regex::new(pattern).is_err()
    {
        return Err(format!(
            "the pattern `{pattern}` can't be matched in linear time: write it without look-around and back-references"
        ));
    }
    let composite = is_composite(object);
    let inner = part || composite;
    for (key, value) in object.iter_mut() {
        match (key.as_str(), value) {
            ("properties" | "patternProperties", Json::Object(all)) => {
                all.values_mut().try_for_each(|one| finish(one, false, open))?;
            }
            ("allOf" | "anyOf" | "oneOf", Json::Array(all)) => {
                all.iter_mut().try_for_each(|one| finish(one, inner, open))?;
            }
            ("prefixItems", Json::Array(all)) => {
                all.iter_mut().try_for_each(|one| finish(one, false, open))?;
            }
            ("items" | "additionalProperties" | "unevaluatedProperties" | "contains", one) => {
                finish(one, false, open)?;
            }
            _ => {}
        }
    }
    let says = object.contains_key("additionalProperties") || object.contains_key("unevaluatedProperties");
    if part || says {
        return Ok(());
    }
    let uses_open = object.get("$ref").and_then(Json::as_str).is_some_and(|name| open.contains(name));
    if composite || uses_open {
        object.insert("unevaluatedProperties".into(), false.into());
    } else if object.contains_key("properties") {
        object.insert("additionalProperties".into(), false.into());
    }
    Ok(())
}

/// Decimal numbers travel as text: a JSON number would go through a float and lose digits.
fn decimal(schema: &mut Json) {
    schema["pattern"] = DECIMAL.into();
    match &mut schema["type"] {
        Json::Array(names) => {
            names.retain(|name| name != "number");
            if let [Json::String(only)] = names.as_slice() {
                schema["type"] = only.as_str().into();
            }
        }
        other => *other = "string".into(),
    }
}

fn bounds(schema: &mut Map<String, Json>) -> Result<(), String> {
    for key in ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"] {
        // `range(min = 0.0)` on an integer: 0 is how JSON writers show it.
        if let Some(limit) = schema.get_mut(key)
            && let Some(number) = limit.as_f64()
            && limit.is_f64()
            && number.fract() == 0.0
            && number.abs() < 9e15
        {
            *limit = (number as i64).into();
        }
    }
    let has = |name: &str| match schema.get("type") {
        Some(Json::String(only)) => only == name,
        Some(Json::Array(names)) => names.iter().any(|one| one == name),
        _ => false,
    };
    let (low, high): (Json, Json) = match schema.get("format").and_then(Json::as_str) {
        Some("float") if has("number") => ((-3.402_823_5e38).into(), 3.402_823_5e38.into()),
        _ if !has("integer") => return Ok(()),
        Some("int8") => (i8::MIN.into(), i8::MAX.into()),
        Some("uint8") => (0.into(), u8::MAX.into()),
        Some("int16") => (i16::MIN.into(), i16::MAX.into()),
        Some("uint16") => (0.into(), u16::MAX.into()),
        Some("int32") => (i32::MIN.into(), i32::MAX.into()),
        Some("uint32") => (0.into(), u32::MAX.into()),
        // No store keeps more than 63 bits and a sign.
        Some("uint64" | "uint") => (0.into(), i64::MAX.into()),
        Some("int128" | "uint128") => {
            return Err("integers of 128 bits can't be stored: use `i64`, or text".into());
        }
        _ => (i64::MIN.into(), i64::MAX.into()),
    };
    if !schema.contains_key("minimum") && !schema.contains_key("exclusiveMinimum") {
        schema.insert("minimum".into(), low);
    }
    if !schema.contains_key("maximum") && !schema.contains_key("exclusiveMaximum") {
        schema.insert("maximum".into(), high);
    }
    Ok(())
}
