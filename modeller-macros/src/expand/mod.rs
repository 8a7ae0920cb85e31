//! From what is right to tokens. Nothing here can fail.

mod columns;
pub(crate) mod model;
pub(crate) mod paths;
pub(crate) mod stub;
