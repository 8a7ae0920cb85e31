use modeller::prelude::*;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    pub email: String,
}

#[modeller::worker(User, every = "5", immediate = "no", nam = "sweep")]
unsafe fn sweep() {}

fn main() {}
