use modeller::prelude::*;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    pub email: String,
}

impl User {
    #[modeller::query(User)]
    async fn find_by_email(&self) -> Result<()> {
        println!("{}", self.email);
        Ok(())
    }
}

fn main() {}
