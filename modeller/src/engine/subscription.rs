//! Scoped subscriptions: who listens to a model under one query.

use serde_json::Value as Json;

/// A subscription of a model under one query, its scope: whatever is published to it reaches all who listen there.
#[derive(Clone, Debug)]
pub struct Subscription {
    scope: Json,
}

impl Subscription {
    /// The query that it belongs to.
    pub fn scope(&self) -> &Json {
        &self.scope
    }
}
