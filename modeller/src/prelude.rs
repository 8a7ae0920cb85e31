//! What an application's source needs: `use modeller::prelude::*;`.
//!
//! The four derives of a model are among it, so that `serde`, `schemars` and `validator` have to stand in `Cargo.toml`
//! (their derives name those crates), but in no `use`.

#[cfg(feature = "server")]
pub use crate::app::App;
#[cfg(feature = "engine")]
pub use crate::engine::{
    Configured, Cx, Event, Find, HookEvent, Job, Listing, Method, Page, Patch, Previous, Query, Records,
    Secret, Subscription, Subscriptions,
};
#[cfg(feature = "live")]
pub use crate::live::RuleEvent;
pub use crate::model::{Code, Column, Doc, Error, Id, Model, Ref, Result};
pub use crate::query::{Change, Figure, Predicate, Sort};
pub use modeller_macros::Model;
pub use schemars::JsonSchema;
pub use serde::{Deserialize, Serialize};
pub use validator::Validate;
