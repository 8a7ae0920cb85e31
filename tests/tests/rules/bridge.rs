//! Changes of bridged models are events.

use modeller::engine::EmitterEvent;
use modeller::live::{Bridge, RuleReceived, RuleStream, RulesOptions};
use modeller::prelude::*;
use modeller::test::Kit;
use serde_json::{Value as Json, json};

/// Something to watch.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "shop", name = "orders")]
pub struct Order {
    /// How much.
    pub total: i64,
    /// Nobody sees it.
    #[model(private)]
    pub card: Option<String>,
}

/// Nobody bridges it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "shop", name = "notes")]
pub struct Note {
    /// What it says.
    pub text: String,
}

fn order(total: i64) -> Order {
    Order { total, card: Some("4242".into()) }
}

async fn kit(options: RulesOptions) -> Kit {
    App::isolated().models::<(Order, Note)>().rules(options).test().await.unwrap()
}

fn told(stream: &mut RuleStream) -> Vec<(String, Json)> {
    let next = || match stream.try_receive()? {
        RuleReceived::Event(event) => Some((event.topic.clone(), event.data.clone())),
        RuleReceived::Missed(count) => panic!("{count} were missed"),
    };
    std::iter::from_fn(next).collect()
}

#[tokio::test]
async fn changes_of_a_bridged_model_are_events_without_what_is_private() {
    // RUL-05
    let kit = kit(RulesOptions::new().bridge::<Order>()).await;
    let cx = kit.cx();
    let mut stream = cx.rules().unwrap().subscribe("shop.**").unwrap();
    let made = kit.post("/shop/orders/insert", json!({ "total": 1, "card": "4242" })).await.expect(201);
    Note::insert(&cx, Note { text: "x".into() }).await.unwrap();
    let id = made["_id"].as_str().unwrap();
    Order::update(&cx, id, Order::TOTAL.set(2)).await.unwrap();
    cx.transaction(async |tx| Order::delete(&tx, id).await).await.unwrap();
    let rolled_back = cx.transaction(async |tx| {
        Order::insert(&tx, order(9)).await?;
        Err::<(), _>(Error::new(Code::Forbidden, "no"))
    });
    rolled_back.await.unwrap_err();
    kit.settled().await;

    let told = told(&mut stream);
    let topics: Vec<&str> = told.iter().map(|(topic, _)| topic.as_str()).collect();
    assert_eq!(topics, ["shop.orders.inserted", "shop.orders.updated", "shop.orders.deleted"]);
    for ((_, data), total) in told.iter().zip([1, 2, 2]) {
        assert_eq!((&data["_id"], &data["total"], data.get("card")), (&json!(id), &json!(total), None));
    }
}

#[tokio::test]
async fn a_bridge_chooses_changes_topics_and_data() {
    // RUL-05
    let bridge = Bridge::new()
        .filter(|change| change.event == EmitterEvent::Insert && change.document["total"].as_i64() > Some(10))
        .map_topic(|change| format!("large.{}", change.document["total"]))
        .map_data(|change| json!({ "cents": change.document["total"].as_i64().map(|total| total * 100) }));
    let kit = kit(RulesOptions::new().bridge_with::<Order>(bridge)).await;
    let cx = kit.cx();
    let mut stream = cx.rules().unwrap().subscribe("*").unwrap();
    let orders = Order::insert_many(&cx, vec![order(1), order(11), order(12)]).await.unwrap();
    Order::update(&cx, &orders[1].id, Order::TOTAL.set(20)).await.unwrap();
    let expected = [("large.11", json!({ "cents": 1100 })), ("large.12", json!({ "cents": 1200 }))];
    assert_eq!(told(&mut stream), expected.map(|(topic, data)| (topic.to_owned(), data)));
}

#[tokio::test]
async fn a_bridge_that_fails_keeps_nobody_from_writing() {
    // RUL-05
    let bridge = Bridge::new().map_topic(|change| match change.document["total"].as_i64() {
        Some(1) => panic!("broken"),
        Some(2) => "no..topic".into(),
        _ => "fine".into(),
    });
    let kit = kit(RulesOptions::new().bridge_with::<Order>(bridge)).await;
    let cx = kit.cx();
    let mut stream = cx.rules().unwrap().subscribe("*").unwrap();
    for total in 1..=3 {
        kit.post("/shop/orders/insert", json!({ "total": total, "card": null })).await.expect(201);
    }
    assert_eq!(told(&mut stream).len(), 1);
    assert_eq!(cx.rules().unwrap().stats(&cx).await.unwrap().failed, 2);
}

#[tokio::test]
async fn a_handler_that_writes_what_it_listens_to_comes_to_an_end() {
    // RUL-05
    let options = RulesOptions::new().bridge::<Order>().on("shop.orders.inserted", async |cx, event| {
        let total = event.data["total"].as_i64().unwrap_or_default() + 1;
        if total % 2 == 0 {
            cx.transaction(async |tx| Order::insert(&tx, order(total)).await.map(drop)).await
        } else {
            Order::insert(&cx, order(total)).await.map(drop)
        }
    });
    let kit = kit(options).await;
    let cx = kit.cx();
    Order::insert(&cx, order(0)).await.unwrap();
    kit.settled().await;
    assert_eq!(Order::count(&cx).await.unwrap(), 9);
    assert_eq!(cx.rules().unwrap().stats(&cx).await.unwrap().failed, 1);
}

#[tokio::test]
async fn a_model_that_is_not_part_of_the_application_can_not_be_bridged() {
    // RUL-05
    let app = App::isolated().models::<(Note,)>().rules(RulesOptions::new().bridge::<Order>());
    assert!(app.engine().await.unwrap_err().to_string().contains("shop/orders"));
}
