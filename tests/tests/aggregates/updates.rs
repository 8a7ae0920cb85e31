//! Updates by operators over HTTP.

use super::*;

async fn update(client: &mut Client, query: &str, body: &Json) -> Answer {
    client.put(&format!("/shop/products/update?{query}"), body).await
}

#[tokio::test]
async fn operators_change_what_is_stored() {
    let (mut client, _) = shop().await;
    let body = json!({
        "kind": "game", "$inc": {"stock": -1}, "$mul": {"weight": 3}, "$push": {"tags": "new"},
        "$max": {"arrived": "2027-01-01T00:00:00Z"}, "$set": {"place.city": "Bern"}, "$unset": ["place.shelf"],
    });
    let answer = update(&mut client, "sku=a", &body).await;
    assert_eq!(answer.status, 200);
    let json = answer.json();
    assert_eq!((&json["kind"], &json["stock"], &json["_version"]), (&json!("game"), &json!(2), &json!(2)));
    assert_eq!(json["tags"], json!(["x", "new"]));
    assert_eq!(json["place"], json!({"city": "Bern", "shelf": null}));
    assert_eq!(json["arrived"], "2027-01-01T00:00:00Z");
    assert!((json["weight"].as_f64().unwrap() - 0.3).abs() < 1e-9);
    let body =
        json!({"$addToSet": {"tags": "x"}, "$min": {"stock": 1}, "$unset": {"weight": true, "arrived": ""}});
    let json = update(&mut client, "sku=a", &body).await.json();
    assert_eq!((&json["tags"], &json["stock"]), (&json!(["x", "new"]), &json!(1)));
    assert_eq!((&json["weight"], &json["arrived"]), (&Json::Null, &Json::Null));
    let json =
        update(&mut client, "sku=a", &json!({"$pull": {"tags": "x"}, "$unset": ["kind"]})).await.json();
    // What is left out is serde's default.
    assert_eq!((&json["tags"], &json["kind"]), (&json!(["new"]), &json!("book")));
}

#[tokio::test]
async fn a_query_for_many_changes_all_of_them() {
    let (mut client, _) = shop().await;
    let answer = update(&mut client, "kind=game", &json!({"$inc": {"stock": 10}})).await.json();
    let stocks: Vec<&Json> = answer.as_array().unwrap().iter().map(|product| &product["stock"]).collect();
    assert_eq!(stocks, [15, 10]);
    // All of them, or none: one would have less than nothing.
    let answer = update(&mut client, "stock[gte]=0", &json!({"$inc": {"stock": -5}})).await;
    refused(&answer, 400, "VALIDATION_ERROR");
    let sum = json!({"aggregates": {"n": {"sum": "stock"}}});
    assert_eq!(figures(&mut client, &sum).await.json(), json!({"n": 32}));
    assert_eq!(update(&mut client, "stock=99", &json!({"$inc": {"stock": 1}})).await.json(), json!([]));
    refused(&update(&mut client, "sku=none", &json!({"$inc": {"stock": 1}})).await, 404, "NOT_FOUND");
}

#[tokio::test]
async fn the_result_is_judged_as_a_whole() {
    let (mut client, _) = shop().await;
    for (body, path, keyword) in [
        (json!({"$inc": {"stock": -4}}), "/stock", "minimum"),
        (json!({"$unset": ["stock"]}), "", "required"),
        (json!({"$unset": ["sku"]}), "", "required"),
        (json!({"$set": {"kind": "car"}}), "/kind", "enum"),
        (json!({"$push": {"tags": 5}}), "/tags/1", "type"),
        (json!({"$unset": ["place.city"]}), "/place", "required"),
        (json!({"$set": {"place.colour": "red"}}), "/place", "additionalProperties"),
        (json!({"$inc": {"place.shelf": -9}}), "/place/shelf", "minimum"),
        (json!({"$set": {"sku": "z"}}), "/sku", "immutable"),
        (json!({"$inc": {"stock": i64::MAX}}), "/$inc/stock", "overflow"),
        (json!({"$inc": {"_version": 1}}), "/$inc", "additionalProperties"),
        (json!({"$set": {"_createdAt": 1}}), "/$set", "additionalProperties"),
        (json!({"$inc": {"stock": 1}, "stock": 3}), "/$inc/stock", "conflict"),
        (json!({"$incr": {"stock": 1}}), "/$incr", "additionalProperties"),
        (json!({"$inc": {"stock": 1}, "nothing": 3}), "", "additionalProperties"),
        (json!({"$inc": {"cost": 1}}), "/$inc/cost", "private"),
        (json!({"$max": {"wishes.0": "x"}}), "/$max/wishes.0", "private"),
    ] {
        let answer = update(&mut client, "sku=a", &body).await;
        refused(&answer, 400, "VALIDATION_ERROR");
        let errors = answer.json()["errors"].clone();
        let found = errors.as_array().unwrap().iter();
        let found: Vec<_> =
            found.map(|error| (error["instancePath"].clone(), error["keyword"].clone())).collect();
        assert!(found.contains(&(path.into(), keyword.into())), "{body}: {errors}");
    }
    assert_eq!(client.get("/shop/products/get?sku=a").await.json()["_version"], 1);
    // Nonsense is refused whether or not there is something to change.
    refused(
        &update(&mut client, "stock=99", &json!({"$set": {"kind": "car"}})).await,
        400,
        "VALIDATION_ERROR",
    );
    refused(&update(&mut client, "stock=99", &json!({"$inc": {"kind": 1}})).await, 400, "VALIDATION_ERROR");
}

#[tokio::test]
async fn private_fields_can_be_set_and_unset() {
    let (mut client, _) = shop().await;
    let answer = update(&mut client, "sku=a", &json!({"$set": {"cost": 7}, "$unset": ["wishes"]})).await;
    assert_eq!(answer.status, 200);
    assert!(answer.json().get("cost").is_none());
}

#[tokio::test]
async fn a_version_a_batch_and_an_idempotency_key_go_with_operators() {
    let (mut client, _) = shop().await;
    let path = "/shop/products/update?sku=a";
    let headers = [("Content-Type", "application/json"), ("Idempotency-Key", "once"), ("If-Match", "\"1\"")];
    for _ in 0..3 {
        let answer = client.send("PUT", path, &headers, br#"{"$inc":{"stock":1}}"#).await;
        assert_eq!((answer.status, &answer.json()["stock"]), (200, &json!(4)));
    }
    let stale = [("Content-Type", "application/json"), ("If-Match", "\"1\"")];
    refused(&client.send("PUT", path, &stale, br#"{"$inc":{"stock":1}}"#).await, 412, "CONFLICT");
    let batch = json!({"operations": [
        {"op": "update", "query": {"sku": "a"}, "data": {"$inc": {"stock": -2}}},
        {"op": "update", "query": {"sku": "b"}, "data": {"$inc": {"stock": 2}}},
    ]});
    let answer = client.post("/shop/products/batch", &batch).await.json();
    assert_eq!(
        (&answer["results"][0]["data"]["stock"], &answer["results"][1]["data"]["stock"]),
        (&json!(2), &json!(7))
    );
}

#[tokio::test]
async fn an_upsert_counts_from_nothing() {
    let (mut client, _) = shop().await;
    for expected in 1..4 {
        let body = json!({"name": "visits", "$inc": {"hits": 1}, "$min": {"least": 10 - expected}});
        let answer = client.post("/app/counters/upsert", &body).await;
        assert_eq!(answer.status, if expected == 1 { 201 } else { 200 });
        let json = answer.json();
        assert_eq!((&json["hits"], &json["least"]), (&json!(expected), &json!(10 - expected)));
    }
    assert_eq!(client.get("/app/counters/count").await.json(), 1);
    let bad = json!({"name": "visits", "$inc": {"hits": 1}, "$push": {"hits": 1}});
    refused(&client.post("/app/counters/upsert", &bad).await, 400, "VALIDATION_ERROR");
    // An insert has nothing to change.
    let insert = json!({"name": "x", "$inc": {"hits": 1}});
    refused(&client.post("/app/counters/insert", &insert).await, 400, "VALIDATION_ERROR");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_100_clients_at_once_no_change_is_lost() {
    let (address, _) = start::<(Product, Counter)>().await;
    let mut first = Client::connect(address).await;
    for (sku, stock) in [("a", 5_000), ("b", 7)] {
        first.post("/shop/products/insert", &json!({"sku": sku, "stock": stock})).await;
    }
    let clients: Vec<_> = (0..100)
        .map(|number| {
            tokio::spawn(async move {
                let mut client = Client::connect(address).await;
                for round in 0..5 {
                    let tag = format!("{number}-{round}");
                    let body = json!({"$inc": {"stock": -1}, "$push": {"tags": tag}});
                    assert_eq!(client.put("/shop/products/update?sku=a", &body).await.status, 200);
                }
                client.put("/shop/products/update?stock[gte]=0", &json!({"$inc": {"stock": 2}})).await.status
            })
        })
        .collect();
    for client in clients {
        assert_eq!(client.await.unwrap(), 200);
    }
    let product = first.get("/shop/products/get?sku=a").await.json();
    assert_eq!(product["stock"], 5_000 - 500 + 200);
    let mut tags: Vec<&str> = product["tags"].as_array().unwrap().iter().filter_map(Json::as_str).collect();
    tags.sort_unstable();
    tags.dedup();
    assert_eq!((tags.len(), &product["_version"]), (500, &json!(601)));
    assert_eq!(first.get("/shop/products/get?sku=b").await.json()["stock"], 207);
}
