//! From what was written to what is right, or to errors: all of them, each with its place.

mod field;
mod function;
mod geo;
pub(crate) mod handler;
pub(crate) mod model;
mod points;
mod sets;
pub(crate) mod stub;
pub(crate) mod topic;
mod values;
mod wire;
