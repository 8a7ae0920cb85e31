use modeller::prelude::*;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    pub email: String,
}

#[modeller::query(User)]
#[derive(Serialize, Deserialize, JsonSchema, Validate)]
pub struct FindByEmail<T> {
    pub email: T,
}

fn main() {}
