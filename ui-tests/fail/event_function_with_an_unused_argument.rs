use modeller::prelude::*;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    pub email: String,
}

#[modeller::event(User)]
async fn show_typing(_email: String) -> Result<String> {
    Ok(String::new())
}

fn main() {}
