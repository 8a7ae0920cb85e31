use modeller::prelude::*;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    pub email: String,
}

#[modeller::hook(User, before(insert))]
async fn normalize(email: String) -> Result<()> {
    println!("{email}");
    Ok(())
}

fn main() {}
