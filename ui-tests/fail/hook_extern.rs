use modeller::prelude::*;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    pub email: String,
}

#[modeller::hook(User, before(insert))]
extern "C" fn normalize(user: &mut User) {
    user.email.clear();
}

fn main() {}
