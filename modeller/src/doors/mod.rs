//! Doors: what turns bytes into calls and replies into bytes. They decide nothing, and never import each other.

pub mod docs;
pub mod metadata;
pub mod openapi;
#[cfg(test)]
mod sample;
