use modeller::prelude::*;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    pub email: String,
}

#[modeller::hook(User, after(insert))]
async fn seen(before: Previous<'_, User>) -> Result<()> {
    println!("{}", before.email);
    Ok(())
}

fn main() {}
