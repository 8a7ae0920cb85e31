use modeller::prelude::*;

#[modeller::rule]
fn remember(_: &RuleEvent) {}

fn main() {}
