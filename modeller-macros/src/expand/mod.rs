//! From what is right to tokens. Nothing here can fail.

mod call;
mod checks;
mod columns;
pub(crate) mod handler;
mod implementation;
pub(crate) mod model;
pub(crate) mod paths;
pub(crate) mod payload;
mod register;
pub(crate) mod stub;
