use modeller::prelude::*;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    pub email: String,
}

#[modeller::hook(User, before(insert))]
async fn normalize<'a>(user: &'a mut User) -> Result<()> {
    user.email.clear();
    Ok(())
}

fn main() {}
