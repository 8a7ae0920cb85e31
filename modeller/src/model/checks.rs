//! One trait for each thing that a model's struct must be able to do, so that forgetting a derive is one clear
//! message of ours instead of several of rustc's. [`Descriptor::new`](super::Descriptor::new) asks for them by name:
//! rustc shows the message of a bound only where the bound itself stands, not where it follows from another one.

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use validator::Validate;

/// Every type with serde's [`Serialize`]: a model is written to the store and to answers with it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be a model, because it does not implement `Serialize`",
    label = "add `Serialize` to the derives of this struct",
    note = "a model derives `Serialize, Deserialize, JsonSchema, Validate, Model`"
)]
pub trait Serializes: Serialize {}

/// Every type with serde's `Deserialize` that borrows nothing: a model is read from the store and from payloads with it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be a model, because it does not implement `Deserialize`",
    label = "add `Deserialize` to the derives of this struct",
    note = "a model derives `Serialize, Deserialize, JsonSchema, Validate, Model`"
)]
pub trait Deserializes: DeserializeOwned {}

/// Every type with schemars' [`JsonSchema`]: a model's columns and its published schema come from it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be a model, because it does not implement `JsonSchema`",
    label = "add `JsonSchema` (of the crate `schemars`) to the derives of this struct",
    note = "a model derives `Serialize, Deserialize, JsonSchema, Validate, Model`"
)]
pub trait HasSchema: JsonSchema {}

/// Every type with validator's [`Validate`]: a model's own rules run with it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be a model, because it does not implement `Validate`",
    label = "add `Validate` (of the crate `validator`) to the derives of this struct",
    note = "a model derives `Serialize, Deserialize, JsonSchema, Validate, Model`"
)]
pub trait Validates: Validate {}

#[diagnostic::do_not_recommend]
impl<T: Serialize> Serializes for T {}

#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned> Deserializes for T {}

#[diagnostic::do_not_recommend]
impl<T: JsonSchema> HasSchema for T {}

#[diagnostic::do_not_recommend]
impl<T: Validate> Validates for T {}

/// All that a derived [`Model`](super::Model) is made of. The derive's implementation holds where this holds, so that a
/// forgotten derive is reported once, by the descriptor, and not a second time as what follows from it.
#[doc(hidden)]
pub trait Derived: Serializes + Deserializes + HasSchema + Validates + Send + Sync {}

impl<T: Serializes + Deserializes + HasSchema + Validates + Send + Sync> Derived for T {}
