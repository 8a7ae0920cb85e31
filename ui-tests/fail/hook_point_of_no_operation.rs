use modeller::prelude::*;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    pub email: String,
}

#[modeller::hook(User, before())]
async fn normalize(user: &mut User) -> Result<()> {
    user.email = user.email.to_lowercase();
    Ok(())
}

fn main() {}
