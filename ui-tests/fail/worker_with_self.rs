use modeller::prelude::*;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    pub email: String,
}

impl User {
    #[modeller::worker(every = "5s")]
    async fn sweep(&self) -> Result<()> {
        println!("{}", self.email);
        Ok(())
    }
}

fn main() {}
