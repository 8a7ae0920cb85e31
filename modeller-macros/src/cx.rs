//! What every expansion needs to know: where the framework is.

use quote::ToTokens;
use syn::{Path, parse_quote};

/// The context of one expansion.
pub(crate) struct Cx {
    root: Path,
}

impl Cx {
    /// With the path that `crate = path` gives, or `::modeller`.
    pub(crate) fn new(root: Option<Path>) -> Self {
        Cx { root: root.unwrap_or_else(|| parse_quote!(::modeller)) }
    }

    /// The path of the framework's crate.
    pub(crate) fn root(&self) -> impl ToTokens + '_ {
        &self.root
    }
}
