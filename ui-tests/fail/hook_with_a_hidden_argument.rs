use modeller::prelude::*;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    pub email: String,
}

#[modeller::hook(User, before(insert))]
async fn normalize(user: &mut User, by: impl Into<String>) -> Result<()> {
    user.email = by.into();
    Ok(())
}

fn main() {}
