use modeller::prelude::*;

#[modeller::rule(topic = "orders.*", topic = "payments.*")]
fn remember(_: &RuleEvent) {}

fn main() {}
