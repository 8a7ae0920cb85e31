//! Doors: they turn bytes into calls and replies into bytes, and decide nothing. No door knows another.

pub mod http;
