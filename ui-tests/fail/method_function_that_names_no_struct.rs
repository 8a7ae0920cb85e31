use modeller::prelude::*;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    pub email: String,
}

#[modeller::method(User)]
async fn _1(email: String) -> Result<String> {
    Ok(email)
}

fn main() {}
