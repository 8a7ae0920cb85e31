use modeller::prelude::*;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    pub email: String,
}

#[modeller::hook(User, before(insert))]
async fn normalize(cx: Cx) -> Result<()> {
    let _ = cx;
    Ok(())
}

fn main() {}
