use modeller::Model;
use serde::{Deserialize, Serialize};
use validator::Validate;

#[derive(Serialize, Deserialize, Validate, Model)]
pub struct User {
    pub email: String,
}

fn main() {}
