use modeller::prelude::*;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    pub email: String,
}

impl User {
    #[modeller::method(User)]
    async fn reset_password(&self) -> Result<()> {
        println!("{}", self.email);
        Ok(())
    }
}

fn main() {}
