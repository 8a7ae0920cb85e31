use modeller::prelude::*;

#[modeller::rule(topic = "orders.*")]
async fn remember(event: RuleEvent) -> Result<String> {
    Ok(event.topic)
}

fn main() {}
