//! Doors: they turn bytes into calls and replies into bytes. They decide nothing, and none knows another.

#[cfg(feature = "live")]
pub(crate) mod asyncapi;
pub mod docs;
pub mod http;
pub mod metadata;
pub mod openapi;
#[cfg(feature = "live")]
pub(crate) mod protocol;
#[cfg(test)]
mod sample;
pub(crate) mod schemas;
#[cfg(feature = "socketio")]
pub mod socketio;
mod stream;
#[cfg(feature = "live")]
mod upgraded;
#[cfg(feature = "live")]
mod writing;
#[cfg(feature = "live")]
pub mod ws;
