//! What generated code may name: this and nothing else of the crate. Not part of the public interface.

pub use crate::__site as site;
pub use crate::model::{Column, Derived, Descriptor, Field, Generated, Model, Reference, Site};
pub use crate::registry::Entry;
pub use inventory;

/// The place of the macro call.
#[doc(hidden)]
#[macro_export]
macro_rules! __site {
    () => {
        $crate::__private::Site {
            package: ::core::env!("CARGO_PKG_NAME"),
            module: ::core::module_path!(),
            file: ::core::file!(),
            line: ::core::line!(),
        }
    };
}
