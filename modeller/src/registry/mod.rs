//! What was linked: entries that macros leave behind, collected and checked before anything starts.

use crate::model::{Descriptor, Site};

/// What one macro leaves for the registry.
pub struct Entry {
    pub(crate) kind: Kind,
    pub(crate) site: Site,
}

pub(crate) enum Kind {
    Model(fn() -> &'static Descriptor),
    Sentinel,
}

impl Entry {
    /// A model.
    pub const fn model(descriptor: fn() -> &'static Descriptor, site: Site) -> Self {
        Entry { kind: Kind::Model(descriptor), site }
    }
}

inventory::collect!(Entry);

// Tells "this linker ran no constructors" from "no crate with models was named in this binary".
inventory::submit! {
    Entry { kind: Kind::Sentinel, site: crate::__site!() }
}
