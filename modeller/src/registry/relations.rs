//! The relations between models: each reference makes one on either side.

use std::collections::HashMap;

use super::{Fault, Faults};
use crate::model::{ColumnInfo, Kind, Relation, Shape};

/// The relations of these models, by their paths, in the order of their names.
///
/// Those that contradict each other are left out: a [`Registry`](super::Registry) with such models does not start.
pub fn relations_of(models: &[&'static Shape]) -> HashMap<&'static str, Vec<Relation>> {
    find(models, &mut Faults::default())
}

pub(super) fn find(models: &[&'static Shape], faults: &mut Faults) -> HashMap<&'static str, Vec<Relation>> {
    let forward: Vec<Relation> = models.iter().flat_map(|from| references(from, models)).collect();
    let reverse: Vec<Relation> = forward.iter().map(|relation| backwards(relation, &forward)).collect();
    let mut all: HashMap<&'static str, Vec<Relation>> = HashMap::new();
    for relation in forward.into_iter().chain(reverse) {
        all.entry(&relation.from.path).or_default().push(relation);
    }
    for model in models {
        let Some(relations) = all.get_mut(model.path.as_str()) else { continue };
        relations.sort_by(|left, right| left.name.cmp(&right.name));
        let mut at = 0;
        while at < relations.len() {
            match collision(&relations[at], &relations[..at]) {
                Some(fault) => {
                    faults.push(fault);
                    relations.remove(at);
                }
                None => at += 1,
            }
        }
    }
    all
}

/// The relations along the references of a model.
fn references(from: &'static Shape, models: &[&'static Shape]) -> Vec<Relation> {
    let along = |(column, info): (usize, &ColumnInfo)| {
        let target = info.references.as_ref()?;
        let to = models.iter().copied().find(|to| to.path == target.model)?;
        let target = to.index_of(&target.field)?;
        let matches = match to.columns[target].kind {
            Kind::Text | Kind::Integer if info.array => info.item == Some(to.columns[target].kind),
            Kind::Text | Kind::Integer | Kind::DateTime => info.kind == to.columns[target].kind,
            // Values that are equal may be written in several ways: the reference holds, but it is no key to look up.
            _ => false,
        };
        let name = name_of(info);
        matches.then_some(Relation { name, from, column, to, target, many: info.array, reverse: false })
    };
    from.columns.iter().enumerate().filter_map(along).collect()
}

/// A reference's name without its `Id`.
fn name_of(column: &ColumnInfo) -> String {
    let endings: &[(&str, &str)] =
        if column.array { &[("Ids", "s"), ("_ids", "s")] } else { &[("Id", ""), ("_id", "")] };
    let stem = endings.iter().find_map(|(ending, plural)| {
        let stem = column.name.strip_suffix(ending).filter(|stem| !stem.is_empty())?;
        Some(format!("{stem}{plural}"))
    });
    stem.unwrap_or_else(|| column.name.clone())
}

/// The other side of a relation along a reference.
fn backwards(relation: &Relation, forward: &[Relation]) -> Relation {
    let to_it = || forward.iter().filter(|other| std::ptr::eq(other.to, relation.to));
    let model = relation.from.descriptor;
    // Models of several scopes may have one name.
    let shared = to_it()
        .any(|other| other.from.path != relation.from.path && other.from.descriptor.name == model.name);
    let base = if shared { format!("{}{}", model.scope, capital(model.name)) } else { model.name.to_owned() };
    let siblings = || to_it().filter(|other| std::ptr::eq(other.from, relation.from));
    // What callers may not know of does not change the names that they know.
    let alone = siblings().count() == 1
        || !relation.is_private() && siblings().filter(|other| !other.is_private()).count() == 1;
    Relation {
        name: if alone { base } else { format!("{base}By{}", capital(&relation.name)) },
        from: relation.to,
        column: relation.target,
        to: relation.from,
        target: relation.column,
        many: true,
        reverse: true,
    }
}

fn capital(name: &str) -> String {
    let mut characters = name.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

/// What already has the name of the relation, or of its totals.
fn collision(relation: &Relation, others: &[Relation]) -> Option<Fault> {
    let shape = relation.from;
    let totals = relation.many.then(|| format!("{}Aggregate", relation.name));
    let is_taken = |name: &str| name == relation.name || totals.as_deref() == Some(name);
    let other = others.iter().find(|other| {
        is_taken(&other.name) || other.many && format!("{}Aggregate", other.name) == relation.name
    });
    if let Some(other) = other {
        let fault = Fault::new(format!(
            "{} and {} would both be relation `{}` of `{}`: rename a field (`#[serde(rename = \"..\")]` does), or a model",
            reference(relation),
            reference(other),
            other.name,
            shape.path
        ));
        return Some(fault.at(site(relation)).at(site(other)));
    }
    let field = shape.columns.iter().enumerate().find(|(index, column)| {
        // A field that refers may give its name to what it refers to.
        let itself = !relation.reverse && *index == relation.column && column.name == relation.name;
        is_taken(&column.name) && !itself
    });
    let (_, field) = field?;
    let fault = Fault::new(format!(
        "{} makes relation `{}` of `{}`, which has a field `{}` already: rename the field (`#[serde(rename = \"..\")]` \
         does), or {}",
        reference(relation),
        relation.name,
        shape.path,
        field.name,
        if relation.reverse { "the model that refers (`#[model(name = \"..\")]`)" } else { "the reference" }
    ));
    Some(fault.at(shape.descriptor.site).at(site(relation)))
}

/// The reference that a relation comes from, in Rust.
fn reference(relation: &Relation) -> String {
    let (shape, column) = side(relation);
    format!("`{}.{}`", shape.descriptor.rust, shape.columns[column].column)
}

fn site(relation: &Relation) -> crate::model::Site {
    side(relation).0.descriptor.site
}

fn side(relation: &Relation) -> (&'static Shape, usize) {
    match relation.reverse {
        true => (relation.to, relation.target),
        false => (relation.from, relation.column),
    }
}
