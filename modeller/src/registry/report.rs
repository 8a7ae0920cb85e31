//! The boot manifest: what was linked, from which crate and line.

use std::fmt::Write as _;
use std::time::Duration;

use super::{Behaviour, BehaviourKind, Registry};
use crate::model::{ColumnInfo, OnDelete, Relation, Relations, Shape};

impl Registry {
    /// One line a model, for the log at start-up.
    pub fn manifest(&self) -> Vec<String> {
        self.models().iter().map(|shape| line(shape)).collect()
    }

    /// All that is known of every model, for people.
    pub fn report(&self) -> String {
        let mut out = String::new();
        for shape in self.models() {
            let _ = writeln!(out, "{}", line(shape));
            for column in shape.fields() {
                let _ = writeln!(out, "    {}", field(column));
            }
            for set in shape.unique.iter().filter(|set| set.len() > 1) {
                let _ = writeln!(out, "    unique together: {}", names(shape, set));
            }
            for set in shape.indexes.iter().filter(|set| set.len() > 1) {
                let _ = writeln!(out, "    indexed together: {}", names(shape, set));
            }
            for reference in self.incoming(shape) {
                let from = &reference.from.columns[reference.column].name;
                let _ = writeln!(out, "    referenced by {}.{from}", reference.from.path);
            }
            for relation in self.relations(shape) {
                let _ = writeln!(out, "    {}", related(relation));
            }
            let of_it =
                |behaviour: &&&Behaviour| behaviour.model.is_some_and(|model| model() == shape.descriptor);
            // Jobs, workers and rules are listed by themselves.
            let apart = |behaviour: &&&Behaviour| {
                matches!(behaviour.kind, BehaviourKind::Job | BehaviourKind::Worker | BehaviourKind::Rule)
            };
            for behaviour in self.behaviours().iter().filter(of_it).filter(|one| !apart(one)) {
                let _ = writeln!(out, "    {}", does(behaviour));
            }
            for extension in self.extensions(shape) {
                let (name, path) = (extension.descriptor.name, &extension.path);
                let _ = writeln!(out, "    extension {name}: {path} at {}/{name}", shape.path);
            }
        }
        out
    }
}

/// Something that a model does, and where it stands.
fn does(behaviour: &Behaviour) -> String {
    let name = if behaviour.name.is_empty() { behaviour.rust } else { behaviour.name };
    format!("{} {name}  [{} {}]", behaviour.kind, behaviour.rust, behaviour.site)
}

fn related(relation: &Relation) -> String {
    let number = if relation.many { "several" } else { "one" };
    let by = &relation.from.columns[relation.column].name;
    let target = &relation.to.columns[relation.target].name;
    format!("relation {}: {number} of {} ({by} = {target})", relation.name, relation.to.path)
}

fn names(shape: &Shape, set: &[usize]) -> String {
    set.iter().map(|&index| shape.columns[index].name.as_str()).collect::<Vec<_>>().join(", ")
}

fn line(shape: &Shape) -> String {
    let descriptor = shape.descriptor;
    let plural = if descriptor.fields.len() == 1 { "" } else { "s" };
    let mut line = format!("model {}  {} field{plural}", shape.path, descriptor.fields.len());
    if let Some(ttl) = descriptor.ttl {
        let _ = write!(line, ", ttl {}", duration(ttl));
    }
    if let Some(keep) = descriptor.trash {
        let _ = write!(line, ", trash kept {}", duration(keep));
    }
    if let Some(most) = descriptor.max_size {
        let _ = write!(line, ", at most {most}");
    }
    let _ = write!(line, "  [{} {}]", descriptor.rust, descriptor.site);
    line
}

/// As it is written in an attribute: `30d`, `90m`.
fn duration(time: Duration) -> String {
    let ms = time.as_millis();
    let units = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
    let fits = units.into_iter().find(|(_, unit)| ms.is_multiple_of(*unit));
    // Whole milliseconds always fit.
    fits.map_or_else(String::new, |(name, unit)| format!("{}{name}", ms / unit))
}

fn field(column: &ColumnInfo) -> String {
    let kind = format!("{:?}", column.kind).to_lowercase();
    let mut line = format!("{}: {kind}{}", column.name, if column.nullable { "?" } else { "" });
    let flags = [
        (column.unique, "unique"),
        (column.indexed, "index"),
        (column.private, "private"),
        (column.generated.is_some(), "generated"),
    ];
    for (_, name) in flags.iter().filter(|(on, _)| *on) {
        let _ = write!(line, " {name}");
    }
    if let Some(target) = &column.references {
        let _ = write!(line, " -> {}.{}", target.model, target.field);
        if column.on_delete != OnDelete::Restrict {
            let _ = write!(line, " (on delete {})", column.on_delete.name());
        }
    }
    line
}
