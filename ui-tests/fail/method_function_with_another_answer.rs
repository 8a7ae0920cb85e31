use modeller::prelude::*;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    pub email: String,
}

#[modeller::method(User)]
async fn reset_password(email: String) -> String {
    email
}

fn main() {}
