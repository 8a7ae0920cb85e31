//! Routes that are not a model's: the framework's own, and those the application adds.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value as Json, json};

use super::operations::{Components, too_large_head};
use super::{errors, replies};
use crate::doors::schemas::names::Names;
use crate::doors::schemas::{Schemas, reference};
use crate::model::{Code, rooted};

/// A route beside those of the models.
#[derive(Clone, Debug)]
pub struct Page {
    /// The HTTP method, in upper case.
    pub method: String,
    /// The path; `{name}` stands for one segment, `{*name}` for the rest.
    pub path: String,
    /// What it does, in a few words.
    pub summary: String,
    /// What else there is to say, in Markdown.
    pub description: Option<String>,
    /// The content type of its answer.
    pub answers: String,
    /// The JSON Schema of its answer.
    pub schema: Option<Json>,
    /// Its `operationId`; unless set it is made of the method and the path.
    pub id: Option<String>,
    /// The group that it belongs to; unless set that of the application's routes.
    pub tag: Option<String>,
    /// What it takes as its body: JSON. Then it answers with [`replies`](Page::replies), or with one of the [`codes`](Page::codes).
    pub takes: Option<Component>,
    /// What it answers, as a schema with a name.
    pub replies: Option<Component>,
    /// The errors that it can give, beside those of the application's own.
    pub codes: Vec<Code>,
}

/// A schema that has a name in the document.
#[derive(Clone, Debug)]
pub struct Component {
    /// The name, unless another schema has it.
    pub name: String,
    /// The JSON Schema.
    pub schema: Json,
}

impl Component {
    /// What a type looks like that is read from JSON.
    pub fn read<T: JsonSchema>(name: &str) -> Self {
        let generator = SchemaSettings::draft2020_12().for_deserialize().into_generator();
        Component { name: name.to_owned(), schema: rooted(generator, SchemaGenerator::subschema_for::<T>) }
    }

    /// What a type looks like that is written as JSON.
    pub fn written<T: JsonSchema>(name: &str) -> Self {
        let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
        Component { name: name.to_owned(), schema: rooted(generator, SchemaGenerator::subschema_for::<T>) }
    }
}

impl Page {
    /// A route that answers JSON.
    pub fn new(method: &str, path: &str, summary: &str) -> Self {
        Page {
            method: method.to_ascii_uppercase(),
            path: path.to_owned(),
            summary: summary.to_owned(),
            description: None,
            answers: "application/json".into(),
            schema: None,
            id: None,
            tag: None,
            takes: None,
            replies: None,
            codes: Vec::new(),
        }
    }
}

/// Adds the application's pages and the framework's.
pub(super) fn add(
    pages: &[Page],
    schemas: &mut Schemas,
    shared: &mut Components,
    ids: &mut Names,
    paths: &mut Map<String, Json>,
    tags: &mut Vec<Json>,
) {
    let (grouped, routes): (Vec<&Page>, Vec<&Page>) = pages.iter().partition(|page| page.tag.is_some());
    for page in grouped {
        let tag = page.tag.as_deref().unwrap_or_default();
        if !tags.iter().any(|known| known["name"] == tag) {
            tags.push(json!({ "name": tag }));
        }
        insert(page, tag, &described_answers(page, schemas, shared), ids, paths);
        if let Some(takes) = &page.takes {
            let (schema, _) = schemas.add_payload(&takes.name, takes.schema.clone());
            let body = json!({ "required": true, "content": { "application/json": { "schema": schema } } });
            paths[&template(&page.path).0][page.method.to_ascii_lowercase()]["requestBody"] = body;
        }
    }
    if !routes.is_empty() {
        tags.push(json!({ "name": "routes", "description": "Routes of the application." }));
    }
    for page in routes {
        // What an application's own handler can answer is not known here.
        let failure = json!({
            "description": "What went wrong.",
            "content": { "application/json": { "schema": reference("Error") } },
        });
        insert(page, "routes", &[("default".to_owned(), failure)], ids, paths);
    }
    tags.push(json!({ "name": "server", "description": "What the server says about itself." }));
    for page in own() {
        let down = page.path == "/@health";
        let failure = json!({ "description": "It can't do its work.", "content": { "application/json": { "schema": true } } });
        let more = [("503".to_owned(), failure)];
        insert(&page, "server", if down { &more } else { &[] }, ids, paths);
    }
}

/// What a page answers of which all is known.
fn described_answers(page: &Page, schemas: &mut Schemas, shared: &mut Components) -> Vec<(String, Json)> {
    let mut answers = vec![("431".to_owned(), too_large_head())];
    answers.extend(errors::open_responses(&page.codes, &mut shared.responses));
    if let Some(answer) = &page.replies {
        let (schema, _) = schemas.add_schema(&answer.name, answer.schema.clone());
        answers.push(("200".to_owned(), replies::reply(&page.summary, schema)));
    }
    answers
}

fn own() -> Vec<Page> {
    let object = |summary: &str, path: &str| {
        let mut page = Page::new("GET", path, summary);
        page.schema = Some(json!({ "type": "object" }));
        page
    };
    let mut docs = Page::new("GET", "/@docs", "This reference as a page");
    docs.answers = "text/html".into();
    docs.schema = Some(json!({ "type": "string" }));
    vec![
        object("All models, their operations and fields", "/@metadata"),
        object("This document", "/@openapi.json"),
        #[cfg(feature = "live")]
        object("What goes over connections that stay open, as AsyncAPI 3.0", "/@asyncapi.json"),
        docs,
        object("Whether the server is well", "/@health"),
    ]
}

fn insert(page: &Page, tag: &str, more: &[(String, Json)], ids: &mut Names, paths: &mut Map<String, Json>) {
    let (path, names) = template(&page.path);
    let mut answer = Map::new();
    if let Some(schema) = &page.schema {
        answer.insert("schema".into(), schema.clone());
    }
    let mut responses = Map::new();
    let content = Map::from_iter([(page.answers.clone(), Json::Object(answer))]);
    responses.insert("200".into(), json!({ "description": page.summary, "content": content }));
    for (status, response) in more {
        responses.insert(status.clone(), response.clone());
    }
    let wanted: String = format!("{}_{}", page.method.to_ascii_lowercase(), page.path)
        .chars()
        .map(|character| if character.is_ascii_alphanumeric() { character } else { '_' })
        .collect();
    let words: Vec<&str> = wanted.split('_').filter(|word| !word.is_empty()).collect();
    let wanted = page.id.clone().unwrap_or_else(|| words.join("_"));
    let mut described = json!({
        "operationId": ids.claim(&wanted),
        "tags": [tag],
        "summary": page.summary,
    });
    if let Some(description) = &page.description {
        described["description"] = description.as_str().into();
    }
    if !names.is_empty() {
        let parameters = names.iter().map(
            |name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }),
        );
        described["parameters"] = parameters.collect();
    }
    described["responses"] = responses.into();
    let item = paths.entry(path).or_insert_with(|| json!({}));
    item[page.method.to_ascii_lowercase()] = described;
}

/// The path as OpenAPI has it, and the names of its parameters.
fn template(path: &str) -> (String, Vec<String>) {
    let mut names = Vec::new();
    let segments: Vec<String> = path
        .split('/')
        .map(|segment| {
            let inner = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
            match inner {
                Some(name) => {
                    let name = name.trim_start_matches('*');
                    names.push(name.to_owned());
                    format!("{{{name}}}")
                }
                None => segment.to_owned(),
            }
        })
        .collect();
    (segments.join("/"), names)
}
