use modeller::prelude::*;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    pub email: String,
}

#[modeller::method(User, nam = "other")]
async fn reset_password(#[validate(email)] email: String) -> Result<String> {
    Ok(email)
}

fn main() {
    let payload = ResetPassword { email: "a@b.c".into() };
    drop(reset_password(payload.email));
}
