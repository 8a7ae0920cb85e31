//! What is asked, and the name of that: the same for all who ask it.

use super::{Key, token};
use crate::engine::{Engine, Standing};

/// A standing query and its name.
pub(super) struct Asked {
    pub(super) standing: Standing,
    pub(super) key: Key,
}

impl Asked {
    pub(super) fn new(engine: &Engine, standing: Standing) -> Self {
        Asked { key: standing.sign(engine, b"key"), standing }
    }

    /// A place in the change log, as text that is good for this query and whoever asks it.
    pub(super) fn position(&self, engine: &Engine, seq: u64) -> String {
        token::encode(engine, &self.key, seq)
    }

    /// The place, if the text was made so.
    pub(super) fn place(&self, engine: &Engine, text: &str) -> Option<u64> {
        token::decode(engine, &self.key, text)
    }
}
