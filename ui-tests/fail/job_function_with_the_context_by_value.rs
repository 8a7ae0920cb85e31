use modeller::prelude::*;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    pub email: String,
}

#[modeller::job(User)]
async fn send_mail(cx: Cx, email: String) -> Result<()> {
    let _ = cx;
    println!("{email}");
    Ok(())
}

fn main() {}
