use modeller::prelude::*;

#[modeller::rule(topic = "orders.*")]
fn remember(_: impl Clone) {}

fn main() {}
