use modeller::prelude::*;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    pub email: String,
}

#[modeller::job(User)]
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct SendMail(pub String);

fn main() {}
