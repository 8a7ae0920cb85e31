use modeller::prelude::*;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    pub email: String,
}

#[modeller::event(User)]
async fn show_typing(to: &mut Subscription, email: String) -> Result<String> {
    let _ = to;
    Ok(email)
}

fn main() {}
