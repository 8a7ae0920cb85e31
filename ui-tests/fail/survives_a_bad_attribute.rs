use modeller::Model;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

#[derive(Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "system", nmae = "users")]
pub struct User {
    pub email: String,
    pub age: u32,
}

#[derive(Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct Post {
    #[model(references = User::EMAIL)]
    pub author: String,
    pub reader: modeller::Ref<User>,
}

fn needs_a_model<M: Model>() -> &'static str {
    M::descriptor().name
}

fn main() {
    let user = User { email: "a@b.c".into(), age: 7 };
    let columns = (User::EMAIL.index(), User::AGE.index(), User::ID.index());
    println!("{} {columns:?} {} {}", user.email, needs_a_model::<User>(), User::descriptor().name);
}
