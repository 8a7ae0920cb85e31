use std::process::ExitCode;

use modeller::prelude::*;

/// A person who can sign in.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "system", name = "users")]
pub struct User {
    #[validate(email)]
    #[model(unique)]
    pub email: String,
    #[validate(length(min = 1, max = 80))]
    pub name: Option<String>,
    #[model(private)]
    pub password: Option<String>,
    #[serde(default)]
    pub role: Role,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Role {
    #[default]
    Member,
    Admin,
}

fn main() -> ExitCode {
    App::new().main()
}
