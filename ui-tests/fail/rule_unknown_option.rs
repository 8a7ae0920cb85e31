use modeller::prelude::*;

#[modeller::rule(topics = "orders.*")]
fn remember(_: &RuleEvent) {}

fn main() {}
