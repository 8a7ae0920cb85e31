use modeller::engine::{BodyKind, Operation};
use serde_json::json;

use crate::connected;

#[tokio::test]
async fn every_operation_has_its_route_and_method() {
    // HTT-01, HTT-02
    let (_server, mut client) = connected().await;
    for &operation in Operation::ALL {
        let path = format!("/shop/orders/{operation}");
        let method = operation.method();
        let answer = match operation.body() {
            BodyKind::None => client.send(method, &path, &[], b"").await,
            _ => client.json(method, &path, &json!({"count": 1})).await,
        };
        let created = operation == Operation::Insert;
        assert_eq!(answer.status, if created { 201 } else { 200 }, "{operation}");
        assert_eq!(answer.json()["operation"], operation.name());
        assert_eq!(answer.json()["model"], "shop/orders");
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
}

#[tokio::test]
async fn wrong_methods_are_told_the_right_one() {
    let (_server, mut client) = connected().await;
    for &operation in Operation::ALL {
        let path = format!("/shop/orders/{operation}");
        let reads = operation.method() == "GET";
        let allow =
            if reads { "GET, HEAD, OPTIONS".to_owned() } else { format!("{}, OPTIONS", operation.method()) };
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "TRACE", "BREW"] {
            if method == operation.method() {
                continue;
            }
            let answer = client.send(method, &path, &[], b"").await;
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (405, "METHOD_NOT_ALLOWED"),
                "{method} {path}"
            );
            assert_eq!(answer.header("allow"), Some(allow.as_str()));
        }
        let answer = client.send("OPTIONS", &path, &[], b"").await;
        assert_eq!(answer.status, 204);
        assert_eq!(answer.header("allow"), Some(allow.as_str()));
        assert!(answer.body.is_empty());
        let head = client.send("HEAD", &path, &[], b"").await;
        assert_eq!(head.status, if reads { 200 } else { 405 });
    }
}

#[tokio::test]
async fn head_answers_what_get_would_without_the_body() {
    let (_server, mut client) = connected().await;
    let get = client.get("/system/users/get?name=x").await;
    let head = client.send("HEAD", "/system/users/get?name=x", &[], b"").await;
    assert_eq!(head.status, 200);
    assert_eq!(head.header("content-length"), Some(get.body.len().to_string().as_str()));
    assert_eq!(head.header("etag"), get.header("etag"));
    // The connection is in step: nothing of a body was sent.
    assert_eq!(client.get("/@health").await.json(), json!({"status": "ok"}));
}

#[tokio::test]
async fn unknown_paths_say_what_is_missing() {
    let (_server, mut client) = connected().await;
    let long = format!("/system/users/{}", "x".repeat(10_000));
    let long_model = format!("/system/{}/get", "é".repeat(5_000).replace('é', "%C3%A9"));
    let cases = [
        ("/", "ROUTE_NOT_FOUND"),
        ("/system", "ROUTE_NOT_FOUND"),
        ("/system/users", "ROUTE_NOT_FOUND"),
        ("/system/users/", "ROUTE_NOT_FOUND"),
        ("/system/users/get/", "ROUTE_NOT_FOUND"),
        ("/system/users/get/1", "ROUTE_NOT_FOUND"),
        ("//users/get", "ROUTE_NOT_FOUND"),
        ("/system//get", "ROUTE_NOT_FOUND"),
        ("//system/users/get", "ROUTE_NOT_FOUND"),
        ("/@metadata/x/get", "ROUTE_NOT_FOUND"),
        ("/@nothing", "ROUTE_NOT_FOUND"),
        ("/system/user/get", "MODEL_NOT_FOUND"),
        ("/System/Users/get", "MODEL_NOT_FOUND"),
        ("/shop/users/get", "MODEL_NOT_FOUND"),
        ("/system/../get", "MODEL_NOT_FOUND"),
        ("/system/%2e%2e/get", "MODEL_NOT_FOUND"),
        ("/system/%2e%2e%2f/get", "MODEL_NOT_FOUND"),
        ("/system/users%2Fget/x", "MODEL_NOT_FOUND"),
        ("/system/users%00/get", "MODEL_NOT_FOUND"),
        ("/system/users/GET", "METHOD_NOT_FOUND"),
        ("/system/users/summarize", "METHOD_NOT_FOUND"),
        ("/system/users/restore", "METHOD_NOT_FOUND"),
        (&long, "METHOD_NOT_FOUND"),
        (&long_model, "MODEL_NOT_FOUND"),
    ];
    for (path, code) in cases {
        let answer = client.get(path).await;
        assert_eq!((answer.status, answer.code().as_str()), (404, code), "{path}");
        assert!(answer.body.len() < 1_000, "{path}");
    }
}

#[tokio::test]
async fn misspelled_names_get_a_suggestion() {
    let (_server, mut client) = connected().await;
    let model = client.get("/system/user/get").await.json();
    assert_eq!(model["message"], "there is no model `system/user`; did you mean `system/users`?");
    let method = client.get("/system/users/lists").await.json();
    assert_eq!(method["message"], "the model `system/users` has no method `lists`; did you mean `list`?");
    let methods = method["details"]["methods"].as_array().unwrap();
    assert!(methods.contains(&json!("paginate")) && !methods.contains(&json!("restore")));
}

#[tokio::test]
async fn encoded_names_in_a_path_are_the_names() {
    let (_server, mut client) = connected().await;
    assert_eq!(client.get("/s%79stem/users/%67et").await.json()["operation"], "get");
    for bad in ["/system/users/%", "/system/users/%g0", "/system/%ff/get", "/%C3/users/get"] {
        let answer = client.get(bad).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "INVALID_REQUEST"), "{bad}");
    }
}

#[tokio::test]
async fn arguments_arrive_decoded_and_in_order() {
    let (_server, mut client) = connected().await;
    let answer =
        client.get("/system/users/list?name=a+b%2Bc&count=2&query=%7B%22a%22%3A1%7D&flag&name=%C3%A9").await;
    let pairs =
        json!([["name", "a b+c"], ["count", "2"], ["query", "{\"a\":1}"], ["flag", ""], ["name", "é"]]);
    assert_eq!(answer.json()["arguments"], json!({ "pairs": pairs }));
    for (method, path) in [("PUT", "update"), ("DELETE", "delete"), ("GET", "count")] {
        let answer = client.send(method, &format!("/shop/orders/{path}?_id=x"), &[], b"").await;
        assert_eq!(answer.json()["arguments"], json!({"pairs": [["_id", "x"]]}), "{path}");
    }
    assert_eq!(client.get("/system/users/list?").await.json()["arguments"], json!(null));
}

#[tokio::test]
async fn malformed_queries_are_refused() {
    let (_server, mut client) = connected().await;
    for bad in ["a=%", "a=%4", "a=%zz", "%=1", "a=%ff", "a=%C3%28", "a=%ED%A0%80", "%u0041=1"] {
        let answer = client.get(&format!("/system/users/list?{bad}")).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "INVALID_REQUEST"), "{bad}");
    }
}

#[tokio::test]
async fn what_is_our_fault_gets_a_request_id_and_no_reason() {
    let (_server, mut client) = connected().await;
    for path in ["/system/users/get?do=break", "/system/users/get?do=panic"] {
        let answer = client.get(path).await;
        assert_eq!((answer.status, answer.code().as_str()), (500, "INTERNAL_ERROR"));
        let id = answer.header("x-request-id").expect("an id to look for").to_owned();
        assert_eq!(answer.json()["details"]["requestId"], id);
        let text = String::from_utf8(answer.body).unwrap();
        assert!(!text.contains("/var/lib") && !text.contains("broke"), "{text}");
    }
    // A panic ends neither the server nor the connection.
    assert_eq!(client.get("/system/users/get").await.status, 200);
}

#[tokio::test]
async fn pages_of_a_list_carry_their_cursor() {
    let (_server, mut client) = connected().await;
    assert_eq!(client.get("/system/users/list?after=").await.header("next-cursor"), Some("b3Blbg"));
    assert_eq!(client.get("/system/users/get").await.header("next-cursor"), None);
}
