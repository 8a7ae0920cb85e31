//! Routes that are not a model's: the framework's own, and those the application adds.

use serde_json::{Map, Value as Json, json};

use super::names::Names;
use super::schemas::reference;

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
        }
    }
}

/// Adds the application's pages and the framework's.
pub(super) fn add(pages: &[Page], ids: &mut Names, paths: &mut Map<String, Json>, tags: &mut Vec<Json>) {
    if !pages.is_empty() {
        tags.push(json!({ "name": "routes", "description": "Routes of the application." }));
    }
    for page in pages {
        // What an application's own handler can answer is not known here.
        let failure = json!({
            "description": "What went wrong.",
            "content": { "application/json": { "schema": reference("Error") } },
        });
        insert(page, "routes", &[("default", failure)], ids, paths);
    }
    tags.push(json!({ "name": "server", "description": "What the server says about itself." }));
    for page in own() {
        let down = page.path == "/@health";
        let failure = json!({ "description": "It can't do its work.", "content": { "application/json": { "schema": true } } });
        let more = [("503", failure)];
        insert(&page, "server", if down { &more } else { &[] }, ids, paths);
    }
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
        docs,
        object("Whether the server is well", "/@health"),
    ]
}

fn insert(page: &Page, tag: &str, more: &[(&str, Json)], ids: &mut Names, paths: &mut Map<String, Json>) {
    let (path, names) = template(&page.path);
    let mut answer = Map::new();
    if let Some(schema) = &page.schema {
        answer.insert("schema".into(), schema.clone());
    }
    let mut responses = Map::new();
    let content = Map::from_iter([(page.answers.clone(), Json::Object(answer))]);
    responses.insert("200".into(), json!({ "description": page.summary, "content": content }));
    for (status, response) in more {
        responses.insert((*status).to_owned(), response.clone());
    }
    let wanted: String = format!("{}_{}", page.method.to_ascii_lowercase(), page.path)
        .chars()
        .map(|character| if character.is_ascii_alphanumeric() { character } else { '_' })
        .collect();
    let words: Vec<&str> = wanted.split('_').filter(|word| !word.is_empty()).collect();
    let mut described = json!({
        "operationId": ids.claim(&words.join("_")),
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
