use modeller::prelude::*;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    pub email: String,
}

#[modeller::worker(every = "5s")]
async fn sweep(cx: &Cx) -> Result<u64> {
    let _ = cx;
    Ok(7)
}

fn main() {}
