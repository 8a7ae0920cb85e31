//! `aggregate` and `count` over HTTP.

use super::*;

#[tokio::test]
async fn figures_over_all_documents_come_as_one_object() {
    // QRY-15
    let (mut client, _) = shop().await;
    let answer = figures(
        &mut client,
        &json!({"aggregates": {
            "documents": {"count": true},
            "stock": {"sum": "stock"},
            "mean": {"avg": "stock"},
            "lightest": {"min": "weight"},
            "last": {"max": "sku"},
            "first": {"min": "arrived"},
            "weight": {"sum": "weight"},
            "highest": {"max": "place.shelf"},
        }}),
    )
    .await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.json(),
        json!({
            "documents": 4, "stock": 12, "mean": 3.0, "lightest": 0.1, "last": "d",
            "first": "2026-01-02T02:04:05.5Z",
            // Rounded once, at the end: 0.1 + 0.2 + 0.3 step by step is 0.6000000000000001.
            "weight": 0.6,
            "highest": 7,
        })
    );
}

#[tokio::test]
async fn a_query_narrows_what_figures_are_over() {
    // QRY-15
    let (mut client, _) = shop().await;
    let body = json!({"query": {"kind": "game", "stock": {"$gt": 0}}, "aggregates": {"n": {"sum": "stock"}}});
    assert_eq!(figures(&mut client, &body).await.json(), json!({"n": 5}));
    // The same as pairs in the URL.
    let url = "/shop/products/aggregate?kind=game&aggregates=%7B%22n%22%3A%7B%22sum%22%3A%22stock%22%7D%7D";
    assert_eq!(client.send("POST", url, &[], b"").await.json(), json!({"n": 5}));
}

#[tokio::test]
async fn of_nothing_the_sum_is_0_and_the_rest_is_null() {
    // QRY-17 QRY-22
    let (mut client, _) = shop().await;
    let body = json!({"query": {"sku": "none"}, "aggregates": {
        "n": {"count": true}, "values": {"count": "weight"}, "sum": {"sum": "stock"}, "weight": {"sum": "weight"},
        "avg": {"avg": "stock"}, "min": {"min": "sku"}, "max": {"max": "arrived"}, "all": {"distinct": "kind"},
    }});
    let nothing = json!({
        "n": 0, "values": 0, "sum": 0, "weight": 0.0, "avg": null, "min": null, "max": null, "all": [],
    });
    assert_eq!(figures(&mut client, &body).await.json(), nothing);
    // Neither are there groups.
    let body = json!({"query": {"sku": "none"}, "groupBy": "kind", "aggregates": {"n": {"count": true}}});
    assert_eq!(figures(&mut client, &body).await.json(), json!([]));
    // Nothing in some documents is passed over.
    let body =
        json!({"aggregates": {"n": {"count": "weight"}, "avg": {"avg": "weight"}, "min": {"min": "weight"}}});
    assert_eq!(figures(&mut client, &body).await.json(), json!({"n": 3, "avg": 0.2, "min": 0.1}));
}

#[tokio::test]
async fn groups_come_in_the_order_of_their_keys() {
    // QRY-15
    let (mut client, _) = shop().await;
    let body = json!({"groupBy": ["kind"], "aggregates": {"n": {"count": true}, "stock": {"sum": "stock"}}});
    let expected = json!([{"kind": "book", "n": 2, "stock": 7}, {"kind": "game", "n": 2, "stock": 5}]);
    assert_eq!(figures(&mut client, &body).await.json(), expected);
    let body = json!({"groupBy": ["kind", "place.city"], "aggregates": {"n": {"count": true}}});
    let expected = json!([
        {"kind": "book", "place.city": null, "n": 1},
        {"kind": "book", "place.city": "Rome", "n": 1},
        {"kind": "game", "place.city": "Oslo", "n": 1},
        {"kind": "game", "place.city": "Rome", "n": 1},
    ]);
    assert_eq!(figures(&mut client, &body).await.json(), expected);
    let body = json!({"groupBy": "place"});
    let expected = json!([
        {"place": null},
        {"place": {"city": "Oslo", "shelf": 7}},
        {"place": {"city": "Rome", "shelf": 1}},
        {"place": {"city": "Rome", "shelf": null}},
    ]);
    assert_eq!(figures(&mut client, &body).await.json(), expected);
}

#[tokio::test]
async fn groups_are_sorted_by_keys_and_figures_and_paged() {
    let (mut client, _) = shop().await;
    let body = |sort: Json, start: u64, count: u64| {
        json!({
            "groupBy": "place.city", "aggregates": {"n": {"count": true}, "stock": {"sum": "stock"}},
            "sort": sort, "start": start, "count": count,
        })
    };
    for (sort, start, count, expected) in [
        (json!("-n,place.city"), 0, 10, json!(["Rome", null, "Oslo"])),
        (json!({"n": -1, "place.city": -1}), 0, 10, json!(["Rome", "Oslo", null])),
        (json!([["stock", "desc"]]), 1, 1, json!([null])),
        (json!(["stock"]), 0, 2, json!(["Oslo", null])),
        (json!("-place.city"), 0, 0, json!([])),
        (json!("-place.city"), 9, 9, json!([])),
    ] {
        let answer = figures(&mut client, &body(sort.clone(), start, count)).await.json();
        let cities: Vec<Json> =
            answer.as_array().unwrap().iter().map(|row| row["place.city"].clone()).collect();
        assert_eq!(Json::from(cities), expected, "{sort}");
    }
}

#[tokio::test]
async fn equal_values_count_once_where_they_are_asked_to() {
    // QRY-16 QRY-17
    let (mut client, _) = shop().await;
    client.post("/shop/products/insert", &json!({"sku": "e", "stock": 4, "weight": 0.3})).await;
    let body = json!({"aggregates": {
        "all": {"count": "stock"}, "once": {"count": "stock", "distinct": true},
        "sum": {"sum": "stock", "distinct": true}, "avg": {"avg": "stock", "distinct": true},
        "kinds": {"distinct": "kind"}, "cities": {"distinct": "place.city"}, "arrived": {"distinct": "arrived"},
    }});
    assert_eq!(
        figures(&mut client, &body).await.json(),
        json!({
            "all": 5, "once": 4, "sum": 12, "avg": 3.0,
            "kinds": ["book", "game"], "cities": ["Oslo", "Rome"],
            "arrived": ["2026-01-02T02:04:05.5Z", "2026-01-02T03:04:05Z"],
        })
    );
}

#[tokio::test]
async fn count_takes_a_field_and_distinct() {
    // QRY-12 QRY-16 QRY-19
    let (mut client, _) = shop().await;
    for (arguments, expected) in [
        ("", 4),
        ("?field=weight", 3),
        ("?field=kind", 4),
        // Without relations equal values count as often as they come.
        ("?field=kind&distinct=false", 4),
        ("?field=kind&distinct=true", 2),
        ("?field=place.city&distinct=true", 2),
        ("?field=weight&kind=game", 1),
        ("?field=sku&query=%7B%22stock%22%3A%7B%22%24gt%22%3A3%7D%7D", 2),
        ("?distinct=true", 4),
    ] {
        assert_eq!(
            client.get(&format!("/shop/products/count{arguments}")).await.json(),
            expected,
            "{arguments}"
        );
    }
    for bad in ["field=", "field=cost", "field=nothing", "field=kind&distinct=yes", "field=kind&field=sku"] {
        refused(&client.get(&format!("/shop/products/count?{bad}")).await, 400, "INVALID_QUERY");
    }
}

#[tokio::test]
async fn what_is_in_the_trash_or_has_expired_is_in_no_figure() {
    let (mut client, clock) = shop().await;
    let body =
        json!({"aggregates": {"n": {"count": true}, "skus": {"distinct": "sku"}, "stock": {"sum": "stock"}}});
    client.delete("/shop/products/delete?sku=b").await;
    let expected = json!({"n": 3, "skus": ["a", "c", "d"], "stock": 7});
    assert_eq!(figures(&mut client, &body).await.json(), expected);
    assert_eq!(client.get("/shop/products/count?field=sku").await.json(), 3);
    clock.advance(std::time::Duration::from_secs(86_401));
    assert_eq!(figures(&mut client, &body).await.json(), json!({"n": 0, "skus": [], "stock": 0}));
    assert_eq!(figures(&mut client, &json!({"groupBy": "sku"})).await.json(), json!([]));
}

#[tokio::test]
async fn a_batch_may_ask_for_figures_of_what_it_writes() {
    let (mut client, _) = shop().await;
    let batch = json!({"operations": [
        {"op": "insert", "data": {"sku": "e", "stock": 8}},
        {"op": "aggregate", "aggregates": {"stock": {"sum": "stock"}}},
        {"op": "aggregate", "query": {"stock": {"$gt": 3}}, "groupBy": "kind", "aggregates": {"n": {"count": true}}, "sort": "-n"},
        {"op": "count", "field": "kind", "distinct": true},
        {"op": "count"},
    ]});
    let answer = client.post("/shop/products/batch", &batch).await.json();
    assert_eq!(answer["results"][1]["data"], json!({"stock": 20}));
    assert_eq!(answer["results"][2]["data"], json!([{"kind": "book", "n": 2}, {"kind": "game", "n": 1}]));
    assert_eq!((&answer["results"][3]["data"], &answer["results"][4]["data"]), (&json!(2), &json!(5)));
    for bad in [
        json!({"op": "aggregate"}),
        json!({"op": "aggregate", "aggregates": {"n": {"sum": "sku"}}}),
        json!({"op": "aggregate", "groupBy": null}),
        json!({"op": "find", "groupBy": "kind"}),
        json!({"op": "find", "sort": "kind"}),
        json!({"op": "count", "aggregates": {"n": {"count": true}}}),
    ] {
        let answer = client.post("/shop/products/batch", &json!({"operations": [bad]})).await;
        assert_eq!((answer.status, answer.json()["details"]["index"].as_u64()), (400, Some(0)), "{bad}");
    }
}

#[tokio::test]
async fn a_sum_that_64_bits_can_not_hold_is_refused_and_an_average_is_not() {
    let (mut client, _) = shop().await;
    for (sku, stock) in [("x", i64::MAX), ("y", i64::MAX - 1)] {
        let product = json!({"sku": sku, "stock": stock, "kind": "game"});
        assert_eq!(client.post("/shop/products/insert", &product).await.status, 201);
    }
    let answer = figures(&mut client, &json!({"aggregates": {"n": {"sum": "stock"}}})).await;
    refused(&answer, 400, "INVALID_QUERY");
    assert_eq!(answer.json()["field"], "stock");
    // Next to the limit nothing is rounded.
    let one = json!({"query": {"sku": "y"}, "aggregates": {"n": {"sum": "stock"}, "avg": {"avg": "stock"}}});
    let answer = figures(&mut client, &one).await;
    assert_eq!(
        String::from_utf8_lossy(&answer.body),
        r#"{"n":9223372036854775806,"avg":9.223372036854776e18}"#
    );
    let mean = json!({"query": {"stock": {"$gt": 9}}, "aggregates": {"n": {"avg": "stock"}}});
    assert_eq!(figures(&mut client, &mean).await.json(), json!({"n": 9.223372036854776e18}));
}
