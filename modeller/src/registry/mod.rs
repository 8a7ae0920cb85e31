//! What was linked: entries that macros leave behind, collected and checked before anything starts.
//!
//! Every listing (routes, metadata, OpenAPI, migrations) reads the [`Registry`], so that none can go stale.

mod behaviour;
mod check;
mod extend;
mod relations;
mod report;

use std::collections::HashMap;

pub use behaviour::{Behaviour, BehaviourKind, SchemaOf};
pub use check::{Fault, Faults};
pub use extend::{MAX_EXTENSIONS, Mount};
pub use relations::relations_of;

pub use crate::model::Relation;
use crate::model::{Descriptor, OnDelete, Relations, Shape, Site};

/// What one macro leaves for the registry.
pub struct Entry {
    kind: Kind,
    site: Site,
}

#[derive(Clone, Copy)]
enum Kind {
    Model(fn() -> &'static Descriptor),
    Behaviour(&'static Behaviour),
    Link(&'static str),
    Sentinel,
}

impl Entry {
    /// A model.
    pub const fn model(descriptor: fn() -> &'static Descriptor, site: Site) -> Self {
        Entry { kind: Kind::Model(descriptor), site }
    }

    /// Something that a model does.
    pub const fn behaviour(behaviour: &'static Behaviour) -> Self {
        Entry { kind: Kind::Behaviour(behaviour), site: behaviour.site }
    }

    /// A demand: the crate of this name has at least one entry.
    pub const fn link(package: &'static str, site: Site) -> Self {
        Entry { kind: Kind::Link(package), site }
    }
}

inventory::collect!(Entry);

// Tells "this linker ran no constructors" from "no crate with models was named in this binary".
inventory::submit! {
    Entry { kind: Kind::Sentinel, site: crate::__site!() }
}

/// The models of an application, checked and in the order of their paths.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    /// The framework's own first: their scopes begin with `_`.
    models: Vec<&'static Shape>,
    /// What the models do, by kind, model and name.
    behaviours: Vec<&'static Behaviour>,
    /// How many of them are the framework's own.
    builtin: usize,
    by_path: HashMap<(&'static str, &'static str), usize>,
    incoming: HashMap<&'static str, Vec<Incoming>>,
    /// Methods and queries, by model and name.
    callables: HashMap<(&'static str, &'static str), &'static Behaviour>,
    /// Events, by model and name.
    events: HashMap<(&'static str, &'static str), &'static Behaviour>,
    /// What is mounted on a model.
    extensions: HashMap<&'static str, Vec<&'static Shape>>,
    relations: HashMap<&'static str, Vec<Relation>>,
}

/// A reference from somewhere to a model.
#[derive(Clone, Copy, Debug)]
pub struct Incoming {
    /// The model that refers.
    pub from: &'static Shape,
    /// Its column that refers.
    pub column: usize,
    /// The column of the model that is referred to.
    pub target: usize,
    /// What becomes of what refers to a document that is deleted.
    pub on_delete: OnDelete,
}

impl Registry {
    /// Everything that was linked into this program.
    ///
    /// # Errors
    /// All faults at once, each with its place.
    pub fn linked() -> Result<Self, Faults> {
        let mut models = Vec::new();
        let mut behaviours = Vec::new();
        let mut links = Vec::new();
        let mut sites = Vec::new();
        let mut sentinel = false;
        for entry in inventory::iter::<Entry> {
            match entry.kind {
                Kind::Model(descriptor) => {
                    models.push(descriptor());
                    sites.push(entry.site);
                }
                Kind::Behaviour(behaviour) => {
                    behaviours.push(behaviour);
                    sites.push(entry.site);
                }
                Kind::Link(package) => links.push((package, entry.site)),
                Kind::Sentinel => sentinel = true,
            }
        }
        let mut faults = Faults::default();
        if !sentinel {
            faults.push(Fault::new(
                "this program's linker ran no constructors, so that no model can be found: \
                 name the models with `App::isolated().models::<(User, ..)>()`",
            ));
        }
        for (package, site) in links {
            let crate_name = package.replace('-', "_");
            if !sites.iter().any(|site| site.module.split("::").next() == Some(crate_name.as_str())) {
                faults.push(
                    Fault::new(format!(
                        "`link!({package})` was asked for, but crate `{package}` has no models, nor anything that models do: \
                         remove it from `link!`, or derive `Model` on a struct there"
                    ))
                    .at(site),
                );
            }
        }
        Self::build(models, behaviours, faults)
    }

    /// These models and no others (but for the framework's own), with what was linked for them to do.
    ///
    /// # Errors
    /// As [`linked`](Registry::linked).
    pub fn of(models: &[&'static Descriptor]) -> Result<Self, Faults> {
        let mut all = models.to_vec();
        let mut behaviours = Vec::new();
        for entry in inventory::iter::<Entry> {
            match entry.kind {
                Kind::Model(descriptor) if is_builtin(descriptor()) && !all.contains(&descriptor()) => {
                    all.push(descriptor());
                }
                Kind::Behaviour(behaviour) => behaviours.push(behaviour),
                _ => {}
            }
        }
        // What belongs to no model belongs to all applications.
        behaviours.retain(|behaviour| behaviour.model.is_none_or(|model| all.contains(&model())));
        Self::build(all, behaviours, Faults::default())
    }

    fn build(
        mut models: Vec<&'static Descriptor>,
        mut behaviours: Vec<&'static Behaviour>,
        mut faults: Faults,
    ) -> Result<Self, Faults> {
        models.sort_by_key(|model| (model.scope, model.name, model.site.file, model.site.line));
        check::models(&models, &mut faults);
        // Other faults would only make some of these.
        let relations = if faults.iter().next().is_none() {
            let shapes: Vec<_> = models.iter().map(|model| model.shape()).collect();
            relations::find(&shapes, &mut faults)
        } else {
            HashMap::new()
        };
        check::behaviours(&models, &behaviours, &mut faults);
        faults.into_result()?;
        behaviours
            .sort_by_key(|behaviour| (behaviour.kind, behaviour.path(), behaviour.name, behaviour.site.line));
        let mut models: Vec<&'static Shape> = models.into_iter().map(Descriptor::shape).collect();
        models.sort_by_key(|shape| !is_builtin(shape.descriptor));
        let builtin = models.partition_point(|shape| is_builtin(shape.descriptor));
        let by_path = models
            .iter()
            .enumerate()
            .skip(builtin)
            .map(|(index, shape)| ((shape.descriptor.scope, shape.descriptor.name), index))
            .collect();
        let named = |is: fn(BehaviourKind) -> bool| {
            let these = behaviours.iter().filter(|behaviour| is(behaviour.kind));
            these.map(|&behaviour| ((behaviour.path(), behaviour.name), behaviour)).collect()
        };
        let (callables, events) = (named(extend::is_callable), named(|kind| kind == BehaviourKind::Event));
        let mut registry = Registry {
            models,
            behaviours,
            builtin,
            by_path,
            callables,
            events,
            relations,
            ..Registry::default()
        };
        registry.incoming = registry.references();
        Ok(registry)
    }

    fn references(&self) -> HashMap<&'static str, Vec<Incoming>> {
        let mut incoming: HashMap<&'static str, Vec<Incoming>> = HashMap::new();
        for from in self.stored() {
            for (column, info) in from.columns.iter().enumerate() {
                let Some(target) = &info.references else { continue };
                let Some(to) = self.by_id(&target.model) else { continue };
                let Some(target) = to.index_of(&target.field) else { continue };
                incoming.entry(&to.path).or_default().push(Incoming {
                    from,
                    column,
                    target,
                    on_delete: info.on_delete,
                });
            }
        }
        incoming
    }

    /// The application's models, in the order of their paths: what doors serve and listings list.
    pub fn models(&self) -> &[&'static Shape] {
        &self.models[self.builtin..]
    }

    /// All models that are stored: the application's and the framework's own.
    pub fn stored(&self) -> impl Iterator<Item = &'static Shape> {
        self.models.iter().copied()
    }

    /// What the models do: by kind, then by model and name.
    pub fn behaviours(&self) -> &[&'static Behaviour] {
        &self.behaviours
    }

    /// What a model does, of one kind.
    pub fn behaviours_of(
        &self,
        shape: &'static Shape,
        kind: BehaviourKind,
    ) -> impl Iterator<Item = &'static Behaviour> {
        let is_of = move |behaviour: &&'static Behaviour| {
            behaviour.kind == kind && behaviour.model.is_some_and(|model| model() == shape.descriptor)
        };
        self.behaviours.iter().copied().filter(is_of)
    }

    /// The method or the query of a model with this name.
    pub fn callable(&self, shape: &'static Shape, name: &str) -> Option<&'static Behaviour> {
        self.callables.get(&(shape.path.as_str(), name)).copied()
    }

    /// The event of a model with this name.
    pub fn event(&self, shape: &'static Shape, name: &str) -> Option<&'static Behaviour> {
        self.events.get(&(shape.path.as_str(), name)).copied()
    }

    /// The application's model at `scope/name`.
    pub fn find(&self, scope: &str, name: &str) -> Option<&'static Shape> {
        self.by_path.get(&(scope, name)).map(|&index| self.models[index])
    }

    /// The model with this path (`"system/users"`).
    pub fn by_id(&self, path: &str) -> Option<&'static Shape> {
        let (scope, name) = path.split_once('/')?;
        self.find(scope, name)
    }

    /// The references to a model, from wherever they come.
    pub fn incoming(&self, shape: &Shape) -> &[Incoming] {
        self.incoming.get(shape.path.as_str()).map_or(&[], Vec::as_slice)
    }
}

impl Relations for Registry {
    fn relations(&self, shape: &Shape) -> &[Relation] {
        self.relations.get(shape.path.as_str()).map_or(&[], Vec::as_slice)
    }
}

fn is_builtin(descriptor: &Descriptor) -> bool {
    descriptor.scope.starts_with('_')
}

/// Names the crates whose models belong to this program, and demands that they have some.
///
/// A crate that is declared in `Cargo.toml` but never named in the source is not linked at all, and its models with it.
///
/// ```ignore
/// modeller::link!(billing, accounts);
/// ```
#[macro_export]
macro_rules! link {
    ($($package:ident),+ $(,)?) => {
        $(
            const _: () = {
                #[allow(unused_imports)]
                use $package as _;
                $crate::__private::inventory::submit! {
                    $crate::__private::Entry::link(::core::stringify!($package), $crate::__site!())
                }
            };
        )+
    };
}
