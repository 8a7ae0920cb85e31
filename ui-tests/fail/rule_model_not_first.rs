use modeller::prelude::*;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
pub struct Order {
    pub total: u32,
}

#[modeller::rule(topic = "orders.*", Order)]
fn remember(_: &RuleEvent) {}

fn main() {}
