//! What is kept of a procedure: a built-in model like any other.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use validator::Validate;

use crate::Model;
use crate::model::{Code, Error, Result};

/// A procedure as it is kept: the model `_modeller/procedures`.
///
/// No door serves it: [`Procedures`](super::Procedures) checks what becomes one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(builtin, scope = "_modeller", name = "procedures", crate = crate)]
pub struct Procedure {
    /// By what name it is called.
    #[model(key)]
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// The whole of it, as JSON text.
    pub definition: String,
}

impl Procedure {
    /// The whole of it.
    ///
    /// # Errors
    /// `INTERNAL_ERROR` if what is kept is no JSON.
    pub fn json(&self) -> Result<Json> {
        serde_json::from_str(&self.definition)
            .map_err(|_| Error::new(Code::InternalError, format!("the procedure `{}` is no JSON", self.name)))
    }
}
