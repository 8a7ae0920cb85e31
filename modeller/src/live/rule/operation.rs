//! The operations of rules as doors call them: by name, JSON in, JSON out.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::Rules;
use crate::engine::Cx;
use crate::model::{Code, Error, Result, nearest};

/// Every operation that has one answer. Beside them there are `subscribe` and `unsubscribe`, which belong to a connection.
pub(crate) const OPERATIONS: [&str; 7] =
    ["emit", "setFact", "getFact", "deleteFact", "queryFacts", "getAllFacts", "stats"];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Emit {
    topic: String,
    #[serde(default)]
    data: Json,
    #[serde(default)]
    correlation_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Set {
    key: String,
    value: Json,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Key {
    key: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    pattern: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

impl Rules {
    /// Carries out an operation by its name: `emit {topic, data, correlationId?}` answers the event; `setFact {key, value}` and
    /// `getFact {key}` the fact (or `null`); `deleteFact {key}` answers `{deleted}`; `queryFacts {pattern}` and `getAllFacts {}` a
    /// list; `stats {}` the [counts](super::RuleStats).
    ///
    /// # Errors
    /// `METHOD_NOT_FOUND` if there is no such operation; `INVALID_REQUEST` for wrong arguments; `FORBIDDEN` if somebody else than the
    /// application emits under a topic that is [reserved](super::RulesOptions::reserve); those of the operation.
    pub async fn perform(&self, cx: &Cx, operation: &str, arguments: Json) -> Result<Json> {
        if !OPERATIONS.contains(&operation) {
            return Err(unknown(operation));
        }
        match operation {
            "emit" => {
                let Emit { topic, data, correlation_id } = read(arguments)?;
                self.0.permit(cx, &topic)?;
                json(&*self.emit(cx, &topic, data, correlation_id.as_deref())?)
            }
            "setFact" => {
                let Set { key, value } = read(arguments)?;
                json(&self.set_fact(cx, &key, value).await?)
            }
            "getFact" => json(&self.get_fact(cx, &read::<Key>(arguments)?.key).await?),
            "deleteFact" => {
                let deleted = self.delete_fact(cx, &read::<Key>(arguments)?.key).await?;
                Ok(json!({ "deleted": deleted }))
            }
            "queryFacts" => json(&self.query_facts(cx, &read::<Which>(arguments)?.pattern).await?),
            "getAllFacts" => {
                let Nothing {} = read(arguments)?;
                json(&self.all_facts(cx).await?)
            }
            "stats" => {
                let Nothing {} = read(arguments)?;
                json(&self.stats(cx).await?)
            }
            _ => Err(unknown(operation)),
        }
    }
}

fn read<T: DeserializeOwned>(arguments: Json) -> Result<T> {
    if !arguments.is_object() {
        return Err(Error::new(Code::InvalidRequest, "the arguments of an operation are an object"));
    }
    serde_json::from_value(arguments).map_err(|error| {
        // It may quote what was sent, however long that is.
        let said: String = error.to_string().chars().take(200).collect();
        Error::new(Code::InvalidRequest, said)
    })
}

fn json(value: &impl Serialize) -> Result<Json> {
    serde_json::to_value(value)
        .map_err(|error| Error::new(Code::InternalError, format!("an answer has no JSON form: {error}")))
}

fn unknown(operation: &str) -> Error {
    let hint = nearest(operation, OPERATIONS.into_iter());
    let hint = hint.map_or_else(String::new, |name| format!("; did you mean `{name}`?"));
    let shown: String = operation.chars().take(60).collect();
    Error::new(Code::MethodNotFound, format!("rules have no operation `{shown}`{hint}"))
        .with_details(json!({ "operations": OPERATIONS }))
}
