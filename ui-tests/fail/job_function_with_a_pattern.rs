use modeller::prelude::*;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    pub email: String,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
pub struct Address {
    pub street: String,
}

#[modeller::job(User)]
async fn send_mail(Address { street: email }: Address) -> Result<()> {
    println!("{email}");
    Ok(())
}

fn main() {}
