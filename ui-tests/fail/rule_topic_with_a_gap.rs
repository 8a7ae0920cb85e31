use modeller::prelude::*;

#[modeller::rule(topic = "orders..created")]
fn remember(_: &RuleEvent) {}

fn main() {}
