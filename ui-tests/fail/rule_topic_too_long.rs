use modeller::prelude::*;

#[modeller::rule(topic = "orders.orders.orders.orders.orders.orders.orders.orders.orders.orders.orders.orders.orders.orders.orders.orders.orders.orders.orders.orders.orders.orders.orders.orders.orders.orders.orders.orders.orders.orders.orders.orders.orders.orders.orders.orders.orders.all")]
fn remember(_: &RuleEvent) {}

fn main() {}
