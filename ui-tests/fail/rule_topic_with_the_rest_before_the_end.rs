use modeller::prelude::*;

#[modeller::rule(topic = "**.created")]
fn remember(_: &RuleEvent) {}

fn main() {}
