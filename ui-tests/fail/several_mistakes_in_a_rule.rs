use modeller::prelude::*;

#[modeller::rule(topic = "order*", timeout = "5", nam = "remember")]
unsafe fn remember(_: &RuleEvent) {}

fn main() {}
