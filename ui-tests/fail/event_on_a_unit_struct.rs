use modeller::prelude::*;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    pub email: String,
}

#[modeller::event(User)]
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct ShowTyping;

fn main() {}
