use modeller::prelude::*;

#[modeller::rule(topic = "orders.\n")]
fn remember(_: &RuleEvent) {}

fn main() {}
