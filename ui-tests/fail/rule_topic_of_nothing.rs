use modeller::prelude::*;

#[modeller::rule(topic = "")]
fn remember(_: &RuleEvent) {}

fn main() {}
