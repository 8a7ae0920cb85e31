use modeller::prelude::*;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    pub email: String,
}

#[modeller::query(User)]
async fn find_by_email<T: Send>(email: String) -> Result<String> {
    Ok(email)
}

fn main() {}
