use modeller::prelude::*;

#[modeller::rule(timeout = "5s")]
fn remember(_: &RuleEvent) {}

fn main() {}
