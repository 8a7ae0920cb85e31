use modeller::prelude::*;

#[modeller::rule(topic("orders.*"))]
fn remember(_: &RuleEvent) {}

fn main() {}
