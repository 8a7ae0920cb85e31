use modeller::prelude::*;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    pub email: String,
}

#[modeller::query(User, nam = "other")]
async fn find_by_email(#[validate(email)] email: String) -> Result<String> {
    Ok(email)
}

fn main() {
    let payload = FindByEmail { email: "a@b.c".into() };
    drop(find_by_email(payload.email));
}
