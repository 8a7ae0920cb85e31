use modeller::prelude::*;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    pub email: String,
}

#[modeller::job(User, nam = "other")]
async fn send_mail(#[validate(email)] email: String) -> Result<()> {
    println!("{email}");
    Ok(())
}

fn main() {
    let payload = SendMail { email: "a@b.c".into() };
    drop(send_mail(payload.email));
}
