use modeller::prelude::*;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    pub email: String,
}

#[modeller::method(User)]
#[derive(Serialize, Deserialize, JsonSchema, Validate)]
pub struct _Reset {
    pub email: String,
}

impl Method for _Reset {
    type Reply = String;

    async fn call(self, _: &Cx) -> Result<String> {
        Ok(self.email)
    }
}

fn main() {}
