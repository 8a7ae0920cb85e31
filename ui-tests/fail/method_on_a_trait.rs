use modeller::prelude::*;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    pub email: String,
}

#[modeller::method(User)]
pub trait ResetPassword {
    fn email(&self) -> String;
}

fn main() {}
