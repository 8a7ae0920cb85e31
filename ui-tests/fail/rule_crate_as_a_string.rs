use modeller::prelude::*;

#[modeller::rule(topic = "orders.*", crate = "modeller")]
fn remember(_: &RuleEvent) {}

fn main() {}
