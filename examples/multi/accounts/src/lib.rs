//! The accounts of the multi-crate example.

use modeller::prelude::*;

/// Who pays.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "accounts", name = "customers")]
pub struct Customer {
    /// Where the bills go.
    #[validate(email)]
    #[model(unique)]
    pub email: String,
}
