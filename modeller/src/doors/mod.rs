//! Doors: they turn bytes into calls and replies into bytes. They decide nothing, and none knows another.

pub mod docs;
pub mod http;
pub mod metadata;
pub mod openapi;
#[cfg(test)]
mod sample;
#[cfg(feature = "socketio")]
pub mod socketio;
#[cfg(feature = "live")]
pub mod ws;
