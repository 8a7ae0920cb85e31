use modeller::prelude::*;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    pub email: String,
}

#[modeller::event(User, nam = "other")]
async fn show_typing(#[validate(email)] email: String) -> Result<String> {
    Ok(email)
}

fn main() {
    let payload = ShowTyping { email: "a@b.c".into() };
    drop(show_typing(payload.email));
}
