use modeller::prelude::*;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    pub email: String,
}

#[modeller::query(User)]
async fn find_by_email(_email: String) -> Result<String> {
    Ok(String::new())
}

fn main() {}
