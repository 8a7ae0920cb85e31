// SCH-22
use modeller::prelude::*;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    pub name: String,
    pub age: i64,
}

fn main() {
    let _ = User::find().filter(User::AGE.eq("36"));
}
