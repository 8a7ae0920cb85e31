//! What was written, with its spans: nothing here is checked against anything else.

pub(crate) mod attribute;
pub(crate) mod field;
pub(crate) mod function;
pub(crate) mod item;
pub(crate) mod model;
pub(crate) mod payload;
pub(crate) mod serde;
pub(crate) mod validate;
