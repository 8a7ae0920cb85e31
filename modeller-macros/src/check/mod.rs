//! From what was written to what is right, or to errors: all of them, each with its place.

mod field;
pub(crate) mod model;
mod sets;
pub(crate) mod stub;
mod values;
mod wire;
