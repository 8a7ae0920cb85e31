use modeller::prelude::*;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    pub email: String,
}

#[modeller::query(User, name = 7)]
#[derive(Serialize, Deserialize, JsonSchema, Validate)]
pub struct FindByEmail {
    pub email: String,
}

impl Query for FindByEmail {
    type Reply = String;

    async fn run(self, _: &Cx) -> Result<String> {
        Ok(self.email)
    }
}

fn main() {}
