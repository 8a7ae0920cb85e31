use modeller::Model;

#[derive(Model)]
pub enum Role {
    Admin,
    Guest,
}

fn main() {}
