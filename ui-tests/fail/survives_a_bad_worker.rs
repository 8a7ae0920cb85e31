use modeller::prelude::*;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct User {
    pub email: String,
}

#[modeller::worker(every = "0s")]
fn sweep() {}

fn main() {
    sweep();
}
