//! The model of `baseline`, and its method, with nothing written by hand.

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

/// Greets somebody.
#[modeller::method(User)]
#[derive(Serialize, Deserialize, JsonSchema, Validate)]
pub struct Greet {
    #[validate(email)]
    email: String,
    #[validate(length(min = 1, max = 100))]
    name: String,
    #[validate(range(min = 1, max = 100))]
    times: u32,
}

/// What is said.
#[derive(Serialize, JsonSchema)]
pub struct Greeting {
    to: String,
    text: String,
    times: u32,
}

impl Method for Greet {
    type Reply = Greeting;

    async fn call(self, _: &Cx) -> Result<Greeting> {
        Ok(Greeting { to: self.email, text: format!("Hello, {}!", self.name), times: self.times })
    }
}
