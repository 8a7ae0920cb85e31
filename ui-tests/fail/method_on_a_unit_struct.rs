use modeller::prelude::*;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    pub email: String,
}

#[modeller::method(User)]
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct ResetPassword;

fn main() {}
