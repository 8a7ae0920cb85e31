// SCH-22
use modeller::prelude::*;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    pub name: String,
    pub age: i64,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct Comment {
    pub author: Ref<User>,
    pub text: String,
}

fn main() {
    let _ = User::find().filter(Comment::TEXT.eq("x"));
}
