//! Declare a struct, get a backend.

extern crate self as modeller;

#[doc(hidden)]
pub mod __private;
#[cfg(feature = "server")]
pub mod doors;
#[cfg(feature = "engine")]
pub mod engine;
pub mod model;
pub mod query;
pub mod registry;
#[cfg(feature = "engine")]
pub mod store;

pub use model::{Code, Column, Doc, Error, Id, Model, Ref, Result};
pub use modeller_macros::Model;
