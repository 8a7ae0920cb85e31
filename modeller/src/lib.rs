#![doc = include_str!("../../README.md")]

extern crate self as modeller;

#[doc(hidden)]
pub mod __private;
#[cfg(feature = "server")]
pub mod app;
#[cfg(feature = "server")]
pub mod doors;
#[cfg(feature = "engine")]
pub mod engine;
pub mod model;
pub mod prelude;
pub mod query;
pub mod registry;
#[cfg(feature = "engine")]
pub mod store;

#[cfg(feature = "server")]
pub use app::App;
#[cfg(feature = "engine")]
pub use engine::{Cx, Records};
pub use model::{Code, Column, Doc, Error, Id, Model, Ref, Result};
#[doc = include_str!("../docs/model.md")]
pub use modeller_macros::Model;
