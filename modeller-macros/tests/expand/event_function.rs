#[modeller::event(Room, name = "said")]
fn say(text: String, to: &Subscription, _: &Cx) {}
