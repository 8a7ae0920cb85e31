use modeller::prelude::*;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    pub email: String,
}

#[modeller::event(User)]
async fn show_typing(cx: Cx, email: String) -> Result<String> {
    let _ = cx;
    Ok(email)
}

fn main() {}
