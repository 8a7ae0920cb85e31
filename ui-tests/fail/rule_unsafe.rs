use modeller::prelude::*;

#[modeller::rule(topic = "orders.*")]
unsafe fn remember(_: &RuleEvent) {}

fn main() {}
