use modeller::prelude::*;

#[modeller::rule(topic = "orders.*", timeout = 0)]
fn remember(_: &RuleEvent) {}

fn main() {}
