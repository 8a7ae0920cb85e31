use modeller::prelude::*;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    pub email: String,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
pub struct Address {
    pub street: String,
}

#[modeller::query(User)]
async fn find_by_email(Address { street: email }: Address) -> Result<String> {
    Ok(email)
}

fn main() {}
