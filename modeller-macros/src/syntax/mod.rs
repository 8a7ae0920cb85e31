//! What was written, with its spans: nothing here is checked against anything else.

pub(crate) mod field;
pub(crate) mod model;
pub(crate) mod serde;
pub(crate) mod validate;
