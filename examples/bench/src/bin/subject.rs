//! The server that is measured: the model of `baseline`, with nothing written by hand.

use std::process::ExitCode;

use modeller::prelude::*;

#[path = "../user.rs"]
mod user;

/// Greets somebody.
#[modeller::method(user::User)]
#[derive(Serialize, Deserialize, JsonSchema, Validate)]
struct Greet {
    #[validate(email)]
    email: String,
    #[validate(length(min = 1, max = 100))]
    name: String,
    #[validate(range(min = 1, max = 100))]
    times: u32,
}

/// What is said.
#[derive(Serialize, JsonSchema)]
struct Greeting {
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

fn main() -> ExitCode {
    App::new().main()
}
