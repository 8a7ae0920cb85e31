//! What rooms above keep for an application, without the engine knowing of them.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// One thing of each type.
#[derive(Default)]
pub(super) struct Parts(Mutex<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>);

impl Parts {
    /// The thing of this type, made if there is none yet. Making it must not ask for another one.
    pub(super) fn get<T: Any + Send + Sync>(&self, make: impl FnOnce() -> Arc<T>) -> Arc<T> {
        let mut parts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let part = parts.get(&TypeId::of::<T>()).and_then(|part| Arc::clone(part).downcast().ok());
        part.unwrap_or_else(|| {
            let part = make();
            parts.insert(TypeId::of::<T>(), part.clone());
            part
        })
    }
}
