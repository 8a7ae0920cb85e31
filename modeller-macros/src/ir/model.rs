//! A model, checked.

use proc_macro2::{Ident, TokenStream};
use syn::{Attribute, Type, Visibility};

/// A checked model.
pub(crate) struct Model {
    pub(crate) ident: Ident,
    pub(crate) scope: String,
    pub(crate) name: String,
    /// The struct's name in Rust.
    pub(crate) rust: String,
    pub(crate) fields: Vec<Field>,
    /// Sets of Rust names.
    pub(crate) unique: Vec<Vec<String>>,
    /// Sets of Rust names.
    pub(crate) index: Vec<Vec<String>>,
    pub(crate) geo: Vec<Pair>,
    /// Milliseconds.
    pub(crate) trash: Option<u64>,
    /// Milliseconds.
    pub(crate) ttl: Option<u64>,
    pub(crate) max_size: Option<u64>,
    pub(crate) renamed_from: Option<String>,
}

/// A checked field.
pub(crate) struct Field {
    /// The name in Rust.
    pub(crate) rust: String,
    /// The name on the wire.
    pub(crate) wire: String,
    pub(crate) column: Column,
    pub(crate) key: bool,
    pub(crate) unique: bool,
    pub(crate) index: bool,
    pub(crate) private: bool,
    pub(crate) searchable: bool,
    /// A variant of `Generated`.
    pub(crate) generated: Option<Ident>,
    pub(crate) references: Option<Reference>,
    pub(crate) on_delete: Option<OnDelete>,
    pub(crate) renamed_from: Option<String>,
    /// By schema keyword.
    pub(crate) messages: Vec<(String, String)>,
}

/// The constant of a field.
pub(crate) struct Column {
    pub(crate) constant: Ident,
    pub(crate) visibility: Visibility,
    /// The field's documentation, or a sentence instead of it.
    pub(crate) docs: Vec<Attribute>,
    pub(crate) ty: Type,
}

/// Two fields that are a position.
pub(crate) struct Pair {
    pub(crate) constant: Ident,
    pub(crate) visibility: Visibility,
    /// Indexes among the fields.
    pub(crate) latitude: usize,
    pub(crate) longitude: usize,
}

/// The target of a reference.
pub(crate) enum Reference {
    /// The type of a model.
    Model(TokenStream),
    /// The constant of a column.
    Column(TokenStream),
}

/// What becomes of the document when what it refers to is deleted.
pub(crate) struct OnDelete {
    /// A variant of `OnDelete`.
    pub(crate) variant: Ident,
    /// Whether it empties the field.
    pub(crate) empties: bool,
    /// The field's type, without `Self`.
    pub(crate) ty: TokenStream,
}

/// What a model with errors still promises to the code around it.
pub(crate) struct Stub {
    pub(crate) ident: Ident,
    pub(crate) columns: Vec<Column>,
    pub(crate) geo: Vec<Pair>,
}
