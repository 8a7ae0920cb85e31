use modeller::prelude::*;

#[modeller::rule("orders.*")]
fn remember(_: &RuleEvent) {}

fn main() {}
