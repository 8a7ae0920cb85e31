use modeller::prelude::*;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    pub email: String,
}

#[modeller::job(cron = 3)]
#[derive(Serialize, Deserialize, JsonSchema, Validate)]
pub struct SendMail {
    pub email: String,
}

impl Job for SendMail {
    async fn run(self, _: &Cx) -> Result<()> {
        println!("{}", self.email);
        Ok(())
    }
}

fn main() {}
