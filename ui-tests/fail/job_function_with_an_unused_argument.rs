use modeller::prelude::*;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    pub email: String,
}

#[modeller::job(User)]
async fn send_mail(_email: String) -> Result<()> {
    Ok(())
}

fn main() {}
