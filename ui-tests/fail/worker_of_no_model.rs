use modeller::prelude::*;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    pub email: String,
}

pub struct Address {
    pub street: String,
}

#[modeller::worker(Address, every = "5s")]
async fn sweep(cx: &Cx) -> Result<()> {
    let _ = cx;
    Ok(())
}

fn main() {}
