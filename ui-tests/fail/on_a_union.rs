use modeller::Model;

#[derive(Model)]
pub union Either {
    left: u32,
    right: f32,
}

fn main() {}
