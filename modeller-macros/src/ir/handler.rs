//! What an attribute on a function or a payload declares, checked.

use proc_macro2::Ident;
use syn::{Attribute, Generics, Type, Visibility};

use crate::vocab::Kind;

/// What the registry gets of every declaration.
pub(crate) struct Names {
    /// On the wire.
    pub(crate) wire: String,
    /// In Rust.
    pub(crate) rust: String,
    /// The documentation comment as text.
    pub(crate) docs: String,
    /// The conditions (`#[cfg(..)]`) that the item stands under.
    pub(crate) conditions: Vec<Attribute>,
    /// The fields of its payload of which there is something to say.
    pub(crate) fields: Vec<Listed>,
}

/// A field of a payload that is read by another name, or has messages of its own.
pub(crate) struct Listed {
    /// The name in Rust.
    pub(crate) rust: String,
    /// The name on the wire.
    pub(crate) wire: String,
    /// By schema keyword.
    pub(crate) messages: Vec<(String, String)>,
}

/// How to call the user's function.
pub(crate) struct Call {
    pub(crate) function: Ident,
    pub(crate) is_async: bool,
    pub(crate) arguments: Vec<Argument>,
    /// What it returns, if it says so.
    pub(crate) output: Option<Type>,
}

/// An argument of the user's function.
pub(crate) enum Argument {
    /// It is asked for by its type.
    Given(Type),
    /// A field of the payload.
    Field(Ident),
}

/// A hook.
pub(crate) struct Hook {
    pub(crate) names: Names,
    pub(crate) model: Type,
    /// Constructors of `HookPoint`, and variants of `Operation`.
    pub(crate) points: Vec<(Ident, Ident)>,
    pub(crate) order: Option<i32>,
    /// Milliseconds.
    pub(crate) schedule: Option<u64>,
    /// Milliseconds.
    pub(crate) timeout: Option<u64>,
    pub(crate) call: Call,
}

/// A worker.
pub(crate) struct Worker {
    /// Without a name on the wire if it is unsigned.
    pub(crate) names: Names,
    pub(crate) model: Option<Type>,
    /// Milliseconds.
    pub(crate) every: u64,
    pub(crate) immediate: bool,
    pub(crate) call: Call,
}

/// A rule.
pub(crate) struct Rule {
    pub(crate) names: Names,
    pub(crate) model: Option<Type>,
    /// A pattern of topics.
    pub(crate) topic: String,
    /// Milliseconds.
    pub(crate) timeout: Option<u64>,
    pub(crate) call: Call,
}

/// A method, a query, an event or a job.
pub(crate) struct Payload {
    pub(crate) kind: PayloadKind,
    pub(crate) names: Names,
    pub(crate) model: Option<Type>,
    pub(crate) ident: Ident,
    /// If it was written as a function.
    pub(crate) function: Option<Function>,
}

/// Which one, with what is only said of it.
pub(crate) enum PayloadKind {
    Method,
    Query,
    Event,
    Job { attempts: Option<u32>, backoff: Option<u64>, timeout: Option<u64>, cron: Option<String> },
}

/// A function that stands for a payload and what is done with it.
pub(crate) struct Function {
    pub(crate) visibility: Visibility,
    pub(crate) docs: Vec<Attribute>,
    pub(crate) fields: Vec<Field>,
    pub(crate) call: Call,
}

/// A field of the payload's struct.
pub(crate) struct Field {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) ident: Ident,
    pub(crate) ty: Type,
}

/// What a payload with errors still promises to the code around it.
pub(crate) struct Stub {
    pub(crate) kind: Kind,
    pub(crate) conditions: Vec<Attribute>,
    pub(crate) ident: Ident,
    pub(crate) generics: Generics,
    pub(crate) model: Option<Type>,
    /// Whether it can have all derives of a payload.
    pub(crate) derives: bool,
    pub(crate) function: Option<Function>,
}
