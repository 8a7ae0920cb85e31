//! The example of a shop, tested as its author would.

#[allow(dead_code)]
#[path = "../../examples/shop.rs"]
mod shop;

use modeller::prelude::*;
use modeller::test::Kit;
use serde_json::{Value as Json, json};
use shop::{Customer, Order, Product, Purchase, app, buy};

/// A shop with one customer, and three packets of tea.
async fn open() -> (Kit, Json) {
    let kit = app().test().await.unwrap();
    let ada = kit.post("/shop/customers/insert", json!({ "email": "Ada@example.org" })).await.expect(201);
    let tea = json!({ "sku": "TEA", "name": "Tea", "cents": 450, "stock": 3 });
    kit.post("/shop/products/insert", tea).await.expect(201);
    (kit, ada)
}

async fn stock(kit: &Kit) -> i64 {
    Product::get(&kit.cx(), "TEA").await.unwrap().unwrap().stock
}

#[tokio::test]
async fn an_order_takes_from_the_stock_or_is_none() {
    let (kit, ada) = open().await;
    assert_eq!(ada["email"], "ada@example.org");
    let two = json!({ "customer": ada["_id"], "sku": "TEA", "count": 2 });
    let order = kit.post("/shop/buy", &two).await.expect(200);
    assert_eq!((&order["cents"], stock(&kit).await), (&json!(900), 1));
    assert_eq!(kit.post("/shop/buy", &two).await.code(), "OUT_OF_STOCK");
    for wrong in [
        json!({ "customer": "nobody", "sku": "TEA", "count": 1 }),
        json!({ "customer": ada["_id"], "sku": "GOLD", "count": 1 }),
        json!({ "customer": ada["_id"], "sku": "TEA", "count": -1 }),
        json!({ "customer": ada["_id"], "sku": "TEA" }),
    ] {
        assert_eq!(kit.post("/shop/buy", &wrong).await.code(), "VALIDATION_ERROR", "{wrong}");
    }
    assert_eq!((Order::count(&kit.cx()).await.unwrap(), stock(&kit).await), (1, 1));
}

#[tokio::test]
async fn the_same_goes_by_hand_and_shows_in_the_figures() {
    let (kit, ada) = open().await;
    let take = |count: i64| {
        json!({ "operations": [
            { "op": "update", "model": "shop/products", "key": "TEA", "data": { "$inc": { "stock": -count } } },
            { "op": "insert", "model": "shop/orders", "data": { "customer": ada["_id"], "product": "TEA", "count": count } },
            { "op": "aggregate", "model": "shop/orders", "aggregates": { "sold": { "sum": "count" } } },
        ] })
    };
    let done = kit.post("/@transaction", take(2)).await.expect(200);
    // What it costs says the shop, whoever writes the order.
    assert_eq!(
        (&done["results"][1]["data"]["cents"], &done["results"][2]["data"]["sold"]),
        (&json!(900), &json!(2))
    );
    let refused = kit.post("/@transaction", take(2)).await;
    assert_eq!((refused.status, refused.json()["details"]["index"].clone()), (400, json!(0)));
    let figures =
        json!({ "groupBy": ["product"], "aggregates": { "cents": { "sum": "cents" } }, "sort": "-cents" });
    let figures = kit.post("/shop/orders/aggregate", figures).await.expect(200);
    assert_eq!(figures, json!([{ "product": "TEA", "cents": 900 }]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_gets_what_is_not_there_however_many_buy_at_once() {
    let (kit, ada) = open().await;
    let customer: Id<Customer> = ada["_id"].as_str().unwrap().into();
    let buyers: Vec<_> = (0..20)
        .map(|_| {
            let (cx, customer) = (kit.cx(), customer.clone());
            tokio::spawn(async move { buy(&cx, Purchase { customer, sku: "TEA".into(), count: 1 }).await })
        })
        .collect();
    let mut sold = 0;
    for buyer in buyers {
        match buyer.await.unwrap() {
            Ok(_) => sold += 1,
            Err(error) => assert_eq!(error.code(), "OUT_OF_STOCK"),
        }
    }
    assert_eq!((sold, stock(&kit).await, Order::count(&kit.cx()).await.unwrap()), (3, 0, 3));
}
