//! What comes over the wire to a method, a query, an event or a job.

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use validator::Validate;

use crate::model::{Code, Error, Result};
use crate::registry::Behaviour;
use crate::store::BoxFuture;

/// An answer on its way, as JSON text.
pub type Answering<'a> = BoxFuture<'a, Result<Vec<u8>>>;

/// A plain struct with the four derives of a payload: `Serialize, Deserialize, JsonSchema, Validate`.
///
/// There is nothing to implement.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't come over the wire: a derive is missing",
    label = "add `Serialize, Deserialize, JsonSchema, Validate` to the derives of this struct",
    note = "a payload derives `Serialize, Deserialize, JsonSchema, Validate`"
)]
pub trait Payload: Written + Read + Described + Checked + Send + Sync + 'static {}

impl<T: Written + Read + Described + Checked + Send + Sync + 'static> Payload for T {}

/// Can be written as JSON. One trait a derive, so that each has a message of its own where it is forgotten.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't come over the wire, because it does not implement `Serialize`",
    label = "add `Serialize` to the derives of this struct",
    note = "a payload derives `Serialize, Deserialize, JsonSchema, Validate`"
)]
pub trait Written: Serialize {}

#[diagnostic::do_not_recommend]
impl<T: Serialize> Written for T {}

/// Can be read from JSON. One trait a derive, so that each has a message of its own where it is forgotten.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't come over the wire, because it does not implement `Deserialize`",
    label = "add `Deserialize` to the derives of this struct",
    note = "a payload derives `Serialize, Deserialize, JsonSchema, Validate`"
)]
pub trait Read: DeserializeOwned {}

#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned> Read for T {}

/// Has a schema. One trait a derive, so that each has a message of its own where it is forgotten.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't come over the wire, because it does not implement `JsonSchema`",
    label = "add `JsonSchema` to the derives of this struct",
    note = "a payload derives `Serialize, Deserialize, JsonSchema, Validate`"
)]
pub trait Described: JsonSchema {}

#[diagnostic::do_not_recommend]
impl<T: JsonSchema> Described for T {}

/// Has rules. One trait a derive, so that each has a message of its own where it is forgotten.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't come over the wire, because it does not implement `Validate`",
    label = "add `Validate` to the derives of this struct",
    note = "a payload derives `Serialize, Deserialize, JsonSchema, Validate`"
)]
pub trait Checked: Validate {}

#[diagnostic::do_not_recommend]
impl<T: Validate> Checked for T {}

/// Decodes and validates a payload, as a model's is.
///
/// # Errors
/// `PARSE_ERROR`, `VALIDATION_ERROR`.
pub(super) fn accept<P: Payload>(behaviour: &'static Behaviour, json: &[u8]) -> Result<P> {
    behaviour.payload_shape()?.accept(json)
}

/// An answer as JSON.
///
/// # Errors
/// If it can't be written as JSON.
pub(super) fn encode<T: Serialize>(answer: &T) -> Result<Vec<u8>> {
    serde_json::to_vec(answer).map_err(|error| {
        tracing::error!(%error, "an answer can't be written as JSON");
        Error::new(Code::InternalError, "the answer can't be written as JSON")
    })
}
