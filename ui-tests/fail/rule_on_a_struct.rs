use modeller::prelude::*;

#[modeller::rule(topic = "orders.*")]
pub struct Remember {
    pub customer: u32,
}

fn main() {}
