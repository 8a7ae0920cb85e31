use modeller::prelude::*;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    pub email: String,
}

#[modeller::hook(User, after(insert), schedule = "2 weeks")]
async fn seen(user: &Doc<User>) -> Result<()> {
    println!("{}", user.email);
    Ok(())
}

fn main() {}
