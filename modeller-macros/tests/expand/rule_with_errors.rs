#[modeller::rule(topic = "orders.**.created", timeout = 0)]
async fn remember(cx: &mut Cx) {}
