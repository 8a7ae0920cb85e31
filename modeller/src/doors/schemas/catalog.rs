//! All models of an application with their schemas, for doors to describe what they do with them.

use serde_json::{Map, Value as Json};

use super::called::Called;
use super::live::{Figures, Telling};
use super::{ModelSchemas, Schemas};
use crate::model::Shape;
use crate::registry::{BehaviourKind, Registry};

/// What a description is made from.
pub(crate) struct Catalog<'a> {
    pub(crate) registry: &'a Registry,
    pub(crate) models: Vec<Described>,
    /// What live figures tell, of whichever model.
    pub(crate) figures: Figures,
    pub(crate) schemas: Schemas,
}

/// A model with all that is said of it.
pub(crate) struct Described {
    pub(crate) shape: &'static Shape,
    pub(crate) names: ModelSchemas,
    /// Its methods, queries and events.
    pub(crate) called: Vec<Called>,
    /// What its live queries tell.
    pub(crate) telling: Telling,
}

impl Described {
    /// Its path.
    pub(crate) fn path(&self) -> &'static str {
        &self.shape.path
    }

    /// What it has of these kinds.
    pub(crate) fn called(&self, kinds: &'static [BehaviourKind]) -> impl Iterator<Item = &Called> {
        self.called.iter().filter(|called| kinds.contains(&called.behaviour.kind))
    }
}

impl<'a> Catalog<'a> {
    /// Of these models.
    pub(crate) fn new(registry: &'a Registry) -> Self {
        let mut schemas = Schemas::new();
        let named = schemas.add_models(registry.models());
        let kinds = [BehaviourKind::Method, BehaviourKind::Query, BehaviourKind::Event];
        let describe = |(&shape, names): (&&'static Shape, ModelSchemas)| Described {
            called: Called::of(shape, &names, registry, &mut schemas, &kinds),
            telling: Telling::of(&names, &mut schemas),
            shape,
            names,
        };
        let models = registry.models().iter().zip(named).map(describe).collect();
        let figures = Figures::new(&mut schemas);
        Catalog { registry, models, figures, schemas }
    }

    /// Where a model is served: at its own path, and below those that it extends.
    pub(crate) fn places(&self, shape: &'static Shape) -> Vec<String> {
        let mounts = self.registry.mounts().into_iter().filter(|mount| std::ptr::eq(mount.shape, shape));
        std::iter::once(shape.path.clone()).chain(mounts.map(|mount| mount.path)).collect()
    }

    /// Adds a schema of a door's own, and answers a reference to it.
    pub(crate) fn share(&mut self, name: &str, schema: Json) -> Json {
        self.schemas.add_schema(name, schema).0
    }

    /// The schema that a reference leads to.
    #[cfg(feature = "socketio")]
    pub(crate) fn resolved(&self, reference: &Json) -> Json {
        self.schemas.resolved(reference)
    }

    /// The schemas that these lead to.
    pub(crate) fn into_components(self, roots: &[&Json]) -> Map<String, Json> {
        self.schemas.into_components(roots)
    }
}
