//! What rooms above keep with an engine, one of each type: whoever has a `Cx` finds it there.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::Engine;

#[derive(Default)]
pub(super) struct Kept(RwLock<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>);

impl Engine {
    /// Keeps something for as long as the engine lives, unless there is one of this type. It must not hold the engine.
    pub(crate) fn keep<T: Any + Send + Sync>(&self, thing: T) -> bool {
        let mut kept = self.kept.0.write().unwrap_or_else(PoisonError::into_inner);
        let is_new = !kept.contains_key(&TypeId::of::<T>());
        if is_new {
            kept.insert(TypeId::of::<T>(), Arc::new(thing));
        }
        is_new
    }

    /// What is kept of this type.
    pub(crate) fn kept<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        let kept = self.kept.0.read().unwrap_or_else(PoisonError::into_inner);
        kept.get(&TypeId::of::<T>())?.clone().downcast().ok()
    }
}
