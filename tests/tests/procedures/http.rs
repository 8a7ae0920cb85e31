//! `POST /@procedures/{name}`.

use modeller::doors::http::{Method, Route, RouteCx};

use super::*;

const PATH: &str = "/@procedures/transfer";

async fn served() -> Kit {
    let kit = bank().await;
    kit.engine().procedures().register(transfer()).await.unwrap();
    kit
}

#[tokio::test]
async fn procedures_are_called_over_http() {
    // RPC-12
    let kit = served().await;
    let answer = kit.post(PATH, json!({ "from": "ada", "to": "bob", "cents": 40 })).await.expect(200);
    assert_eq!(answer["move"]["cents"], 40);
    let answer = kit.post(PATH, json!({ "from": "ada", "to": "bob", "cents": 400 })).await.expect(409);
    assert_eq!((&answer["code"], &answer["details"]["has"]), (&json!("TOO_POOR"), &json!(99)));
    let answer = kit.post(PATH, json!({ "from": "ada" })).await.expect(400);
    assert_eq!(
        (&answer["code"], answer["errors"].as_array().unwrap().len()),
        (&json!("VALIDATION_ERROR"), 2)
    );
    register(&kit, json!([{ "return": { "$ref": "input" } }])).await;
    assert_eq!(kit.post("/@procedures/it", ()).await.expect(200), json!({ "x": null }));
}

#[tokio::test]
async fn what_is_no_procedure_is_told() {
    // RPC-12
    let kit = served().await;
    let answer = kit.post("/@procedures/tranfser", json!({})).await.expect(404);
    assert_eq!((&answer["code"], &answer["details"]["id"]), (&json!("METHOD_NOT_FOUND"), &json!("tranfser")));
    for (path, status) in [
        ("/@procedures/", 404),
        ("/@procedures", 404),
        ("/@procedures/a/b", 404),
        ("/@procedures/%00", 404),
        ("/@procedures/transfer%2F..", 404),
        ("/@procedures/transfer?x=1", 400),
        ("/_modeller/procedures/list", 404),
        ("/_modeller/procedures/insert", 404),
    ] {
        let answer = kit.post(path, json!({})).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
    }
    assert_eq!(kit.get(PATH).await.status, 405);
    assert_eq!(
        kit.post(
            "/@transaction",
            json!({ "operations": [{ "op": "find", "model": "_modeller/procedures" }] })
        )
        .await
        .status,
        404
    );
}

#[tokio::test]
async fn a_key_makes_a_retry_have_its_effect_once() {
    // RPC-12
    let kit = served().await;
    let input = json!({ "from": "ada", "to": "bob", "cents": 40 });
    let caller = kit.anonymous().header("idempotency-key", "one");
    let first = caller.post(PATH, &input).await.expect(200);
    assert_eq!(caller.post(PATH, &input).await.expect(200), first);
    assert_eq!(cents(&kit, "bob").await, 40);
    let other = json!({ "from": "ada", "to": "bob", "cents": 41 });
    assert_eq!(caller.post(PATH, &other).await.expect(409)["code"], "CONFLICT");
}

#[tokio::test]
async fn no_route_of_ones_own_is_where_procedures_are() {
    // RPC-12
    async fn hello(_: RouteCx) -> Result<Json> {
        Ok(json!("hello"))
    }
    let app = App::isolated().models::<(Account, Move)>();
    let app = app.route(Route::new(Method::POST, "/@procedures/hello", hello));
    let refused = app.test().await.unwrap_err().to_string();
    assert!(refused.contains("procedures are there"), "{refused}");
}
