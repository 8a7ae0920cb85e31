use modeller::prelude::*;

#[modeller::rule(topic = "orders.*")]
async fn remember(cx: &mut Cx) {
    let _ = cx;
}

fn main() {}
