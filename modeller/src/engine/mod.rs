//! What models *do*: the one pipeline that every call goes through, and the Rust API beside it.

mod call;

pub use call::{Argument, Arguments, BodyKind, Call, Identity, Operation, Reply};
