#[modeller::rule(Order, topic = "orders.*", timeout = "5s")]
/// Remembers it.
async fn remember(order: Created, event: &RuleEvent, cx: &Cx) -> Result<()> {
    Ok(())
}
