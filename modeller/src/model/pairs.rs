//! A payload in a URL: `field=value` pairs, typed by the payload's schema.

use serde_json::Value as Json;

use super::kinds::target;
use super::{Code, Error, PayloadShape, Result, check_json};

/// The name under which a whole payload stands in a URL, as JSON.
const WHOLE: &str = "payload";

impl PayloadShape {
    /// The JSON of a payload that came as names and values: each value is what its field's schema says it is. A name may come
    /// several times if its field is a list. `payload=<json>` is the whole payload, unless it has a field of that name.
    ///
    /// Whether the payload fits is for [`accept`](PayloadShape::accept) to say.
    ///
    /// # Errors
    /// `INVALID_QUERY` for a name that comes twice; `PARSE_ERROR` for a list or an object that is no JSON.
    pub fn from_pairs(&self, pairs: &[(String, String)]) -> Result<Vec<u8>> {
        if let Some((_, json)) =
            pairs.iter().find(|(name, _)| name == WHOLE && self.names().all(|one| one != WHOLE))
        {
            return match pairs {
                [_] => check_json(json.as_bytes()).map(|_| json.as_bytes().to_vec()),
                _ => Err(Error::new(
                    Code::InvalidQuery,
                    "`payload` is the whole payload: no other names can stand beside it",
                )),
            };
        }
        let mut out = vec![b'{'];
        for (index, (name, value)) in pairs.iter().enumerate() {
            if pairs[..index].iter().any(|(other, _)| other == name) {
                continue;
            }
            if out.len() > 1 {
                out.push(b',');
            }
            quote(name, &mut out);
            out.push(b':');
            let types = self.types_of(name);
            let others: Vec<&str> = pairs[index + 1..]
                .iter()
                .filter(|(other, _)| other == name)
                .map(|(_, value)| value.as_str())
                .collect();
            let written = match (others.as_slice(), types.items) {
                ([], _) => write(value, &types, &self.schema, &mut out),
                (others, Some(items)) => {
                    let values = std::iter::once(value.as_str()).chain(others.iter().copied());
                    list(values, items, &self.schema, &mut out)
                }
                (_, None) => {
                    return Err(
                        Error::new(Code::InvalidQuery, format!("`{name}` is given twice")).with_field(name)
                    );
                }
            };
            written.map_err(|error| error.with_field(name))?;
        }
        out.push(b'}');
        Ok(out)
    }

    fn types_of(&self, name: &str) -> Types<'_> {
        let mut types = Types::default();
        match self.schema.get("properties").and_then(|all| all.get(name)) {
            Some(property) => types.look(property, &self.schema, 0),
            None => types.any = true,
        }
        types
    }
}

/// What a field may be.
#[derive(Default)]
struct Types<'a> {
    any: bool,
    null: bool,
    boolean: bool,
    number: bool,
    string: bool,
    object: bool,
    /// A list, of these.
    items: Option<&'a Json>,
}

impl<'a> Types<'a> {
    fn look(&mut self, schema: &'a Json, root: &'a Json, depth: usize) {
        let Some(object) = schema.as_object().filter(|_| depth < 16) else {
            self.any = true;
            return;
        };
        if let Some(target) = object.get("$ref").and_then(Json::as_str).and_then(|name| target(name, root)) {
            return self.look(target, root, depth + 1);
        }
        let unions = ["anyOf", "oneOf", "allOf"].iter().filter_map(|union| object.get(*union)?.as_array());
        let mut is_union = false;
        for branch in unions.flatten() {
            is_union = true;
            self.look(branch, root, depth + 1);
        }
        let values = object.get("enum").and_then(Json::as_array).into_iter().flatten();
        match object.get("type") {
            Some(Json::String(name)) => self.add(name, object.get("items")),
            Some(Json::Array(names)) => {
                names.iter().filter_map(Json::as_str).for_each(|name| self.add(name, object.get("items")));
            }
            _ if is_union => {}
            _ => {
                let mut known = false;
                for value in values.chain(object.get("const")) {
                    known = true;
                    match value {
                        Json::Null => self.null = true,
                        Json::Bool(_) => self.boolean = true,
                        Json::Number(_) => self.number = true,
                        Json::String(_) => self.string = true,
                        Json::Array(_) | Json::Object(_) => self.object = true,
                    }
                }
                self.any |= !known;
            }
        }
    }

    fn add(&mut self, name: &str, items: Option<&'a Json>) {
        match name {
            "null" => self.null = true,
            "boolean" => self.boolean = true,
            "integer" | "number" => self.number = true,
            "string" => self.string = true,
            "array" => self.items = Some(items.unwrap_or(&Json::Bool(true))),
            _ => self.object = true,
        }
    }
}

/// Appends a value as JSON. What is none of what the field may be is left a text, so that the schema refuses it.
fn write(text: &str, types: &Types<'_>, root: &Json, out: &mut Vec<u8>) -> Result<()> {
    let is_number = || {
        text.starts_with(|first: char| first == '-' || first.is_ascii_digit())
            && check_json(text.as_bytes()).is_ok()
    };
    let is_raw = (types.any && check_json(text.as_bytes()).is_ok())
        || (types.boolean && matches!(text, "true" | "false"))
        || (types.number && is_number())
        || (types.null && !types.string && text == "null");
    let opens = |bracket: char| text.trim_start().starts_with(bracket);
    if is_raw {
        out.extend_from_slice(text.as_bytes());
    } else if types.string || types.any {
        quote(text, out);
    } else if (types.object && opens('{')) || (types.items.is_some() && opens('[')) {
        out.extend_from_slice(check_json(text.as_bytes())?.as_bytes());
    } else if let Some(items) = types.items {
        list(std::iter::once(text), items, root, out)?;
    } else {
        quote(text, out);
    }
    Ok(())
}

fn list<'t>(
    values: impl Iterator<Item = &'t str>,
    items: &Json,
    root: &Json,
    out: &mut Vec<u8>,
) -> Result<()> {
    let mut types = Types::default();
    types.look(items, root, 0);
    out.push(b'[');
    for (index, value) in values.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(value, &types, root, out)?;
    }
    out.push(b']');
    Ok(())
}

/// Appends a text in quotes.
fn quote(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(Json::from(text).to_string().as_bytes());
}
