use modeller::prelude::*;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    pub email: String,
}

#[modeller::worker]
async fn sweep(cx: &Cx) -> Result<()> {
    let _ = cx;
    Ok(())
}

fn main() {}
