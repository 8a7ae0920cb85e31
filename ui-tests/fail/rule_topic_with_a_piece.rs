use modeller::prelude::*;

#[modeller::rule(topic = "order*")]
fn remember(_: &RuleEvent) {}

fn main() {}
