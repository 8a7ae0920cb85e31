use modeller::prelude::*;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    pub email: String,
}

impl User {
    #[modeller::hook(User, before(insert))]
    async fn normalize(&mut self) -> Result<()> {
        self.email.clear();
        Ok(())
    }
}

fn main() {}
