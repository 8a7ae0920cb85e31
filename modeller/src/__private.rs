//! What generated code may name: this and nothing else of the crate. Not part of the public interface.

pub use crate::__names as names;
pub use crate::__site as site;
pub use crate::__submit as submit;
#[cfg(feature = "engine")]
pub use crate::engine::behaviour::declare::*;
#[cfg(feature = "engine")]
pub use crate::engine::behaviour::function::*;
#[cfg(feature = "engine")]
pub use crate::engine::behaviour::*;
#[cfg(feature = "engine")]
pub use crate::engine::{Cx, Operation, Subscription};
// For the benchmark of it.
#[cfg(feature = "live")]
pub use crate::live::index::Index;
#[cfg(feature = "live")]
pub use crate::live::rule::declared::{FromRule, RuleFunction, rule};
#[cfg(feature = "engine")]
pub use crate::model::Result;
pub use crate::model::{
    Column, Derived, Descriptor, Field, Generated, Geo, Model, OnDelete, Reference, Site, coordinate,
    on_delete_of_refers, searchable, set_null_of, set_null_of_refers,
};
pub use crate::registry::{Behaviour, Entry};
#[cfg(feature = "engine")]
pub use crate::store::BoxFuture;
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

/// Leaves a behaviour for the registry.
#[doc(hidden)]
#[macro_export]
macro_rules! __submit {
    ($behaviour:ident) => {
        $crate::__private::inventory::submit! { $crate::__private::Entry::behaviour(&$behaviour) }
    };
    ($made:expr) => {
        static BEHAVIOUR: $crate::__private::Behaviour = $made;
        $crate::__private::submit!(BEHAVIOUR);
    };
}

/// The names of a declaration, and those fields of its payload that have another name on the wire or messages.
#[doc(hidden)]
#[macro_export]
macro_rules! __names {
    (
        $wire:literal, $rust:literal, $docs:literal
        $(, $field:literal as $name:literal { $($keyword:literal => $message:literal),* })*
    ) => {
        $crate::__private::Names {
            name: $wire,
            rust: $rust,
            docs: $docs,
            fields: &[$($crate::__private::Field::new($field, $name).messages(&[$(($keyword, $message)),*])),*],
        }
    };
}
