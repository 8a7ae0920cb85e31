use modeller::prelude::*;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    pub email: String,
}

#[modeller::method(name = "other")]
#[derive(Serialize, Deserialize, JsonSchema, Validate)]
pub struct ResetPassword {
    pub email: String,
}

impl Method for ResetPassword {
    type Reply = String;

    async fn call(self, _: &Cx) -> Result<String> {
        Ok(self.email)
    }
}

fn main() {}
