use modeller::prelude::*;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    pub email: String,
}

#[modeller::hook(User, after_commit(list))]
async fn seen(cx: &Cx) -> Result<()> {
    let _ = cx;
    Ok(())
}

fn main() {}
