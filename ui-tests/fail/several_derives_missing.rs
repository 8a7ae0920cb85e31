use modeller::Model;

#[derive(Model)]
pub struct User {
    pub email: String,
}

fn main() {}
