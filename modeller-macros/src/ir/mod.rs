//! What is known to be right. Nothing here can be wrong, so `expand` can't fail.

pub(crate) mod handler;
pub(crate) mod model;
