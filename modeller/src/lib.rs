//! Declare a struct, get a backend.

extern crate self as modeller;

#[doc(hidden)]
pub mod __private;
pub mod model;
pub mod query;
pub mod registry;
#[cfg(feature = "engine")]
pub mod store;

pub use model::{Code, Column, Doc, Error, Id, Model, Ref, Result};
#[doc = include_str!("../docs/model.md")]
pub use modeller_macros::Model;
