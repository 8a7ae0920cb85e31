//! `GET /@openapi.json`: everything the application offers, as OpenAPI 3.1.
//!
//! The document is made from the models' shapes and from nothing else, so it is complete by construction and cannot go
//! stale. It says no more than what the pipeline keeps: a request that fits it is accepted, one that does not is refused.

mod errors;
mod example;
mod methods;
mod operations;
mod pages;
mod parameters;
mod procedures;
mod replies;
mod transaction;

use serde_json::{Map, Value as Json, json};

use crate::doors::schemas::{Schemas, names};
use crate::model::Shape;
use crate::registry::Registry;

pub use pages::{Component, Page};

/// What the document says of the application as a whole.
#[derive(Clone, Debug)]
pub struct About {
    /// The application's name.
    pub title: String,
    /// The application's version.
    pub version: String,
    /// What it is for, in Markdown.
    pub description: Option<String>,
    /// Where it can be reached. Without any, it is where the document came from.
    pub servers: Vec<String>,
    /// Routes beside those of the models and of the framework itself.
    pub pages: Vec<Page>,
}

impl Default for About {
    fn default() -> Self {
        About {
            title: "API".into(),
            version: "0.0.0".into(),
            description: None,
            servers: Vec::new(),
            pages: Vec::new(),
        }
    }
}

/// The OpenAPI document of an application.
///
/// ```
/// use modeller::doors::openapi::{About, document};
/// use modeller::registry::Registry;
///
/// let document = document(&Registry::default(), &About { title: "Shop".into(), ..About::default() });
/// assert_eq!(document["info"]["title"], "Shop");
/// ```
pub fn document(registry: &Registry, about: &About) -> Json {
    let models = registry.models();
    let mounts = registry.mounts();
    let mut schemas = Schemas::new();
    let mut shared = operations::Components {
        parameters: names::Shared::new("parameters"),
        responses: names::Shared::new("responses"),
    };
    let mut ids = names::Names::default();
    let mut paths = Map::new();
    let mut tags = Vec::new();
    let components: Vec<_> = schemas.add_models(models);
    let mut described = Vec::new();
    for (shape, names) in models.iter().copied().zip(&components) {
        let mut tag = Map::from_iter([("name".to_owned(), shape.path.as_str().into())]);
        if let Some(description) = shape.schema.get("description").and_then(Json::as_str) {
            tag.insert("description".into(), description.into());
        }
        tags.push(Json::Object(tag));
        let referred = is_referred_to(shape, models);
        let called = methods::of(shape, names, registry, &mut schemas);
        let mounted = mounts.iter().filter(|mount| std::ptr::eq(mount.shape, shape));
        let places = std::iter::once(shape.path.as_str()).chain(mounted.map(|mount| mount.path.as_str()));
        for place in places {
            operations::add(shape, place, names, referred, &mut shared, &mut ids, &mut paths);
            called.iter().for_each(|called| called.add(shape, place, &mut shared, &mut ids, &mut paths));
        }
        described.push((shape, names, referred));
    }
    transaction::add(&described, &mut shared, &mut ids, &mut paths, &mut tags);
    if !described.is_empty() {
        procedures::add(&mut shared, &mut ids, &mut paths, &mut tags);
    }
    pages::add(&about.pages, &mut schemas, &mut shared, &mut ids, &mut paths, &mut tags);
    let mut info = Map::from_iter([
        ("title".to_owned(), about.title.as_str().into()),
        ("version".to_owned(), about.version.as_str().into()),
    ]);
    let description = match &about.description {
        Some(text) => format!("{text}\n\n{GENERAL}"),
        None => GENERAL.to_owned(),
    };
    info.insert("description".into(), description.into());
    let servers: Vec<Json> = match about.servers.as_slice() {
        [] => vec![json!({ "url": "/" })],
        urls => urls.iter().map(|url| json!({ "url": url })).collect(),
    };
    let paths = Json::Object(paths);
    let parameters = Json::Object(shared.parameters.into_components());
    let responses = Json::Object(shared.responses.into_components());
    let schemas = schemas.into_components(&[&paths, &parameters, &responses]);
    json!({
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": info,
        "servers": servers,
        "tags": tags,
        "paths": paths,
        "components": { "schemas": schemas, "parameters": parameters, "responses": responses },
    })
}

/// Whether documents of other models, or of this one, may point at its documents.
fn is_referred_to(shape: &Shape, models: &[&'static Shape]) -> bool {
    let mut columns = models.iter().flat_map(|model| &model.columns);
    columns.any(|column| column.references.as_ref().is_some_and(|target| target.model == shape.path))
}

/// What holds for every route.
const GENERAL: &str = "Every answer is JSON. Every error is an object with a `code` to branch on. Another HTTP method on \
a route gives 405 `METHOD_NOT_ALLOWED` with an `Allow` header, an unknown route 404 `ROUTE_NOT_FOUND`. A 5xx other than \
503 is a fault of the server.";

#[cfg(test)]
mod tests;
