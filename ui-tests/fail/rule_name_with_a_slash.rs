use modeller::prelude::*;

#[modeller::rule(topic = "orders.*", name = "orders/remember")]
fn remember(_: &RuleEvent) {}

fn main() {}
