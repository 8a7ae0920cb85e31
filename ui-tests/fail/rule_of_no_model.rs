use modeller::prelude::*;

struct Created;

#[modeller::rule(Created, topic = "orders.*")]
fn remember(_: &RuleEvent) {}

fn main() {}
