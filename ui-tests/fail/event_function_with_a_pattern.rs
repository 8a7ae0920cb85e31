use modeller::prelude::*;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    pub email: String,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
pub struct Address {
    pub street: String,
}

#[modeller::event(User)]
async fn show_typing(Address { street: email }: Address) -> Result<String> {
    Ok(email)
}

fn main() {}
