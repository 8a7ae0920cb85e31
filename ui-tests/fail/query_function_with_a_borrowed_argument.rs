use modeller::prelude::*;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    pub email: String,
}

#[modeller::query(User)]
async fn find_by_email(email: &str) -> Result<String> {
    Ok(email.to_owned())
}

fn main() {}
