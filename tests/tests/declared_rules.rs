//! Functions with `#[modeller::rule]`: they are there without being named, they get what they ask for, and one that fails harms nobody.

use std::sync::Mutex;
use std::time::Duration;

use modeller::engine::{Feature, LogLevel, LogOptions};
use modeller::live::RulesOptions;
use modeller::prelude::*;
use modeller::test::Kit;
use serde_json::{Value as Json, json};

/// Something to buy.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "shop", name = "orders")]
pub struct Order {
    /// How much.
    #[validate(range(min = 1))]
    pub total: i64,
}

/// Another model, with a rule of its own.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "shop", name = "notes")]
pub struct Note {
    /// What it says.
    pub text: String,
}

/// What is said of an order.
#[derive(Deserialize, JsonSchema, Validate)]
struct Created {
    customer: u32,
    #[validate(range(min = 1, message = "nothing is for free"))]
    total: u32,
}

async fn append(cx: &Cx, key: &str, value: impl Into<Json>) -> Result<()> {
    let rules = cx.rules()?;
    let mut all = match rules.get_fact(cx, key).await?.map(|fact| fact.value) {
        Some(Json::Array(all)) => all,
        _ => Vec::new(),
    };
    all.push(value.into());
    rules.set_fact(cx, key, all).await.map(drop)
}

/// Belongs to no model.
#[modeller::rule(topic = "**")]
async fn hear_all(event: RuleEvent, cx: &Cx) -> Result<()> {
    append(cx, "heard:all", event.topic).await
}

/// Remembers what each customer bought last.
#[modeller::rule(Order, topic = "orders.created")]
async fn remember(order: Created, cx: &Cx, event: &RuleEvent) -> Result<()> {
    assert!(!cx.in_transaction());
    assert_eq!(event.topic, "orders.created");
    append(cx, "heard:created", json!([order.customer, order.total])).await
}

/// Takes the documents of a bridged model as the model itself.
#[modeller::rule(Order, topic = "shop.orders.*", name = "seen-order")]
async fn seen(order: Order, cx: &Cx) -> std::result::Result<(), Error> {
    append(cx, "heard:documents", order.total).await
}

#[modeller::rule(Order, topic = "orders.**", timeout = 20)]
async fn hang(event: &RuleEvent) -> Result<()> {
    match event.data["how"].as_str() {
        Some("hang") => std::future::pending().await,
        Some("panic") => panic!("it broke"),
        Some("fail") => Err(Error::new(Code::Conflict, "not today")),
        _ => Ok(()),
    }
}

static CALLS: Mutex<u32> = Mutex::new(0);

#[modeller::rule(Note, topic = "counted")]
#[modeller::rule(Note, topic = "counted.*", name = "countMore")]
fn count() {
    *CALLS.lock().unwrap() += 1;
}

async fn kit(app: App) -> Kit {
    app.test().await.unwrap()
}

async fn fact(cx: &Cx, key: &str) -> Json {
    cx.rules().unwrap().get_fact(cx, key).await.unwrap().map_or(Json::Null, |fact| fact.value)
}

fn emit(cx: &Cx, topic: &str, data: Json) {
    cx.rules().unwrap().emit(cx, topic, data, None).unwrap();
}

#[tokio::test]
async fn a_rule_is_called_with_what_it_asks_for() {
    // RUL-02
    let kit = kit(App::isolated().models::<(Order,)>().rules(RulesOptions::new())).await;
    let cx = kit.cx();
    emit(&cx, "orders.created", json!({ "customer": 7, "total": 3, "more": [1, 2] }));
    emit(&cx, "orders.created", json!({ "customer": 7, "total": 0 }));
    emit(&cx, "orders.created", json!({ "customer": "seven", "total": 3 }));
    emit(&cx, "orders.created", json!(null));
    emit(&cx, "orders.created.eu", json!({ "customer": 8, "total": 3 }));
    kit.settled().await;
    assert_eq!(fact(&cx, "heard:created").await, json!([[7, 3]]));
    let all = fact(&cx, "heard:all").await;
    assert_eq!(all.as_array().unwrap().len(), 5);
    let stats = cx.rules().unwrap().stats(&cx).await.unwrap();
    // Of the rules of `Order`: one takes all, one the first only, one those of five events that are for it.
    assert_eq!((stats.handlers, stats.handled, stats.failed), (4, 5 + 1 + 5, 3));
}

#[tokio::test]
async fn documents_of_a_bridged_model_are_taken_as_structs() {
    // RUL-05
    let options = RulesOptions::new().bridge::<Order>();
    let kit = kit(App::isolated().models::<(Order,)>().rules(options)).await;
    let made = kit.post("/shop/orders/insert", json!({ "total": 5 })).await.expect(201);
    let path = format!("/shop/orders/update?_id={}", made["_id"].as_str().unwrap());
    kit.put(&path, json!({ "total": 6 })).await.expect(200);
    kit.settled().await;
    assert_eq!(fact(&kit.cx(), "heard:documents").await, json!([5, 6]));
}

#[tokio::test]
async fn a_rule_that_fails_is_logged_and_stops_neither_others_nor_itself() {
    // RUL-02
    let log = LogOptions::new().level(LogLevel::Debug).features([Feature::Rule]);
    let app = App::isolated().models::<(Order,)>().rules(RulesOptions::new()).log(log);
    let kit = kit(app).await;
    let cx = kit.cx();
    let kept = std::sync::Arc::new(Mutex::new(Vec::new()));
    let keeping = kept.clone();
    let _listening = kit.engine().on_log(move |entry| {
        let data = entry.data.clone().unwrap_or_default();
        let about = (entry.level, entry.model_id, entry.message.clone(), data["error"].clone());
        keeping.lock().unwrap().push(about);
    });
    let hows = ["fail", "panic", "hang", "fine"];
    for how in hows {
        emit(&cx, "orders.odd", json!({ "how": how }));
    }
    kit.settled().await;
    assert_eq!(fact(&cx, "heard:all").await, json!(["orders.odd", "orders.odd", "orders.odd", "orders.odd"]));
    let kept = kept.lock().unwrap();
    let of_it: Vec<_> = kept.iter().filter(|entry| entry.1 == Some("shop/orders")).collect();
    let whys = ["not today", "it panicked: it broke", "it took longer than 20ms"];
    for (entry, why) in of_it.iter().zip(whys) {
        assert_eq!((entry.0, &entry.3), (LogLevel::Error, &json!(why)));
        assert!(entry.2.starts_with("rule `shop/orders.hang` on `orders.odd`"), "{}", entry.2);
    }
    assert_eq!((of_it.len(), of_it[3].0), (4, LogLevel::Debug));
}

#[tokio::test]
async fn a_rule_of_a_model_is_there_where_the_model_is() {
    let with = kit(App::isolated().models::<(Note,)>().rules(RulesOptions::new())).await;
    let before = *CALLS.lock().unwrap();
    let without = kit(App::isolated().models::<(Order,)>().rules(RulesOptions::new())).await;
    emit(&without.cx(), "counted", json!(1));
    without.settled().await;
    assert_eq!(*CALLS.lock().unwrap(), before);
    // One attribute a pattern.
    for topic in ["counted", "counted.twice", "counted.not.this"] {
        emit(&with.cx(), topic, json!(1));
    }
    with.settled().await;
    assert_eq!(*CALLS.lock().unwrap(), before + 2);
}

#[tokio::test]
async fn metadata_lists_rules_where_they_run() {
    // RUL-02
    let app = || App::isolated().models::<(Order, Note)>();
    let metadata = kit(app().rules(RulesOptions::new())).await.get("/@metadata").await.expect(200);
    let rules = metadata["rules"].as_array().unwrap();
    let names: Vec<&str> = rules.iter().map(|rule| rule["name"].as_str().unwrap()).collect();
    let expected = [
        "hearAll",
        "shop/notes.count",
        "shop/notes.countMore",
        "shop/orders.hang",
        "shop/orders.remember",
        "shop/orders.seen-order",
    ];
    assert_eq!(names, expected);
    let remember = &rules[4];
    assert_eq!((&remember["topic"], &remember["model"]), (&json!("orders.created"), &json!("shop/orders")));
    assert_eq!(remember["description"], "Remembers what each customer bought last.");
    assert_eq!(remember["data"]["required"], json!(["customer", "total"]));
    assert_eq!(rules[0].get("data"), None);
    // Where rules are off nobody can emit, and nothing is said of them; the application starts all the same.
    let without = kit(app()).await;
    assert_eq!(without.get("/@metadata").await.expect(200).get("rules"), None);
    assert_eq!(without.cx().rules().unwrap_err().code(), "RULES_NOT_AVAILABLE");
}

#[tokio::test]
async fn rules_that_set_off_each_other_come_to_an_end() {
    // RUL-02
    let kit = kit(App::isolated().models::<(Echoes,)>().rules(RulesOptions::new())).await;
    let cx = kit.cx();
    emit(&cx, "echo.one", json!(0));
    tokio::time::timeout(Duration::from_secs(60), kit.settled()).await.expect("it comes to an end");
    assert_eq!(cx.rules().unwrap().stats(&cx).await.unwrap().failed, 1);
}

/// For the rule below.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "shop", name = "echoes")]
pub struct Echoes {
    /// What it says.
    pub text: String,
}

#[modeller::rule(Echoes, topic = "echo.*")]
fn echo(event: RuleEvent, cx: &Cx) -> Result<()> {
    cx.rules()?.emit(cx, &event.topic, event.data, None).map(drop)
}
