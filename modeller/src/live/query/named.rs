//! Queries by their whole name, `scope/model/query`, and the one form that all spellings of their arguments have.

use serde_json::{Map, Value as Json, json};

use crate::engine::{Cx, Operation, asked};
use crate::model::{Code, Error, Result, Shape, nearest, shown};
use crate::registry::{BehaviourKind, Registry};

/// So much of an unknown name is repeated.
const SHOWN: usize = 200;

/// A question that can be asked again and again: a query by name (`#[modeller::query]`) or a reading operation of a model (`list`,
/// `find`, `count`, ..), with its arguments.
///
/// Two that ask the same have the same [signature](NamedQuery::signature), however their arguments were written.
///
/// ```
/// use modeller::live::NamedQuery;
/// use modeller::prelude::*;
/// use serde_json::json;
///
/// #[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
/// #[model(scope = "app", name = "notes")]
/// struct Note { text: String }
///
/// let registry = App::isolated().models::<(Note,)>().registry().unwrap();
/// let query = NamedQuery::parse(&registry, "app/notes/list", &json!({ "start": 0, "count": 3 })).unwrap();
/// assert_eq!(query.signature(), r#"app/notes/list::{"count":3,"start":0}"#);
/// ```
#[derive(Clone, Debug)]
pub struct NamedQuery {
    pub(super) shape: &'static Shape,
    pub(super) operation: Operation,
    arguments: String,
}

impl NamedQuery {
    /// The query of this name. No arguments (`null`) are an empty object; whether those that there are fit, [asking](Self::check) says.
    ///
    /// # Errors
    /// `MODEL_NOT_FOUND`; `METHOD_NOT_FOUND` if the model has no such query; `VALIDATION_ERROR` if the arguments are no object.
    pub fn parse(registry: &Registry, name: &str, arguments: &Json) -> Result<Self> {
        let (path, query) = name.rsplit_once('/').unwrap_or(("", name));
        let Some(shape) = registry.by_id(path) else { return Err(no_model(registry, name)) };
        let operation = Self::operations(shape).find(|operation| operation.name() == query).or_else(|| {
            let behaviour = registry.callable(shape, query)?;
            (behaviour.kind == BehaviourKind::Query).then_some(Operation::Invoke(behaviour))
        });
        let Some(operation) = operation else { return Err(no_query(registry, shape, query)) };
        let arguments = match arguments {
            Json::Null => "{}".to_owned(),
            Json::Object(_) => {
                let is_read = !matches!(operation, Operation::Invoke(_));
                sorted(arguments, if is_read { Part::Arguments } else { Part::Any }).to_string()
            }
            _ => {
                let message = "the arguments of a query are an object";
                return Err(Error::new(Code::ValidationError, message).with_field("args"));
            }
        };
        Ok(NamedQuery { shape, operation, arguments })
    }

    /// The operations of a model that are such questions: those that read.
    pub(crate) fn operations(shape: &Shape) -> impl Iterator<Item = Operation> + use<'_> {
        let all = Operation::ALL.iter().copied();
        all.filter(|operation| !operation.is_write() && operation.is_offered(shape))
    }

    /// Its whole name: `system/users/list`.
    pub fn name(&self) -> String {
        format!("{}/{}", self.shape.path, self.operation.name())
    }

    /// Its arguments as JSON text: the members of objects in the order of their names.
    pub fn arguments(&self) -> &str {
        &self.arguments
    }

    /// The name and the arguments: `users/profile/getProfile::{"userId":"u_123"}`.
    pub fn signature(&self) -> String {
        format!("{}::{}", self.name(), self.arguments)
    }

    /// Asks it once, to learn whether it can be asked so by this caller.
    ///
    /// # Errors
    /// What is wrong with the arguments, or with the caller. That there is no answer right now (`NOT_FOUND`, ..) is none.
    pub async fn check(&self, cx: &Cx) -> Result<()> {
        let (answer, _) = asked(cx, self.shape, self.operation, self.arguments.as_bytes()).await;
        match answer {
            Err(error) if matches!(error.status(), 400 | 401 | 403) => Err(error),
            _ => Ok(()),
        }
    }
}

fn no_model(registry: &Registry, name: &str) -> Error {
    let path = name.rsplit_once('/').map_or(name, |(path, _)| path);
    let near = nearest(path, registry.models().iter().map(|shape| shape.path.as_str()));
    let hint = near.map_or_else(String::new, |path| format!("; did you mean `{path}`?"));
    let message = format!(
        "a query has a name such as `system/users/list`: there is no model `{}`{hint}",
        shown(path, SHOWN)
    );
    Error::new(Code::ModelNotFound, message)
}

fn no_query(registry: &Registry, shape: &'static Shape, name: &str) -> Error {
    let queries = registry.behaviours_of(shape, BehaviourKind::Query).map(|query| query.name);
    let known: Vec<&str> = queries.chain(NamedQuery::operations(shape).map(Operation::name)).collect();
    let near = nearest(name, known.iter().copied());
    let hint = near.map_or_else(String::new, |name| format!("; did you mean `{name}`?"));
    let message = format!("the model `{}` has no query `{}`{hint}", shape.path, shown(name, SHOWN));
    Error::new(Code::MethodNotFound, message).with_details(json!({ "queries": known }))
}

/// What a value is, where the order of members may mean something.
#[derive(Clone, Copy)]
enum Part {
    /// What a read takes, of documents or of those that belong to them: its `sort` has an order.
    Arguments,
    /// What is read along, each with arguments of its own.
    With,
    /// Anything else.
    Any,
}

/// The same JSON with the members of all objects in the order of their names; but not those of a `sort`, whose order means something.
fn sorted(json: &Json, part: Part) -> Json {
    match json {
        Json::Object(members) => {
            let mut names: Vec<&String> = members.keys().collect();
            names.sort_unstable();
            let member = |name: &String| {
                let value = &members[name];
                let value = match (part, name.as_str()) {
                    (Part::Arguments, "sort") => value.clone(),
                    (Part::Arguments, "with") => sorted(value, Part::With),
                    (Part::With, _) => sorted(value, Part::Arguments),
                    _ => sorted(value, Part::Any),
                };
                (name.clone(), value)
            };
            Json::Object(names.into_iter().map(member).collect::<Map<_, _>>())
        }
        Json::Array(items) => items.iter().map(|item| sorted(item, part)).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_have_one_form() {
        // LIV-05
        let one = json!({ "b": [{ "y": 1, "x": { "d": null, "c": "é" } }], "a": 1.5 });
        let other = json!({ "a": 1.5, "b": [{ "x": { "c": "é", "d": null }, "y": 1 }] });
        assert_eq!(sorted(&one, Part::Arguments).to_string(), sorted(&other, Part::Arguments).to_string());
        assert_eq!(sorted(&one, Part::Any).to_string(), r#"{"a":1.5,"b":[{"x":{"c":"é","d":null},"y":1}]}"#);
        // Items have an order, and so have the keys of a sort.
        assert_ne!(sorted(&json!([1, 2]), Part::Arguments), sorted(&json!([2, 1]), Part::Arguments));
        let by_name = json!({ "sort": { "name": 1, "age": 1 }, "count": 2 });
        assert_eq!(sorted(&by_name, Part::Arguments).to_string(), r#"{"count":2,"sort":{"name":1,"age":1}}"#);
        assert_eq!(sorted(&by_name, Part::Any).to_string(), r#"{"count":2,"sort":{"age":1,"name":1}}"#);
        let with =
            json!({ "with": { "books": { "where": { "y": 1, "x": 1 }, "sort": { "name": 1, "age": 1 } } } });
        let one_form = r#"{"with":{"books":{"sort":{"name":1,"age":1},"where":{"x":1,"y":1}}}}"#;
        assert_eq!(sorted(&with, Part::Arguments).to_string(), one_form);
        // A field may be called so.
        let field = json!({ "query": { "sort": { "$lt": 5, "$gt": 1 } } });
        assert_eq!(sorted(&field, Part::Arguments).to_string(), r#"{"query":{"sort":{"$gt":1,"$lt":5}}}"#);
    }
}
