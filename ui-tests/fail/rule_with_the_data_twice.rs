use modeller::prelude::*;

#[derive(Deserialize, JsonSchema, Validate)]
pub struct Created {
    pub customer: u32,
}

#[modeller::rule(topic = "orders.*")]
fn remember(_: Created, _: &RuleEvent, _: Created) {}

fn main() {}
