use modeller::prelude::*;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    pub email: String,
}

impl User {
    #[modeller::job(User)]
    async fn send_mail(&self) -> Result<()> {
        println!("{}", self.email);
        Ok(())
    }
}

fn main() {}
