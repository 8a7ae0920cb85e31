//! Models as JSON Schemas: what their operations take and answer, and the definitions that these share. It is the same in every
//! description of the application.

pub(crate) mod aggregates;
pub(crate) mod arguments;
pub(crate) mod called;
#[cfg(feature = "live")]
pub(crate) mod catalog;
#[cfg(feature = "live")]
pub(crate) mod channels;
pub(crate) mod errors;
pub(crate) mod filter;
#[cfg(feature = "live")]
pub(crate) mod live;
pub(crate) mod names;
pub(crate) mod relations;
pub(crate) mod replies;
#[cfg(feature = "live")]
pub(crate) mod rules;
pub(crate) mod search;
pub(crate) mod steps;
pub(crate) mod walk;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json, json};

use crate::model::{self, Relation, Shape, View};
use crate::registry::relations_of;
use names::{Names, component, pascal};

/// What is added to a model's name, one component each.
const FAMILY: &[&str] =
    &["", "Partial", "Insert", "Patch", "Update", "Filter", "Which", "Sort", "Aggregates", "With", "Loaded"];

/// Keywords of our own. OpenAPI wants an `x-` before such.
const OURS: &[&str] = &["errorMessage", "generated", "model", "private", "unique"];

/// The names of one model's components.
pub(crate) struct ModelSchemas {
    base: String,
    related: Vec<Related>,
}

/// A relation that callers may know of, and the name of the other model's components.
pub(crate) struct Related {
    pub(crate) relation: Relation,
    pub(crate) base: String,
}

impl ModelSchemas {
    /// What the names begin with.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// The relations that callers may know of.
    pub(crate) fn related(&self) -> &[Related] {
        &self.related
    }

    /// A document as it is answered.
    pub(crate) fn document(&self) -> Json {
        reference(&self.base)
    }

    /// A document of which only some fields were asked for.
    pub(crate) fn partial(&self) -> Json {
        reference(&format!("{}Partial", self.base))
    }

    /// A document with related ones, if there can be some.
    pub(crate) fn loaded(&self) -> Option<Json> {
        (!self.related.is_empty()).then(|| reference(&format!("{}Loaded", self.base)))
    }

    /// What an insert takes.
    pub(crate) fn insert(&self) -> Json {
        reference(&format!("{}Insert", self.base))
    }

    /// What an update takes.
    pub(crate) fn update(&self) -> Json {
        reference(&format!("{}Update", self.base))
    }

    /// A filter, the empty one included.
    pub(crate) fn filter(&self) -> Json {
        reference(&format!("{}Filter", self.base))
    }

    /// Sort keys.
    pub(crate) fn sort(&self) -> Json {
        reference(&format!("{}Sort", self.base))
    }

    /// Figures by name.
    pub(crate) fn aggregates(&self) -> Json {
        reference(&format!("{}Aggregates", self.base))
    }

    /// A filter that leaves documents out.
    pub(crate) fn which(&self) -> Json {
        reference(&format!("{}Which", self.base))
    }
}

/// A `$ref` to a component schema.
pub(crate) fn reference(name: &str) -> Json {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// An object with these members and no others.
#[cfg(feature = "live")]
pub(crate) fn object<'a>(members: impl IntoIterator<Item = (&'a str, Json)>, required: &[&str]) -> Json {
    let properties: Map<String, Json> =
        members.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect();
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

/// The component schemas so far.
pub(crate) struct Schemas {
    names: Names,
    components: Map<String, Json>,
    /// Definitions by their former name and all they are made of, to the component that they became.
    known: BTreeMap<(String, String), String>,
}

impl Schemas {
    pub(crate) fn new() -> Self {
        let mut names = Names::default();
        let mut components = Map::new();
        let errors = errors::schemas().into_iter().map(|(name, schema)| (name.to_owned(), schema));
        for (name, schema) in errors.chain(filter::shared_schemas()) {
            names.claim(&name);
            components.insert(name, schema);
        }
        Schemas { names, components, known: BTreeMap::new() }
    }

    /// Adds all models; their names in the order given.
    pub(crate) fn add_models(&mut self, models: &[&'static Shape]) -> Vec<ModelSchemas> {
        // All models get their names before any definition does, so that a definition never takes one away.
        let bases: Vec<String> = models.iter().map(|shape| self.base(shape, models)).collect();
        let relations = relations_of(models);
        let related = |shape: &Shape| {
            let all = relations.get(shape.path.as_str()).into_iter().flatten();
            let known = all.filter(|relation| !relation.is_private());
            let with_base = |relation: &Relation| {
                let at = models.iter().position(|model| std::ptr::eq(*model, relation.to))?;
                Some(Related { relation: relation.clone(), base: bases[at].clone() })
            };
            known.filter_map(with_base).collect::<Vec<_>>()
        };
        let schemas: Vec<ModelSchemas> = models
            .iter()
            .zip(&bases)
            .map(|(shape, base)| ModelSchemas { base: base.clone(), related: related(shape) })
            .collect();
        for (shape, names) in models.iter().zip(&schemas) {
            self.add_model(shape, names);
        }
        schemas
    }

    fn base(&mut self, shape: &Shape, models: &[&'static Shape]) -> String {
        let short = pascal(shape.descriptor.name);
        let long = format!("{}{short}", pascal(shape.descriptor.scope));
        let alone = models.iter().filter(|other| pascal(other.descriptor.name) == short).count() == 1;
        let candidates = if alone { vec![short, long] } else { vec![long] };
        self.names.claim_family(&candidates, FAMILY)
    }

    fn add_model(&mut self, shape: &Shape, names: &ModelSchemas) {
        let base = names.base.as_str();
        let answer = model::doc_schema(shape, &View::Public);
        let mut partial = answer.clone();
        partial["required"] = json!(["_id"]);
        partial["description"] = "Those fields of the document that were asked for.".into();
        if !shape.searchable.is_empty() {
            search::add_to_document(&mut partial);
        }
        let mut patch = model::patch_schema(shape);
        // A key can't change.
        if let (Some(key), Some(properties)) =
            (shape.key, patch.get_mut("properties").and_then(Json::as_object_mut))
        {
            properties.shift_remove(&shape.columns[key].name);
        }
        let mut update = json!({
            "description": "New values for some fields, or an operator on what is stored. Both, and several operators, may stand \
                            side by side, as long as each place is changed once; paths with dots lead into JSON.",
            "anyOf": model::operator_schemas(shape),
        });
        if let Some(definitions) = shape.schema.get("$defs") {
            update["$defs"] = definitions.clone();
        }
        if let Some(forms) = update["anyOf"].as_array_mut() {
            forms.insert(0, reference(&format!("{base}Patch")));
        }
        for (suffix, mut schema) in [
            ("", answer),
            ("Partial", partial),
            ("Insert", shape.schema.clone()),
            ("Patch", patch),
            ("Update", update),
        ] {
            without_nul(&mut schema);
            let mut schema = self.hoist(schema);
            if let Json::Object(root) = &mut schema {
                root.insert("title".into(), format!("{base}{suffix}").into());
            }
            self.components.insert(format!("{base}{suffix}"), schema);
        }
        if !names.related.is_empty() {
            let mut loaded = self.components[&format!("{base}Partial")].clone();
            relations::add_to_answer(names, &mut loaded);
            self.components.insert(format!("{base}Loaded"), loaded);
        }
        let sort = ("Sort", arguments::sort(shape));
        let figures = ("Aggregates", aggregates::figures(shape));
        let with = relations::with_schema(shape, names.related()).map(|schema| ("With", schema));
        let own = filter::model_schemas(shape, base, names.related()).into_iter().chain([sort, figures]);
        for (suffix, schema) in own.chain(with) {
            self.components.insert(format!("{base}{suffix}"), schema);
        }
    }

    /// Adds a payload, by this name unless another one has it; its schema with the definitions in the components.
    pub(crate) fn add_payload(&mut self, wanted: &str, mut schema: Json) -> (Json, Json) {
        without_nul(&mut schema);
        self.add_schema(wanted, schema)
    }

    /// Adds any other schema: a reference to it, and the schema as it is there.
    pub(crate) fn add_schema(&mut self, wanted: &str, schema: Json) -> (Json, Json) {
        let name = self.names.claim(&component(wanted));
        let schema = self.hoist(schema);
        self.components.insert(name.clone(), schema.clone());
        (reference(&name), schema)
    }

    /// The schema that a reference leads to.
    #[cfg(feature = "socketio")]
    fn resolved(&self, reference: &Json) -> Json {
        let target =
            reference["$ref"].as_str().and_then(|target| target.strip_prefix("#/components/schemas/"));
        target.and_then(|name| self.components.get(name)).cloned().unwrap_or(Json::Bool(true))
    }

    /// The schema with its definitions moved to the components, and our keywords marked as ours.
    fn hoist(&mut self, mut schema: Json) -> Json {
        let definitions = match schema.as_object_mut().and_then(|root| root.shift_remove("$defs")) {
            Some(Json::Object(definitions)) => definitions,
            _ => Map::new(),
        };
        let mut renamed = BTreeMap::new();
        let mut new = Vec::new();
        for (name, definition) in &definitions {
            let made_of = closure(name, &definitions);
            let key = (name.clone(), made_of);
            if let Some(known) = self.known.get(&key) {
                renamed.insert(name.clone(), known.clone());
                continue;
            }
            let unique = self.names.claim(&component(name));
            self.known.insert(key, unique.clone());
            renamed.insert(name.clone(), unique.clone());
            new.push((unique, definition.clone()));
        }
        for (name, mut definition) in new {
            rewrite(&mut definition, &renamed);
            self.components.insert(name, definition);
        }
        rewrite(&mut schema, &renamed);
        schema
    }

    /// The components that something refers to, in the end from `roots`.
    pub(crate) fn into_components(self, roots: &[&Json]) -> Map<String, Json> {
        let mut used = BTreeSet::new();
        let mut open = Vec::new();
        roots.iter().for_each(|root| walk::references(root, &mut open));
        while let Some(target) = open.pop() {
            let Some(name) = target.strip_prefix("#/components/schemas/") else { continue };
            if used.insert(name.to_owned())
                && let Some(schema) = self.components.get(name)
            {
                walk::references(schema, &mut open);
            }
        }
        self.components.into_iter().filter(|(name, _)| used.contains(name)).collect()
    }
}

/// Says of texts, and of the names of free members, that they have no NUL characters: JSON with such is refused.
fn without_nul(schema: &mut Json) {
    walk::each(schema, &mut |object| {
        let is_text = match object.get("type") {
            Some(Json::String(kind)) => kind == "string",
            Some(Json::Array(kinds)) => kinds.iter().any(|kind| kind == "string"),
            _ => false,
        };
        let is_narrow =
            ["const", "enum", "format", "pattern"].iter().any(|keyword| object.contains_key(*keyword));
        if is_text && !is_narrow {
            object.insert("pattern".into(), filter::NO_NUL.into());
        }
        let is_map = object.get("additionalProperties").is_some_and(|more| *more != Json::Bool(false));
        if is_map && !object.contains_key("propertyNames") {
            object.insert("propertyNames".into(), json!({ "pattern": filter::NO_NUL }));
        }
    });
}

/// A definition and all it leads to, as text: two definitions with the same text mean the same.
fn closure(name: &str, definitions: &Map<String, Json>) -> String {
    let mut all = BTreeMap::new();
    let mut open = vec![name.to_owned()];
    while let Some(name) = open.pop() {
        if let Some(definition) = definitions.get(&name)
            && !all.contains_key(&name)
        {
            open.extend(walk::definitions_used(definition));
            all.insert(name, definition.to_string());
        }
    }
    format!("{all:?}")
}

fn rewrite(schema: &mut Json, renamed: &BTreeMap<String, String>) {
    walk::each(schema, &mut |object| {
        object.shift_remove("$schema");
        let target = object
            .get("$ref")
            .and_then(Json::as_str)
            .and_then(walk::definition_name)
            .and_then(|name| renamed.get(&name));
        if let Some(target) = target {
            let target = format!("#/components/schemas/{target}");
            object.insert("$ref".into(), target.into());
        }
        // Where a value is made for those who give none, serde's default never comes to light.
        if object.contains_key("generated") {
            object.shift_remove("default");
        }
        for keyword in OURS {
            if let Some(value) = object.shift_remove(*keyword) {
                object.insert(format!("x-{keyword}"), value);
            }
        }
    });
}
