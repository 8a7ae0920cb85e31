use modeller::Model;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

#[derive(Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    #[model(uniqu)]
    pub email: String,
    pub age: u32,
}

fn main() {
    let user = User { email: "a@b.c".into(), age: 7 };
    println!("{} {:?} {:?}", user.email, User::EMAIL, User::AGE);
}
