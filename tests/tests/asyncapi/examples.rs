//! Makes examples of schemas: not every schema, but those of the document.

use serde_json::{Map, Value as Json, json};

/// Texts that may fit a pattern, a format or a length.
const TEXTS: &[&str] =
    &["room:1", "k", "7", "2026-01-31T12:00:00Z", "ada@example.org", "a longer text", "app.paid"];

pub struct Maker<'a> {
    document: &'a Json,
    seed: u64,
}

impl<'a> Maker<'a> {
    pub fn new(document: &'a Json, seed: u64) -> Self {
        Maker { document, seed }
    }

    /// A number below this one.
    fn below(&mut self, end: usize) -> usize {
        // Knuth's MMIX generator: the same examples each time.
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.seed >> 33) as usize % end.max(1)
    }

    fn one<'b>(&mut self, of: &'b [Json]) -> Option<&'b Json> {
        let at = self.below(of.len());
        of.get(at)
    }

    /// Something that may fit; who needs to know asks a validator.
    pub fn make(&mut self, schema: &Json, depth: usize) -> Option<Json> {
        let Some(object) = schema.as_object() else {
            return (*schema == Json::Bool(true)).then(|| json!({ "a": 1 }));
        };
        if depth > 12 {
            return None;
        }
        if let Some(target) = object.get("$ref").and_then(Json::as_str) {
            let target = self.document.pointer(target.strip_prefix('#')?)?;
            return self.make(target, depth + 1);
        }
        if let Some(constant) = object.get("const") {
            return Some(constant.clone());
        }
        for choices in ["enum", "examples"] {
            if let Some(choices) = object.get(choices).and_then(Json::as_array) {
                return self.one(choices).cloned();
            }
        }
        // Forms beside properties only say which of them go together.
        for union in ["oneOf", "anyOf"].into_iter().filter(|_| !object.contains_key("properties")) {
            if let Some(forms) = object.get(union).and_then(Json::as_array) {
                // Behind the first few steps, the simplest form.
                let form = if depth > 6 { forms.first() } else { self.one(forms) }?;
                return self.make(form, depth + 1);
            }
        }
        let kind = match object.get("type") {
            Some(Json::String(kind)) => kind.clone(),
            Some(Json::Array(kinds)) => self.one(kinds)?.as_str()?.to_owned(),
            _ => match object.get("allOf").and_then(Json::as_array) {
                Some(all) => return self.make(all.first()?, depth + 1),
                None => "string".to_owned(),
            },
        };
        match kind.as_str() {
            "object" => self.object(object, depth),
            "array" => self.array(object, depth),
            "string" => self.text(object),
            "integer" => {
                let bound = |name: &str| object.get(name).and_then(Json::as_i64);
                let number = 1 + self.below(3) as i64;
                Some(
                    number
                        .max(bound("minimum").unwrap_or(i64::MIN))
                        .min(bound("maximum").unwrap_or(i64::MAX))
                        .into(),
                )
            }
            "number" => Some(json!(self.below(90) as f64 / 2.0)),
            "boolean" => Some((self.below(2) == 1).into()),
            _ => Some(Json::Null),
        }
    }

    fn object(&mut self, schema: &Map<String, Json>, depth: usize) -> Option<Json> {
        let required: Vec<&str> = schema
            .get("required")
            .and_then(Json::as_array)
            .into_iter()
            .flatten()
            .filter_map(Json::as_str)
            .collect();
        let fewest = schema.get("minProperties").and_then(Json::as_u64).unwrap_or(0) as usize;
        let mut members = Map::new();
        let properties: Vec<(&String, &Json)> =
            schema.get("properties").and_then(Json::as_object).into_iter().flatten().collect();
        // Fewer the deeper it goes, and of many not all.
        let odds = (2 + depth).max(properties.len() / 2);
        for (name, property) in &properties {
            let is_required = required.contains(&name.as_str());
            if !is_required && self.below(odds) > 0 {
                continue;
            }
            match self.make(property, depth + 1) {
                Some(value) => drop(members.insert((*name).clone(), value)),
                None if is_required => return None,
                None => {}
            }
        }
        while members.len() < fewest && !properties.is_empty() {
            let (name, property) = properties[self.below(properties.len())];
            members.insert(name.clone(), self.make(property, depth + 1)?);
        }
        if let Some(more) = schema.get("additionalProperties").filter(|more| more.is_object())
            && members.len() < fewest.max(1)
            && let Some(value) = self.make(more, depth + 1)
        {
            members.insert("figure".into(), value);
        }
        Some(members.into())
    }

    fn array(&mut self, schema: &Map<String, Json>, depth: usize) -> Option<Json> {
        let items = match schema.get("items") {
            Some(Json::Array(all)) => return all.iter().map(|one| self.make(one, depth + 1)).collect(),
            Some(items) => items,
            None => return Some(json!([])),
        };
        let fewest = schema.get("minItems").and_then(Json::as_u64).unwrap_or(0) as usize;
        let count = fewest + self.below(2);
        let mut all: Vec<Json> = Vec::new();
        for _ in 0..count {
            let one = self.make(items, depth + 1)?;
            if !all.contains(&one) {
                all.push(one);
            }
        }
        Some(all.into())
    }

    fn text(&mut self, schema: &Map<String, Json>) -> Option<Json> {
        let mut schema = schema.clone();
        schema.retain(|keyword, _| {
            ["type", "format", "pattern", "minLength", "maxLength"].contains(&keyword.as_str())
        });
        schema.insert("type".into(), "string".into());
        let validator = jsonschema::options()
            .with_draft(jsonschema::Draft::Draft7)
            .should_validate_formats(true)
            .build(&schema.into())
            .unwrap();
        let start = self.below(TEXTS.len());
        let mut texts = TEXTS.iter().cycle().skip(start).take(TEXTS.len()).map(|text| json!(text));
        texts.find(|text| validator.is_valid(text))
    }
}
