use modeller::prelude::*;

#[modeller::rule(topic = "orders.*", quietly)]
fn remember(_: &RuleEvent) {}

fn main() {}
