use modeller::prelude::*;

#[modeller::rule(topic = "orders.*", every = "5s")]
fn remember(_: &RuleEvent) {}

fn main() {}
