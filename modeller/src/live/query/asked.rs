//! What is asked, and the name of that: the same for all who ask it.

use super::{Key, token};
use crate::engine::{Engine, Standing};

/// A standing query and its name.
pub(super) struct Asked {
    pub(super) standing: Standing,
    pub(super) key: Key,
    /// What its positions are signed for: the query, whoever asks it, and what its documents look like. Once a column has come or gone, a
    /// client must not go on with documents that nobody has written since.
    mark: Key,
}

impl Asked {
    pub(super) fn new(engine: &Engine, standing: Standing) -> Self {
        let key = standing.sign(engine, b"key");
        let mark = engine.seal(&[b"live mark", &key, standing.layout().as_bytes()]);
        Asked { standing, key, mark }
    }

    /// A place in the change log, as text that is good for this query and whoever asks it.
    pub(super) fn position(&self, engine: &Engine, seq: u64) -> String {
        token::encode(engine, &self.mark, seq)
    }

    /// The place, if the text was made so.
    pub(super) fn place(&self, engine: &Engine, text: &str) -> Option<u64> {
        token::decode(engine, &self.mark, text)
    }
}
