//! What can be wrong with what was linked. Everything is reported at once.

use std::collections::HashMap;
use std::fmt;

use super::{Behaviour, BehaviourKind};
use crate::model::{Descriptor, Shape, Site};

/// Something that keeps an application from starting.
#[derive(Clone, Debug)]
pub struct Fault {
    message: String,
    sites: Vec<Site>,
}

impl Fault {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Fault { message: message.into(), sites: Vec::new() }
    }

    pub(crate) fn at(mut self, site: Site) -> Self {
        self.sites.push(site);
        self
    }

    /// What is wrong, and how to mend it.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The places that are involved.
    pub fn sites(&self) -> &[Site] {
        &self.sites
    }
}

/// All faults of a start.
#[derive(Clone, Debug, Default)]
pub struct Faults(Vec<Fault>);

impl Faults {
    pub(crate) fn push(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    pub(crate) fn into_result(self) -> Result<(), Faults> {
        if self.0.is_empty() { Ok(()) } else { Err(self) }
    }

    /// The faults.
    pub fn iter(&self) -> impl Iterator<Item = &Fault> {
        self.0.iter()
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.len();
        writeln!(f, "the application can't start: {count} fault{}", if count == 1 { "" } else { "s" })?;
        for fault in &self.0 {
            writeln!(f, "- {}", fault.message)?;
            for site in &fault.sites {
                writeln!(f, "    at {site}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}

pub(super) fn models(models: &[&'static Descriptor], faults: &mut Faults) {
    let mut shapes = Vec::new();
    for model in models {
        match model.try_shape() {
            Ok(shape) => shapes.push(shape),
            Err(fault) => {
                faults.push(Fault::new(format!("`{}`: {}", model.rust, fault.message)).at(fault.site));
            }
        }
    }
    same(
        &shapes,
        faults,
        |shape| shape.path.clone(),
        |path| {
            format!(
                "several structs are model `{path}`: give each its own `#[model(scope = \"..\", name = \"..\")]`"
            )
        },
    );
    // Two paths can make one table name (`a_b/c` and `a/b_c`).
    let mut first_of_path: Vec<&'static Shape> = Vec::new();
    for &shape in &shapes {
        if !first_of_path.iter().any(|seen| seen.path == shape.path) {
            first_of_path.push(shape);
        }
    }
    same(
        &first_of_path,
        faults,
        |shape| shape.table.to_ascii_lowercase(),
        |table| format!("several models would be table `{table}`: change the `scope` or the `name` of one"),
    );
    references(&shapes, faults);
}

fn same(
    shapes: &[&'static Shape],
    faults: &mut Faults,
    key: impl Fn(&Shape) -> String,
    message: impl Fn(&str) -> String,
) {
    let mut groups: HashMap<String, Vec<&'static Shape>> = HashMap::new();
    for &shape in shapes {
        groups.entry(key(shape)).or_default().push(shape);
    }
    let mut groups: Vec<_> = groups.into_iter().filter(|(_, group)| group.len() > 1).collect();
    groups.sort_by(|left, right| left.0.cmp(&right.0));
    for (key, group) in groups {
        let fault = Fault::new(message(&key));
        faults.push(group.iter().fold(fault, |fault, shape| fault.at(shape.descriptor.site)));
    }
}

fn references(shapes: &[&'static Shape], faults: &mut Faults) {
    for shape in shapes {
        for column in &shape.columns {
            let Some(target) = &column.references else { continue };
            let name = format!("`{}.{}`", shape.descriptor.rust, column.column);
            let Some(other) = shapes.iter().find(|other| other.path == target.model) else {
                faults.push(
                    Fault::new(format!(
                        "{name} refers to model `{}`, which is not part of this application: \
                         link its crate (`modeller::link!(..)`) or add it to `models::<(..)>()`",
                        target.model
                    ))
                    .at(shape.descriptor.site),
                );
                continue;
            };
            let Some(found) = other.columns.iter().find(|column| column.name == target.field) else {
                continue;
            };
            let item = if column.array { column.item } else { Some(column.kind) };
            if found.private {
                faults.push(
                    Fault::new(format!(
                        "{name} refers to `{}.{}`, which is private: whether a reference is accepted would tell everybody \
                         what it holds",
                        other.descriptor.rust, found.column
                    ))
                    .at(shape.descriptor.site)
                    .at(other.descriptor.site),
                );
            } else if !found.unique {
                faults.push(
                    Fault::new(format!(
                        "{name} refers to `{}.{}`, which is not unique: mark it `#[model(unique)]`",
                        other.descriptor.rust, found.column
                    ))
                    .at(shape.descriptor.site)
                    .at(other.descriptor.site),
                );
            } else if item.is_some_and(|item| item != found.kind) {
                faults.push(
                    Fault::new(format!(
                        "{name} refers to `{}.{}`, which has another type",
                        other.descriptor.rust, found.column
                    ))
                    .at(shape.descriptor.site)
                    .at(other.descriptor.site),
                );
            }
        }
    }
}

/// What models do: each of a model that is there, and no two of one kind with one name.
pub(super) fn behaviours(
    models: &[&'static Descriptor],
    behaviours: &[&'static Behaviour],
    faults: &mut Faults,
) {
    for behaviour in behaviours {
        let Some(model) = behaviour.model.map(|model| model()) else { continue };
        if !models.contains(&model) {
            faults.push(
                Fault::new(format!(
                    "{} `{}` belongs to model `{}`, which is not part of this application: link its crate \
                     (`modeller::link!(..)`) or add it to `models::<(..)>()`",
                    behaviour.kind, behaviour.rust, model.rust
                ))
                .at(behaviour.site)
                .at(model.site),
            );
        }
    }
    let mut groups: HashMap<(&str, &str, &str, &str), Vec<&'static Behaviour>> = HashMap::new();
    for &behaviour in behaviours.iter().filter(|behaviour| !behaviour.name.is_empty()) {
        let (scope, model) = behaviour.model.map_or(("", ""), |model| (model().scope, model().name));
        // Both stand in one place of a route.
        let kind = match behaviour.kind {
            BehaviourKind::Query => BehaviourKind::Method,
            other => other,
        };
        groups.entry((kind.name(), scope, model, behaviour.name)).or_default().push(behaviour);
    }
    let mut groups: Vec<_> = groups.into_iter().filter(|(_, group)| group.len() > 1).collect();
    groups.sort_by_key(|(key, _)| *key);
    for ((kind, _, _, name), group) in groups {
        let fault = Fault::new(format!(
            "several {kind}s are called `{name}`: give each its own name with `#[modeller::{kind}(.., name = \"..\")]`"
        ));
        faults.push(group.iter().fold(fault, |fault, behaviour| fault.at(behaviour.site)));
    }
}
