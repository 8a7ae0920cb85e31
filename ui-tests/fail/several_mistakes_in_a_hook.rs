use modeller::prelude::*;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    pub email: String,
}

#[modeller::hook(User, before(insert, get), order = "first", tiemout = "5s")]
async fn normalize<T>(user: &mut User) -> Result<()> {
    user.email.clear();
    Ok(())
}

fn main() {}
