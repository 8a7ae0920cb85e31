use modeller::prelude::*;

#[derive(Deserialize, JsonSchema)]
pub struct Created {
    pub customer: u32,
}

#[modeller::rule(topic = "orders.*")]
fn remember(_: Created) {}

fn main() {}
