use modeller::prelude::*;

pub struct Shop;

impl Shop {
    #[modeller::rule(topic = "orders.*")]
    fn remember(&self) {}
}

fn main() {}
