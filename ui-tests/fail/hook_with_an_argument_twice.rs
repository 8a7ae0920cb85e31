use modeller::prelude::*;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    pub email: String,
}

#[modeller::hook(User, before(insert))]
async fn normalize(user: &mut User, other: &mut User) -> Result<()> {
    user.email = other.email.clone();
    Ok(())
}

fn main() {}
