use modeller::prelude::*;

#[modeller::rule(topic = "orders.*", name = 7)]
fn remember(_: &RuleEvent) {}

fn main() {}
