use modeller::prelude::*;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    pub email: String,
}

#[modeller::query(User)]
#[derive(Serialize, Deserialize, JsonSchema, Validate)]
pub struct Restore {
    pub email: String,
}

impl Query for Restore {
    type Reply = String;

    async fn run(self, _: &Cx) -> Result<String> {
        Ok(self.email)
    }
}

fn main() {}
