use modeller::prelude::*;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    pub email: String,
}

#[modeller::hook(User, before(insert))]
async fn normalize(user: &mut User) -> Result<()> {
    let shared = std::rc::Rc::new(user.email.clone());
    std::future::ready(()).await;
    user.email = shared.to_lowercase();
    Ok(())
}

fn main() {}
