use modeller::prelude::*;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    pub email: String,
}

#[modeller::event(User, name = "a/b")]
#[derive(Serialize, Deserialize, JsonSchema, Validate)]
pub struct ShowTyping {
    pub email: String,
}

impl Event for ShowTyping {
    type Reply = String;

    async fn handle(self, _: &Cx, _: &Subscription) -> Result<String> {
        Ok(self.email)
    }
}

fn main() {}
