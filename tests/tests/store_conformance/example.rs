//! The store of the example.

use std::sync::Arc;

use modeller::store::Store;

use crate::file_store::FileStore;
use crate::lab::{File, Lab, TIMEOUT};

/// In a directory of its own.
pub struct Lines(pub File);

impl Lab for Lines {
    fn open(&self) -> Arc<dyn Store> {
        let store = FileStore::open(self.0.0.join("lines.jsonl")).unwrap();
        Arc::new(store.transaction_timeout(TIMEOUT))
    }
}
