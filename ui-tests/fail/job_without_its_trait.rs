use modeller::prelude::*;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    pub email: String,
}

#[modeller::job(User)]
#[derive(Serialize, Deserialize, JsonSchema, Validate)]
pub struct SendMail {
    pub email: String,
}

fn main() {}
