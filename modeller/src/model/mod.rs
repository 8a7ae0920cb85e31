//! What a model *is*: its descriptor, its shape, its values and its errors. No I/O, nothing async.

mod checks;
mod close;
mod column;
mod datetime;
mod decimal;
mod decimal_math;
mod descriptor;
mod doc;
mod error;
#[cfg(feature = "engine")]
mod explain;
mod finite;
#[cfg_attr(not(feature = "engine"), allow(dead_code))]
mod formats;
mod from_row;
mod generate;
mod geo;
#[cfg(feature = "engine")]
mod integral;
mod json;
#[cfg_attr(not(feature = "engine"), allow(dead_code))]
mod judge;
mod kinds;
#[cfg(feature = "engine")]
mod merge;
#[cfg(feature = "engine")]
mod pairs;
mod parse_fault;
#[cfg(feature = "engine")]
mod payload;
mod refers;
mod relation;
mod row;
#[cfg_attr(not(feature = "engine"), allow(dead_code))]
mod rules;
mod schema;
mod schema_update;
mod shape;
#[cfg_attr(not(feature = "engine"), allow(dead_code))]
mod strict;
mod suggest;
mod to_cell;
mod to_row;
#[cfg(feature = "engine")]
mod validate;
mod value;

use std::any::Any;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use validator::{Validate, ValidationErrors};

pub use checks::{Derived, Deserializes, HasSchema, Serializes, Validates};
pub use column::Column;
pub use datetime::normalize_datetime;
pub use decimal::compare_decimal;
pub use descriptor::{Descriptor, Field, Generated, Record, Reference, Site};
pub use doc::{Doc, Id, Ref};
pub use error::{Code, Error, Result, Violation};
pub use generate::{fill_generated, id_of, new_id};
pub use geo::{Coordinate, Geo, Searchable};
pub use json::{View, write_cell, write_row};
#[cfg(feature = "engine")]
pub use merge::{carry_system, check_patch, merge, merge_without};
#[cfg(feature = "engine")]
pub use payload::PayloadShape;
pub use refers::{Emptied, EmptiedRefers, Refers};
pub use relation::{Link, OnDelete, Relation, Relations};
pub use row::{doc_from_row, from_row, to_row, to_value};
pub use schema::{doc_schema, patch_schema};
pub use schema_update::{operator_schemas, update_schema};
pub use shape::{ColumnInfo, Shape, ShapeFault, Target};
pub use strict::{MAX_DEPTH, check_json};
pub use suggest::nearest;
#[cfg(feature = "engine")]
pub(crate) use suggest::shown;
#[cfg(feature = "engine")]
pub use validate::{accept, check_record};
pub use value::{Cell, Kind, Row, RowView, Value};

/// A struct that is stored, validated and served. `#[derive(Model)]` implements it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a model",
    label = "this has no `#[derive(Model)]`",
    note = "a model derives `Serialize, Deserialize, JsonSchema, Validate, Model`"
)]
pub trait Model:
    Serialize + DeserializeOwned + JsonSchema + Validate + Send + Sync + Sized + 'static
{
    /// The document's id, on the wire `_id`.
    const ID: Column<Self, Id<Self>> = Column::new(Shape::ID);
    /// How often the document was written, from 1; on the wire `_version`.
    const VERSION: Column<Self, i64> = Column::new(Shape::VERSION);
    /// When the document was inserted, in Unix milliseconds; on the wire `_createdAt`.
    const CREATED_AT: Column<Self, i64> = Column::new(Shape::CREATED_AT);
    /// When the document was last written, in Unix milliseconds; on the wire `_updatedAt`.
    const UPDATED_AT: Column<Self, i64> = Column::new(Shape::UPDATED_AT);

    /// What the macro knows of the model.
    fn descriptor() -> &'static Descriptor;
}

#[doc(hidden)]
pub use refers::{on_delete_of_refers, set_null_of, set_null_of_refers};

#[cfg(feature = "engine")]
pub(crate) use datetime::civil_date;
pub(crate) use datetime::instant;
// The derive's checks name them.
pub(crate) use decimal_math::{DecimalSum, canonical_decimal};
#[cfg(feature = "engine")]
pub(crate) use generate::is_blank;
#[doc(hidden)]
pub use geo::{coordinate, searchable};
#[cfg(feature = "engine")]
pub(crate) use json::write_fields;
#[cfg(feature = "engine")]
pub(crate) use merge::immutable_key;
pub(crate) use schema::{rooted, schema_of};

/// The row of a struct that was checked before it was written as JSON.
///
/// # Errors
/// `VALIDATION_ERROR` if the struct has changed since.
#[cfg(feature = "engine")]
pub(crate) fn decoded(shape: &Shape, json: &[u8]) -> Result<Row> {
    let record = (shape.descriptor.glue.decode)(json).map_err(|error| {
        Error::new(Code::ValidationError, format!("this no longer fits `{}`: {error}", shape.path))
    })?;
    record.to_row(shape)
}

pub(crate) fn decode<M: Derived + 'static>(json: &[u8]) -> serde_json::Result<Box<dyn Record>> {
    serde_json::from_slice::<M>(json).map(|model| Box::new(model) as Box<dyn Record>)
}

impl<M: Derived + 'static> Record for M {
    fn check(&self) -> std::result::Result<(), ValidationErrors> {
        self.validate()
    }

    fn to_row(&self, shape: &Shape) -> Result<Row> {
        to_row(self, shape)
    }

    fn as_any(&mut self) -> &mut dyn Any {
        self
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any + Send + Sync> {
        self
    }
}
