//! From what is right to tokens. Nothing here can fail.

mod columns;
mod implementation;
pub(crate) mod model;
pub(crate) mod paths;
pub(crate) mod stub;
