use modeller::prelude::*;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    pub email: String,
}

#[modeller::job(User)]
pub trait SendMail {
    fn email(&self) -> String;
}

fn main() {}
