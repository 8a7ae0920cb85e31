use modeller::prelude::*;

#[modeller::rule(topic = "order*")]
fn remember(_: &Cx) {}

fn main() {
    let _: fn(&Cx) = remember;
}
