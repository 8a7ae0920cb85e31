//! `1.0` is a whole number to JSON Schema, and a float to serde.

use serde_json::Value as Json;

use super::kinds::target;

/// The same JSON with its whole numbers written as such (`1.0` and `10e-1` as `1`, `-0` as `0`) where the schema wants
/// integers, exactly: by the digits, never through a float. Other numbers stay as they are written. `None` if there is
/// nothing to change. The text must be JSON.
pub(super) fn with_whole_numbers(json: &str, schema: &Json) -> Option<String> {
    let mut walk = Walk { text: json, at: 0, root: schema, out: String::new(), copied: 0 };
    walk.value(&walk.all_of([schema]));
    (walk.copied > 0).then(|| walk.out + &json[walk.copied..])
}

/// A way through the text with the schemas of each place beside it.
struct Walk<'a> {
    text: &'a str,
    at: usize,
    root: &'a Json,
    out: String,
    /// How much of the text is in `out`.
    copied: usize,
}

impl<'a> Walk<'a> {
    fn peek(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\n' | b'\r' | b'\t' | b',' | b':') = self.text.as_bytes().get(self.at) {
            self.at += 1;
        }
        self.text.as_bytes().get(self.at).copied()
    }

    fn value(&mut self, schemas: &[&'a Json]) {
        match self.peek() {
            Some(b'{') => self.object(schemas),
            Some(b'[') => self.array(schemas),
            Some(b'"') => drop(self.string()),
            Some(b'-' | b'0'..=b'9') => {
                let start = self.at;
                self.skip(|byte| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'));
                if wants_integer(schemas)
                    && let Some(whole) = whole(&self.text[start..self.at])
                {
                    self.out.push_str(&self.text[self.copied..start]);
                    self.out.push_str(&whole);
                    self.copied = self.at;
                }
            }
            _ => self.skip(|byte| byte.is_ascii_alphabetic()),
        }
    }

    fn object(&mut self, schemas: &[&'a Json]) {
        self.at += 1;
        while let Some(b'"') = self.peek() {
            // Proof: it is a string of JSON.
            let name: String = serde_json::from_str(self.string()).unwrap_or_default();
            if !matches!(self.peek(), Some(b'{' | b'[' | b'-' | b'0'..=b'9')) {
                self.value(&[]);
                continue;
            }
            let mut inside = Vec::new();
            for schema in schemas {
                match schema.get("properties").and_then(|all| all.get(&name)) {
                    Some(property) => inside.push(property),
                    None => {
                        let patterns = schema.get("patternProperties").and_then(Json::as_object);
                        inside.extend(patterns.into_iter().flat_map(|patterns| patterns.values()));
                        inside.extend(schema.get("additionalProperties"));
                    }
                }
            }
            self.value(&self.all_of(inside));
        }
        self.at += 1;
    }

    fn array(&mut self, schemas: &[&'a Json]) {
        self.at += 1;
        let rest = self.all_of(schemas.iter().filter_map(|schema| schema.get("items")));
        for index in 0.. {
            if let None | Some(b']') = self.peek() {
                break;
            }
            let first = |schema: &&'a Json| schema.get("prefixItems").and_then(|all| all.get(index));
            match schemas.iter().filter_map(first).collect::<Vec<_>>() {
                first if first.is_empty() => self.value(&rest),
                first => self.value(&self.all_of(first)),
            }
        }
        self.at += 1;
    }

    /// The string, quotes included.
    fn string(&mut self) -> &'a str {
        let (bytes, start) = (self.text.as_bytes(), self.at);
        self.at += 1;
        while bytes.get(self.at).is_some_and(|&byte| byte != b'"') {
            self.at += 1 + usize::from(bytes[self.at] == b'\\');
        }
        self.at += 1;
        self.text.get(start..self.at).unwrap_or_default()
    }

    fn skip(&mut self, which: impl Fn(u8) -> bool) {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        self.at += rest.iter().take_while(|&&byte| which(byte)).count().max(1);
    }

    /// These schemas and those that they refer to or are made of.
    fn all_of(&self, schemas: impl IntoIterator<Item = &'a Json>) -> Vec<&'a Json> {
        let mut all: Vec<&Json> = schemas.into_iter().collect();
        let mut at = 0;
        while let Some(&schema) = all.get(at) {
            at += 1;
            let referred = schema.get("$ref").and_then(Json::as_str).and_then(|name| target(name, self.root));
            let parts = ["anyOf", "oneOf", "allOf"].iter().filter_map(|name| schema.get(name)?.as_array());
            for part in referred.into_iter().chain(parts.flatten()) {
                // Schemas may go round in circles.
                if !all.iter().any(|known| std::ptr::eq(*known, part)) {
                    all.push(part);
                }
            }
        }
        all
    }
}

/// Whether one of the schemas wants an integer, and none takes other numbers as well.
fn wants_integer(schemas: &[&Json]) -> bool {
    let is = |schema: &Json, name: &str| match schema.get("type") {
        Some(Json::String(one)) => one == name,
        Some(Json::Array(all)) => all.iter().any(|one| one == name),
        _ => false,
    };
    let listed = |schema: &Json| {
        let one = |json: &Json| json.is_i64() || json.is_u64();
        schema.get("const").is_some_and(one)
            || schema.get("enum").and_then(Json::as_array).is_some_and(|all| all.iter().any(one))
    };
    const BOUNDS: [&str; 7] = ["type", "const", "enum", "$ref", "anyOf", "oneOf", "allOf"];
    let takes_all = |schema: &Json| match schema {
        Json::Object(object) => !BOUNDS.iter().any(|name| object.contains_key(*name)),
        schema => schema == true,
    };
    schemas.iter().any(|schema| is(schema, "integer") || listed(schema))
        && !schemas.iter().any(|schema| is(schema, "number") || takes_all(schema))
}

/// A number that is whole but not written so, as digits.
fn whole(number: &str) -> Option<String> {
    if number != "-0" && !number.contains(['.', 'e', 'E']) {
        return None;
    }
    let (sign, digits) = match number.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", number),
    };
    let (mantissa, exponent) = match digits.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
        None => (digits, 0),
    };
    let (before, after) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{before}{after}");
    let kept = digits.trim_end_matches('0');
    if kept.is_empty() {
        return Some("0".into());
    }
    let zeros = exponent.checked_sub(after.len() as i64)?.checked_add((digits.len() - kept.len()) as i64)?;
    let zeros = usize::try_from(zeros).ok().filter(|&zeros| zeros <= 20)?;
    let kept = kept.trim_start_matches('0');
    (kept.len() + zeros <= 20).then(|| format!("{sign}{kept}{}", "0".repeat(zeros)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn whole_numbers_are_written_without_a_fraction() {
        let integer = json!({"type": ["integer", "null"]});
        for (number, expected) in [
            ("1.0", "1"),
            ("-0", "0"),
            ("-0.0", "0"),
            ("10e-1", "1"),
            ("1.5e1", "15"),
            ("-2E+2", "-200"),
            ("9007199254740993.000", "9007199254740993"),
            ("0.00100e3", "1"),
        ] {
            assert_eq!(with_whole_numbers(number, &integer).as_deref(), Some(expected), "{number}");
            assert_eq!(with_whole_numbers(number, &json!({"type": "number"})), None, "{number}");
        }
        for number in ["1", "1.5", "1e-1", "1e300", "0.1", "9007199254740993.5", "1e99999999999999999999"] {
            assert_eq!(with_whole_numbers(number, &integer), None, "{number}");
        }
    }

    #[test]
    fn only_integers_are_touched() {
        let schema = json!({
            "properties": {
                "n": {"$ref": "#/$defs/N"},
                "any": true,
                "free": {"type": "object"},
                "either": {"anyOf": [{"$ref": "#/$defs/N"}, {"type": "number"}]},
                "list": {"prefixItems": [{"type": "number"}], "items": {"type": "integer"}},
                "map": {"patternProperties": {"^x": {"type": "integer"}}, "additionalProperties": false},
                "round": {"$ref": "#/$defs/Round"},
            },
            "$defs": {
                "N": {"oneOf": [{"type": "integer"}, {"type": "null"}]},
                "Round": {"properties": {"next": {"$ref": "#/$defs/Round"}, "n": {"const": 1}}},
            },
        });
        let json = r#"{ "n" : 1.0 , "any":[1.0,{"n":-0.0}],"free":{"n":2.0},"either":3.0,"list":[1.0,2.0, 25e-1,3.0],
            "map":{"x":1.0},"\u006e":4.0,"round":{"next":{"n":1.0,"m":1.0}},"text":"1.0 \" 2.0\\","no":[],"t":true}"#;
        let expected = r#"{ "n" : 1 , "any":[1.0,{"n":-0.0}],"free":{"n":2.0},"either":3.0,"list":[1.0,2, 25e-1,3],
            "map":{"x":1},"\u006e":4,"round":{"next":{"n":1,"m":1.0}},"text":"1.0 \" 2.0\\","no":[],"t":true}"#;
        assert_eq!(with_whole_numbers(json, &schema).as_deref(), Some(expected));
    }
}
