//! The model of `baseline`, with nothing written by hand.

use modeller::prelude::*;

/// What a user may do.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Everything.
    Admin,
    /// The usual.
    #[default]
    User,
}

/// Somebody with an account.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "system", name = "users")]
pub struct User {
    #[validate(email)]
    #[model(unique)]
    pub email: String,
    #[validate(length(min = 1, max = 100))]
    name: Option<String>,
    #[model(private)]
    password: Option<String>,
    #[serde(default)]
    role: Role,
    #[validate(range(min = 0, max = 1000))]
    #[model(index)]
    age: i64,
}
