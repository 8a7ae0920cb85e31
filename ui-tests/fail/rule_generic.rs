use modeller::prelude::*;

#[modeller::rule(topic = "orders.*")]
fn remember<T: Clone>(_: &RuleEvent) {}

fn main() {}
