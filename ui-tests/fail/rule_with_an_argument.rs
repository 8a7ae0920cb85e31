use modeller::prelude::*;

#[modeller::rule(topic = "orders.*")]
fn remember(topic: &str) {
    let _ = topic;
}

fn main() {}
