use modeller::prelude::*;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    pub email: String,
}

#[modeller::hook(User, before(insert))]
unsafe extern "C" fn normalize<T>(user: &mut User, by: impl Into<String>) {
    user.email = by.into();
}

fn main() {}
