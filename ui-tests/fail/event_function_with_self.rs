use modeller::prelude::*;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    pub email: String,
}

impl User {
    #[modeller::event(User)]
    async fn show_typing(&self) -> Result<()> {
        println!("{}", self.email);
        Ok(())
    }
}

fn main() {}
