//! The boot manifest: what was linked, from which crate and line.

use std::fmt::Write as _;

use super::Registry;
use crate::model::{ColumnInfo, Shape};

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
        }
        out
    }
}

fn names(shape: &Shape, set: &[usize]) -> String {
    set.iter().map(|&index| shape.columns[index].name.as_str()).collect::<Vec<_>>().join(", ")
}

fn line(shape: &Shape) -> String {
    let descriptor = shape.descriptor;
    let mut line = format!("model {}  {} fields", shape.path, descriptor.fields.len());
    if let Some(ttl) = descriptor.ttl {
        let _ = write!(line, ", ttl {ttl:?}");
    }
    if let Some(keep) = descriptor.trash {
        let _ = write!(line, ", trash kept {keep:?}");
    }
    if let Some(most) = descriptor.max_size {
        let _ = write!(line, ", at most {most}");
    }
    let _ = write!(line, "  [{} {}]", descriptor.rust, descriptor.site);
    line
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
    }
    line
}
