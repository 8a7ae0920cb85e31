//! Relations: how the documents of one model belong to those of another, by the references between them.

use std::fmt;

use super::Shape;

/// A way from the documents of one model to those of another (or of the same): along a reference, or against it.
#[derive(Clone, Debug)]
pub struct Relation {
    /// The name on the wire, in `with` and in paths of filters (`author`, `comments`).
    pub name: String,
    /// The model that has it.
    pub from: &'static Shape,
    /// The column of [`from`](Relation::from) that is matched.
    pub column: usize,
    /// The model that it leads to.
    pub to: &'static Shape,
    /// The column of [`to`](Relation::to) that it is matched with.
    pub target: usize,
    /// Whether it leads to any number of documents, and not to one at most.
    pub many: bool,
    /// Whether the reference is a column of the other model: the relation is its other side.
    pub reverse: bool,
}

impl Relation {
    /// What is matched with what.
    pub fn link(&self) -> Link {
        Link { from: self.from, column: self.column, to: self.to, target: self.target }
    }

    /// Whether the reference is a private field, so that no caller may know of the relation.
    pub fn is_private(&self) -> bool {
        self.from.columns[self.column].private || self.to.columns[self.target].private
    }
}

/// Which documents belong together: those that have the same value in two columns. A list belongs to all of its elements.
#[derive(Clone, Copy)]
pub struct Link {
    /// The model on this side.
    pub from: &'static Shape,
    /// Its column.
    pub column: usize,
    /// The model on the other side.
    pub to: &'static Shape,
    /// Its column.
    pub target: usize,
}

impl Link {
    /// The same, seen from the other side.
    #[must_use]
    pub fn turned(self) -> Self {
        Link { from: self.to, column: self.target, to: self.from, target: self.column }
    }
}

impl PartialEq for Link {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.from, other.from)
            && std::ptr::eq(self.to, other.to)
            && (self.column, self.target) == (other.column, other.target)
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |shape: &Shape, column: usize| {
            format!("{}.{}", shape.path, shape.columns.get(column).map_or("", |column| &column.name))
        };
        write!(f, "{} = {}", name(self.from, self.column), name(self.to, self.target))
    }
}

/// Knows the relations of models: the [`Registry`](crate::registry::Registry) does.
pub trait Relations: Send + Sync {
    /// The relations of a model, in the order of their names.
    fn relations(&self, shape: &Shape) -> &[Relation];
}

/// No model has relations.
impl Relations for () {
    fn relations(&self, _: &Shape) -> &[Relation] {
        &[]
    }
}

/// What becomes of a document that refers to one that is deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnDelete {
    /// It keeps the other one from being deleted.
    #[default]
    Restrict,
    /// It is deleted with it.
    Cascade,
    /// It stays, without the reference: the field is emptied, or the element taken out of the list.
    SetNull,
}

impl OnDelete {
    /// The name in attributes and listings.
    pub const fn name(self) -> &'static str {
        match self {
            OnDelete::Restrict => "restrict",
            OnDelete::Cascade => "cascade",
            OnDelete::SetNull => "set_null",
        }
    }
}
