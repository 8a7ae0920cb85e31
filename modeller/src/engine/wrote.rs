//! What rooms above hear of written documents: rows instead of what the emitter says, and how it came to them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use serde_json::Value as Json;

use super::{Cx, EmitterEvent, Engine};
use crate::model::{Row, Shape, View, write_row};

/// A document that was written, and committed.
pub(crate) struct Wrote<'a> {
    shape: &'static Shape,
    /// What was done.
    pub(crate) event: EmitterEvent,
    row: &'a Row,
    /// How many hooks and rules have led there.
    pub(crate) depth: u8,
}

impl Wrote<'_> {
    /// The path of the model.
    pub(crate) fn model(&self) -> &'static str {
        &self.shape.path
    }

    /// The document as doors show it: as it is now, and for a deletion as it was.
    pub(crate) fn document(&self) -> Json {
        let mut json = Vec::with_capacity(256);
        write_row(self.shape, self.row, &View::Public, &mut json);
        // What it writes is JSON.
        serde_json::from_slice(&json).unwrap_or_default()
    }
}

type Callback = Arc<dyn Fn(&Wrote<'_>) + Send + Sync>;

/// Who hears of rows, by the path of the model.
#[derive(Default)]
pub(super) struct RowListeners {
    listeners: RwLock<Vec<(&'static str, Callback)>>,
    /// What a write looks at when nobody listens.
    any: AtomicBool,
}

impl RowListeners {
    /// Whether anybody listens at all.
    pub(super) fn has_any(&self) -> bool {
        self.any.load(Ordering::Relaxed)
    }

    fn of(&self, shape: &'static Shape) -> Vec<Callback> {
        let listeners = self.listeners.read().unwrap_or_else(PoisonError::into_inner);
        let those = listeners.iter().filter(|(path, _)| *path == shape.path);
        those.map(|(_, callback)| Arc::clone(callback)).collect()
    }
}

impl Engine {
    /// Calls back for every document of a model that is written, after the commit, for as long as the engine lives. Of what
    /// [`on`](Engine::on) does not hear, this does not either. The callback must neither block nor panic.
    pub(crate) fn on_rows(
        &self,
        shape: &'static Shape,
        callback: impl Fn(&Wrote<'_>) + Send + Sync + 'static,
    ) {
        let rows = self.row_listeners();
        let entry = (shape.path.as_str(), Arc::new(callback) as Callback);
        rows.listeners.write().unwrap_or_else(PoisonError::into_inner).push(entry);
        rows.any.store(true, Ordering::Relaxed);
    }
}

impl Cx {
    /// Tells whoever listens to rows, after the commit.
    pub(super) fn tell_of_rows(&self, shape: &'static Shape, event: EmitterEvent, rows: &[Row]) {
        let listeners = self.engine().row_listeners();
        if !listeners.has_any() {
            return;
        }
        let callbacks = listeners.of(shape);
        if callbacks.is_empty() {
            return;
        }
        let depth = self.depth();
        let Some(open) = self.open() else {
            tell(&callbacks, shape, event, rows, depth);
            return;
        };
        let rows = rows.to_vec();
        open.after_commit(Box::new(move || {
            Box::pin(async move { tell(&callbacks, shape, event, &rows, depth) })
        }));
    }
}

fn tell(callbacks: &[Callback], shape: &'static Shape, event: EmitterEvent, rows: &[Row], depth: u8) {
    for row in rows {
        let wrote = Wrote { shape, event, row, depth };
        callbacks.iter().for_each(|callback| callback(&wrote));
    }
}
