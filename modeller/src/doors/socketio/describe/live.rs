//! What is said of live queries: of documents, of figures, and by name.

use serde_json::{Value as Json, json};

use super::super::live::EVENT;
use super::{Words, id, model, operated};
use crate::doors::protocol::Message;
use crate::doors::schemas::catalog::{Catalog, Described};
use crate::doors::schemas::live::{self, Figures};
use crate::doors::schemas::{object, reference};
use crate::engine::Operation;
use crate::registry::BehaviourKind;

/// Where a client goes on.
fn from() -> (&'static str, Json) {
    ("from", json!({ "type": "string", "description": "The position to go on behind." }))
}

impl Words {
    /// Adds the live queries of a model.
    pub(super) fn live(&mut self, event: &str, catalog: &Catalog<'_>, model: &Described) {
        let key = format!("{event}.{}", model.path());
        let taken = live::arguments(Operation::List, model.shape, &model.names);
        let taken = taken.iter().map(|(name, schema)| (name.as_str(), schema.clone()));
        let list = ("operation", json!({ "const": Operation::List.name() }));
        let members = [self::model(catalog, model), list, from()].into_iter().chain(taken);
        let mut payload = object(members, &["model"]);
        payload["dependentRequired"] = json!({ "start": ["count"] });
        let message = Message::new(&key, event, "Ask a live query", payload).about(model.path());
        let first = named(&[&model.telling.whole, &model.telling.changes], catalog);
        self.add(message, "What the query answers, and how far that goes.", vec![("data", first)]);
        for operation in Figures::OPERATIONS {
            let mut payload = operated(operation, catalog, model, Some(from()));
            if operation == Operation::Aggregate {
                payload["dependentRequired"] = json!({ "start": ["count"] });
            }
            let message =
                Message::new(&format!("{key}.{operation}"), event, live::summary(operation), payload);
            let first = vec![("data", figures(operation, catalog))];
            self.add(message.about(model.path()), "The figures, and how far they go.", first);
        }
        for query in model.called(&[BehaviourKind::Query]) {
            let members = [
                self::model(catalog, model),
                ("operation", json!({ "const": query.behaviour.name })),
                ("data", query.payload.0.clone()),
            ];
            let needed: &[&str] =
                if query.may_be_empty { &["model", "operation"] } else { &["model", "operation", "data"] };
            let key = format!("{key}.{}", query.behaviour.name);
            let message = Message::new(&key, event, query.summary(), object(members, needed));
            let data = object([id(), ("data", query.reply.clone())], &["id", "data"]);
            let message = message.about(model.path()).described(query.description());
            self.add(message, "What the query answers now.", vec![("data", data)]);
        }
    }

    /// Adds what clients are told of them.
    pub(super) fn told_live(&mut self, catalog: &Catalog<'_>) {
        for model in &catalog.models {
            let key = format!("told.{EVENT}.{}", model.path());
            let mut tell = |key: &str, summary: &str, payload: Json| {
                self.said.push(Message::new(key, EVENT, summary, payload).about(model.path()));
            };
            let documents = named(&[&model.telling.changes, &model.telling.whole], catalog);
            tell(&key, "A live query has another answer", documents);
            for operation in Figures::OPERATIONS {
                tell(&format!("{key}.{operation}"), "Figures are other ones", figures(operation, catalog));
            }
            for query in model.called(&[BehaviourKind::Query]) {
                let answer = object([id(), ("data", query.reply.clone())], &["id", "data"]);
                let failed = object([id(), ("error", reference("Error"))], &["id", "error"]);
                let payload = json!({ "type": "object", "oneOf": [answer, failed] });
                let key = format!("{key}.{}", query.behaviour.name);
                tell(&key, "A query by name has another answer", payload);
            }
        }
    }
}

/// What live figures tell.
fn figures(operation: Operation, catalog: &Catalog<'_>) -> Json {
    let told: Vec<&Json> = catalog.figures.told(operation).into_iter().map(|(_, told)| told).collect();
    named(&told, catalog)
}

/// What a live query tells, with the name of the subscription among its members.
fn named(told: &[&Json], catalog: &Catalog<'_>) -> Json {
    let forms = told.iter().map(|reference| {
        let mut schema = catalog.resolved(reference);
        let (name, id) = id();
        schema["properties"][name] = id;
        if let Some(required) = schema["required"].as_array_mut() {
            required.push(name.into());
        }
        schema
    });
    json!({ "type": "object", "anyOf": forms.collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::super::protocol;
    use super::*;
    use crate::doors::sample;
    use crate::live::LiveChangeKind;

    #[test]
    fn what_live_queries_tell_has_the_name_of_the_subscription() {
        let registry = sample::registry();
        let protocol = protocol(&mut Catalog::new(&registry), true);
        let told = protocol.channels[0].said.iter().find(|message| message.name == "live").unwrap();
        let changes = &told.payload["anyOf"][0];
        assert_eq!(changes["required"], json!(["position", "changes", "id"]));
        let kinds = &changes["properties"]["changes"]["items"]["properties"]["type"]["enum"];
        assert_eq!(*kinds, json!(LiveChangeKind::ALL.map(LiveChangeKind::name)));
        // Of each form that there is.
        let told = protocol.channels[0].said.iter().filter(|message| message.name == "live");
        for form in told.flat_map(|message| message.payload["anyOf"].as_array().into_iter().flatten()) {
            assert!(form["properties"]["id"].is_object(), "{form}");
            assert!(form["required"].as_array().unwrap().contains(&json!("id")), "{form}");
        }
    }
}
