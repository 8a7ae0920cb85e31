use modeller::prelude::*;

#[modeller::rule(topic = 7)]
fn remember(_: &RuleEvent) {}

fn main() {}
