//! Descriptors: what a macro leaves behind for the registry, `&'static` and tiny.

use std::any::Any;
use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

use schemars::{Schema, SchemaGenerator};

use super::shape::{Shape, ShapeFault};
use super::value::Row;
use super::{Column, Deserializes, HasSchema, Model, OnDelete, Result, Serializes, Validates};

/// Where in the source an attribute stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Site {
    /// The crate's name.
    pub package: &'static str,
    /// The module's path.
    pub module: &'static str,
    /// The file, as the compiler was given it.
    pub file: &'static str,
    /// The line, from 1.
    pub line: u32,
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{} ({})", self.file, self.line, self.package)
    }
}

/// Where a value comes from when the caller gives none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generated {
    /// A UUID of version 7.
    Uuid,
    /// A collision-resistant id of 25 lower-case letters and digits.
    Cuid,
    /// The next whole number of this field; numbers are not used again.
    Autoincrement,
    /// The time of the insert.
    Timestamp,
}

/// The field of another model that a field's value must exist in.
#[derive(Clone, Copy)]
pub struct Reference {
    /// The other model.
    pub model: fn() -> &'static Descriptor,
    /// Index of its column ([`Shape::columns`]); 0 is `_id`.
    pub column: usize,
}

impl Reference {
    /// A reference to a model's `_id`.
    pub const fn model<M: Model>() -> Self {
        Reference { model: M::descriptor, column: 0 }
    }

    /// A reference to a column of a model.
    pub const fn column<M: Model, T>(column: Column<M, T>) -> Self {
        Reference { model: M::descriptor, column: column.index() }
    }
}

/// A field of a model: what `#[model(..)]` says of it, and its names.
#[derive(Clone, Copy)]
pub struct Field {
    /// The name in Rust, which is also the column's name in the store.
    pub rust: &'static str,
    /// The name on the wire, as serde writes it.
    pub name: &'static str,
    /// The field's value is the document's id.
    pub key: bool,
    /// No two documents have the same value here.
    pub unique: bool,
    /// Filters and sorts on it are fast.
    pub index: bool,
    /// No door shows it or lets a caller filter by it.
    pub private: bool,
    /// A full-text search finds documents by its words.
    pub searchable: bool,
    /// Where the value comes from when the caller gives none.
    pub generated: Option<Generated>,
    /// The value must exist in another model's column.
    pub references: Option<Reference>,
    /// What becomes of the document when what it refers to is deleted.
    pub on_delete: OnDelete,
    /// The column's former name, for migrations.
    pub renamed_from: Option<&'static str>,
    /// Messages of the field's own, by schema keyword (`"format"`, `"minLength"`, ..).
    pub messages: &'static [(&'static str, &'static str)],
}

impl Field {
    /// A field with nothing special about it.
    pub const fn new(rust: &'static str, name: &'static str) -> Self {
        Field {
            rust,
            name,
            key: false,
            unique: false,
            index: false,
            private: false,
            searchable: false,
            generated: None,
            references: None,
            on_delete: OnDelete::Restrict,
            renamed_from: None,
            messages: &[],
        }
    }

    /// Its value is the document's id.
    #[must_use]
    pub const fn key(mut self) -> Self {
        self.key = true;
        self
    }

    /// No two documents have the same value here.
    #[must_use]
    pub const fn unique(mut self) -> Self {
        self.unique = true;
        self
    }

    /// Filters and sorts on it are fast.
    #[must_use]
    pub const fn index(mut self) -> Self {
        self.index = true;
        self
    }

    /// No door shows it.
    #[must_use]
    pub const fn private(mut self) -> Self {
        self.private = true;
        self
    }

    /// A full-text search finds documents by its words.
    #[must_use]
    pub const fn searchable(mut self) -> Self {
        self.searchable = true;
        self
    }

    /// Where the value comes from when the caller gives none.
    #[must_use]
    pub const fn generated(mut self, by: Generated) -> Self {
        self.generated = Some(by);
        self
    }

    /// The value must exist in another model's column.
    #[must_use]
    pub const fn references(mut self, reference: Reference) -> Self {
        self.references = Some(reference);
        self
    }

    /// What becomes of the document when what it refers to is deleted.
    #[must_use]
    pub const fn on_delete(mut self, on_delete: OnDelete) -> Self {
        self.on_delete = on_delete;
        self
    }

    /// The column's former name.
    #[must_use]
    pub const fn renamed_from(mut self, name: &'static str) -> Self {
        self.renamed_from = Some(name);
        self
    }

    /// Messages of the field's own, by schema keyword.
    #[must_use]
    pub const fn messages(mut self, messages: &'static [(&'static str, &'static str)]) -> Self {
        self.messages = messages;
        self
    }
}

/// A boxed model struct, for code that is not generic over models.
///
/// Every [`Model`] is a record; there is nothing to implement.
pub trait Record: Any + Send + Sync {
    /// Runs the rules of `#[validate(..)]`.
    fn check(&self) -> std::result::Result<(), validator::ValidationErrors>;

    /// The fields as a row; the system columns are left `Null`.
    fn to_row(&self, shape: &Shape) -> Result<Row>;

    /// The struct itself, to downcast.
    fn as_any(&mut self) -> &mut dyn Any;

    /// The struct itself, to downcast and take.
    fn into_any(self: Box<Self>) -> Box<dyn Any + Send + Sync>;
}

/// The functions that know the model's struct, behind pointers so that nothing else has to.
pub(crate) struct Glue {
    pub(crate) schema: fn(&mut SchemaGenerator) -> Schema,
    // Payloads come in through the engine.
    #[cfg_attr(not(feature = "engine"), allow(dead_code))]
    pub(crate) decode: fn(&[u8]) -> serde_json::Result<Box<dyn Record>>,
}

/// What is known of a model at compile time. `#[derive(Model)]` writes it.
pub struct Descriptor {
    /// The group of models it belongs to, first part of its path.
    pub scope: &'static str,
    /// Its own name, second part of its path.
    pub name: &'static str,
    /// The struct's name in Rust.
    pub rust: &'static str,
    /// The fields in the order of the struct, without those serde skips.
    pub fields: &'static [Field],
    /// Sets of fields (by their Rust names) of which no two documents have the same values.
    pub unique: &'static [&'static [&'static str]],
    /// Sets of fields (by their Rust names) with an index.
    pub index: &'static [&'static [&'static str]],
    /// Pairs of fields (by their Rust names) that are a position: latitude and longitude, in degrees.
    pub geo: &'static [(&'static str, &'static str)],
    /// How long deleted documents are kept; `None` deletes at once.
    pub trash: Option<Duration>,
    /// How long a document lives after its last write.
    pub ttl: Option<Duration>,
    /// How many documents there may be; the oldest go first.
    pub max_size: Option<u64>,
    /// The model's former path (`scope/name`), for migrations.
    pub renamed_from: Option<&'static str>,
    /// Where the struct stands.
    pub site: Site,
    pub(crate) glue: Glue,
    shape: OnceLock<Result<Shape, ShapeFault>>,
}

impl Descriptor {
    /// A descriptor of `M` with nothing special about it.
    pub const fn new<M>(
        scope: &'static str,
        name: &'static str,
        rust: &'static str,
        fields: &'static [Field],
        site: Site,
    ) -> Self
    where
        M: Serializes + Deserializes + HasSchema + Validates + Send + Sync + 'static,
    {
        Descriptor {
            scope,
            name,
            rust,
            fields,
            unique: &[],
            index: &[],
            geo: &[],
            trash: None,
            ttl: None,
            max_size: None,
            renamed_from: None,
            site,
            glue: Glue { schema: super::schema_of::<M>, decode: super::decode::<M> },
            shape: OnceLock::new(),
        }
    }

    /// Sets of fields that are unique together.
    #[must_use]
    pub const fn unique(mut self, sets: &'static [&'static [&'static str]]) -> Self {
        self.unique = sets;
        self
    }

    /// Sets of fields that are indexed together.
    #[must_use]
    pub const fn index(mut self, sets: &'static [&'static [&'static str]]) -> Self {
        self.index = sets;
        self
    }

    /// Pairs of fields that are a position, latitude first.
    #[must_use]
    pub const fn geo(mut self, pairs: &'static [(&'static str, &'static str)]) -> Self {
        self.geo = pairs;
        self
    }

    /// Keeps deleted documents for this many milliseconds.
    #[must_use]
    pub const fn trash(mut self, milliseconds: u64) -> Self {
        self.trash = Some(Duration::from_millis(milliseconds));
        self
    }

    /// Documents live for this many milliseconds after their last write.
    #[must_use]
    pub const fn ttl(mut self, milliseconds: u64) -> Self {
        self.ttl = Some(Duration::from_millis(milliseconds));
        self
    }

    /// How many documents there may be.
    #[must_use]
    pub const fn max_size(mut self, documents: u64) -> Self {
        self.max_size = Some(documents);
        self
    }

    /// The model's former path.
    #[must_use]
    pub const fn renamed_from(mut self, path: &'static str) -> Self {
        self.renamed_from = Some(path);
        self
    }

    /// The model's shape: columns and schema, worked out at the first call.
    ///
    /// # Errors
    /// If the struct's JSON Schema and its attributes contradict each other.
    pub fn try_shape(&'static self) -> Result<&'static Shape, &'static ShapeFault> {
        self.shape.get_or_init(|| Shape::build(self)).as_ref()
    }

    /// The model's shape. The registry has checked that there is one.
    ///
    /// # Panics
    /// If the struct's JSON Schema and its attributes contradict each other and the model was never registered.
    pub fn shape(&'static self) -> &'static Shape {
        match self.try_shape() {
            Ok(shape) => shape,
            Err(fault) => panic!("{fault}"),
        }
    }
}

impl fmt::Debug for Descriptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.scope, self.name)
    }
}

impl PartialEq for Descriptor {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}
