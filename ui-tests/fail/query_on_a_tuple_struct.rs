use modeller::prelude::*;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    pub email: String,
}

#[modeller::query(User)]
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct FindByEmail(pub String);

fn main() {}
