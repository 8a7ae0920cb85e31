//! What bad questions get: a typed refusal, and a server that goes on as if nothing had been.

use super::references::{Author, Post};
use super::*;

const USERS: &str = "/system/users";

/// A server with one document that has a secret.
async fn guarded() -> (Server, Client) {
    let server = start::<(User, Product, Author, Post)>().await;
    let ada = User { password: Some("hunter2".into()), age: Some(36), ..User::new("ada@b.c") };
    User::insert(&server.cx, ada).await.unwrap();
    let product = Product { sku: "A-1".into(), price: 1.0, secret: Some("key".into()) };
    Product::insert(&server.cx, product).await.unwrap();
    let client = server.client().await;
    (server, client)
}

/// It still answers, and nothing was changed.
async fn unharmed(client: &mut Client) {
    assert_eq!(client.get("/@health").await.status, 200);
    let all = client.get(&format!("{USERS}/list")).await.json();
    assert_eq!((all[0]["email"].as_str(), all[0]["_version"].as_i64()), (Some("ada@b.c"), Some(1)));
    assert_eq!(all.as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn private_fields_can_not_be_asked_about() {
    // SCH-04
    let (_server, mut client) = guarded().await;
    let users = |rest: &str| format!("{USERS}/{rest}");
    let filters = [
        json!({"password": "hunter2"}),
        json!({"password": {"$exists": true}}),
        json!({"password": null}),
        json!({"password": {"$startsWith": "h"}}),
        json!({"$or": [{"email": "ada@b.c"}, {"password": "x"}]}),
        json!({"$not": {"password": "x"}}),
        json!({"$nor": [{"password": {"$gt": "a"}}]}),
        json!({"password.length": 7}),
        json!({"password": {"$not": {"$eq": "x"}}}),
    ];
    for filter in &filters {
        // The same words as for a field that is none.
        let none: Json = serde_json::from_str(&filter.to_string().replace("password", "passwork")).unwrap();
        for operation in ["get", "list", "paginate", "first", "last", "count"] {
            let answer = client.get(&users(&format!("{operation}?{}", query(filter)))).await;
            refused(&answer, 400, "INVALID_QUERY");
            let other = client.get(&users(&format!("{operation}?{}", query(&none)))).await;
            let unnamed =
                |answer: &Answer, name: &str| answer.json()["message"].as_str().unwrap().replace(name, "..");
            assert_eq!(unnamed(&answer, "password"), unnamed(&other, "passwork"));
        }
        let update = client.put(&users(&format!("update?{}", query(filter))), &json!({"age": 1})).await;
        refused(&update, 400, "INVALID_QUERY");
        refused(&client.delete(&users(&format!("delete?{}", query(filter)))).await, 400, "INVALID_QUERY");
        refused(&client.post(&users("find"), &json!({"query": filter})).await, 400, "INVALID_QUERY");
        let restore = client.send("POST", &users(&format!("restore?{}", query(filter))), &[], b"").await;
        refused(&restore, 400, "INVALID_QUERY");
        let batch = json!({"operations": [{"op": "count", "query": filter}]});
        refused(&client.post(&users("batch"), &batch).await, 400, "INVALID_QUERY");
    }
    for pairs in [
        "password=hunter2",
        "password[gt]=a",
        "sort=password",
        "sort=-password",
        "fields=password",
        "fields=email,password",
    ] {
        for operation in ["get", "list", "paginate"] {
            refused(&client.get(&users(&format!("{operation}?{pairs}"))).await, 400, "INVALID_QUERY");
        }
    }
    for body in [
        json!({"sort": {"password": 1}}),
        json!({"fields": ["password"]}),
        json!({"sort": [["password", "asc"]]}),
    ] {
        refused(&client.post(&users("find"), &body).await, 400, "INVALID_QUERY");
    }
    // A cursor holds the values that pages are sorted by: private ones are never among them.
    for n in 0..3 {
        client.post(&users("insert"), &json!({"email": format!("{n}@b.c"), "password": "sesame"})).await;
    }
    let cursor = client.get(&users("list?count=1&sort=email&after=")).await;
    let cursor = cursor.header("next-cursor").unwrap().to_owned();
    assert!(!String::from_utf8_lossy(&decoded(&cursor)).contains("sesame"));
    for n in 0..3 {
        client.delete(&users(&format!("delete?email={n}@b.c"))).await;
    }
    // No door tells by an unequal version, by a conflict or in the description what is in it.
    let conflict =
        client.post("/shop/products/insert", &json!({"sku": "B-1", "price": 1, "secret": "key"})).await;
    refused(&conflict, 409, "UNIQUE_VIOLATION");
    assert!(!conflict.json().to_string().contains("\"key\""));
    let headers = [("Content-Type", "application/json"), ("If-Match", "\"9\"")];
    let update = users("update?email=ada@b.c");
    let failed = client.send("PUT", &update, &headers, b"{\"password\":\"x\"}").await;
    refused(&failed, 412, "CONFLICT");
    assert!(!failed.json().to_string().contains("hunter"));
    let bad = client.put(&update, &json!({"age": "x"})).await.json().to_string();
    assert!(!bad.contains("hunter"), "{bad}");
    unharmed(&mut client).await;
}

fn decoded(base64: &str) -> Vec<u8> {
    let mut bits = 0_u32;
    let mut count = 0;
    let mut out = Vec::new();
    for byte in base64.bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'-' => 62,
            _ => 63,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
        }
    }
    out
}

#[tokio::test]
async fn filters_are_bounded_and_explained() {
    let (_server, mut client) = guarded().await;
    let wide: Vec<Json> = (0..10_000).map(|n| json!({"age": n})).collect();
    let mut deep = json!({"age": 1});
    for _ in 0..100 {
        deep = json!({"$not": deep});
    }
    let many: Vec<i64> = (0..50_000).collect();
    let cases = [
        json!({"aeg": 1}),
        json!({"age": {"$gtt": 1}}),
        json!({"age": "old"}),
        json!({"age": {"$gt": "x"}}),
        json!({"age": {"$gt": {}}}),
        json!({"age": [1]}),
        json!({"email": 1}),
        json!({"$where": "1"}),
        json!({"$or": wide}),
        json!({"$or": []}),
        json!({"$or": {}}),
        json!({"$and": [1]}),
        deep,
        json!({"age": {"$in": many}}),
        json!({"age": {"$in": 1}}),
        json!({"email": {"$like": "%a".repeat(500)}}),
        json!({"email": {"$like": "%".repeat(5_000)}}),
        json!({"email": {"$regex": "(a+)+$"}}),
        json!({"email.x": 1}),
        json!({"age.0": 1}),
        json!({"__proto__": 1}),
        json!({"constructor": {"prototype": 1}}),
        json!({"toString": 1}),
        json!({"": 1}),
        json!({"e\u{43c}ail": "x"}),
        json!({"EMAIL": "x"}),
        json!({"email' OR 1=1 --": "x"}),
        json!({"\"email\"": "x"}),
        json!({"_rowid": 1}),
        json!({"rowid": 1}),
        json!({"full_name": "x"}),
        json!([]),
        json!("x"),
        json!(1),
        json!(null),
    ];
    for case in &cases {
        let answer = client.post(&format!("{USERS}/find"), &json!({"query": case})).await;
        typed(&case.to_string(), &answer);
        // What is nested too deeply is not even read.
        let code = if answer.code() == "PARSE_ERROR" { "PARSE_ERROR" } else { "INVALID_QUERY" };
        assert!(code == "INVALID_QUERY" || answer.json()["message"].as_str().unwrap().contains("levels"));
        refused(&answer, 400, code);
    }
    let hint = client.post(&format!("{USERS}/find"), &json!({"query": {"emial": "x"}})).await.json();
    assert_eq!(hint["details"]["suggestion"], "email");
    assert!(hint["message"].as_str().unwrap().contains("did you mean `email`"));
    unharmed(&mut client).await;
}

#[tokio::test]
async fn values_are_values_and_never_statements() {
    let (_server, mut client) = guarded().await;
    let texts = [
        "'; DROP TABLE users; --",
        "\" OR \"\"=\"",
        "x\\",
        "%",
        "_",
        "/* */",
        "ada@b.c'--",
        "\u{2019} OR 1=1",
        "\u{202e}",
        "$1",
        "?1",
        ":a",
        "{{7*7}}",
        "../../etc/passwd",
        "\n\r\t\u{1b}[31m",
    ];
    for text in texts {
        for filter in [
            json!({"email": text}),
            json!({"email": {"$contains": text}}),
            json!({"_id": text}),
            json!({"email": {"$in": [text]}}),
        ] {
            let answer = client.get(&format!("{USERS}/list?{}", query(&filter))).await;
            assert_eq!(answer.status, 200, "{text}");
            let all = text == "_" || text == "%";
            assert!(all || answer.json() == json!([]), "{text} found {}", answer.json());
        }
        for name in [
            format!("sort={}", url(text)),
            format!("fields={}", url(text)),
            format!("{}=1", url(text)),
            format!("after={}", url(text)),
        ] {
            let answer = client.get(&format!("{USERS}/list?{name}")).await;
            typed(&name, &answer);
            assert_eq!(answer.status, 400, "{name}");
        }
    }
    // A NUL is in no text that is stored.
    let nul = client.get(&format!("{USERS}/list?{}", query(&json!({"email": "a\0b"})))).await;
    typed("NUL", &nul);
    unharmed(&mut client).await;
}

#[tokio::test]
async fn pages_have_bounds() {
    let (_server, mut client) = guarded().await;
    for page in [
        "count=-1",
        "count=1000000000",
        "count=1001",
        "count=abc",
        "count=",
        "count=1.5",
        "count=1e2",
        "count=%2B1",
        "count=1&count=2",
        "count=18446744073709551616",
        "start=-1",
        "start=9223372036854775808",
        "start=1000001",
        "start=0x1",
        "sort=age,age",
        "sort=age&sort=email",
        "sort=tags",
        "sort=a,b,c,d,e,f,g,h,i",
        "fields=nothing",
        "query=%7B",
        "query=",
        "query=null",
        "query=%7B%22a%22:1%7D&query=%7B%7D",
        "with=posts",
        "limit=1",
    ] {
        for operation in ["list", "get"] {
            let answer = client.get(&format!("{USERS}/{operation}?{page}")).await;
            typed(page, &answer);
            assert_eq!(answer.status, 400, "{operation}?{page} gave {}", answer.json());
        }
    }
    for body in [
        json!({"count": -1}),
        json!({"count": "x"}),
        json!({"count": 1001}),
        json!({"start": 1.5}),
        json!({"count": {}}),
        json!({"nothing": 1}),
        json!([]),
    ] {
        let answer = client.post(&format!("{USERS}/find"), &body).await;
        assert_eq!(answer.status, 400, "{body} gave {}", answer.json());
        typed(&body.to_string(), &answer);
    }
    for good in ["count=0", "count=1000", "start=1000000", "fields=", "sort="] {
        assert_eq!(client.get(&format!("{USERS}/list?{good}")).await.status, 200, "{good}");
    }
    unharmed(&mut client).await;
}

#[tokio::test]
async fn ids_and_paths_are_not_confused() {
    let (_server, mut client) = guarded().await;
    let ids = [
        "",
        "..",
        "../../x",
        "get",
        "list",
        "@metadata",
        "%00",
        "A-1 ",
        "a-1",
        "\u{ff21}-1",
        &"x".repeat(10_000),
        "null",
        "[]",
        "{}",
    ];
    for id in ids {
        let answer = client.get(&format!("/shop/products/get?_id={}", url(id))).await;
        typed(id, &answer);
        assert!(answer.status >= 400 || answer.json() == Json::Null, "{id:.50} found {}", answer.json());
        for answer in [
            client.put(&format!("/shop/products/update?_id={}", url(id)), &json!({"price": 2})).await,
            client.delete(&format!("/shop/products/delete?_id={}", url(id))).await,
        ] {
            typed(id, &answer);
            assert!([400, 404].contains(&answer.status), "{id:.50}");
        }
    }
    for (path, code) in [
        ("/system/users/get/", "ROUTE_NOT_FOUND"),
        ("/system//users/get", "ROUTE_NOT_FOUND"),
        ("/system/users", "ROUTE_NOT_FOUND"),
        ("/system/users/../products/get", "ROUTE_NOT_FOUND"),
        ("/system/%2e%2e/get", "MODEL_NOT_FOUND"),
        ("/system/USERS/get", "MODEL_NOT_FOUND"),
        ("/_modeller/mutations/list", "MODEL_NOT_FOUND"),
        ("/system/users/GET", "METHOD_NOT_FOUND"),
        ("/system/users/lst", "METHOD_NOT_FOUND"),
        ("/system/users/@metadata", "METHOD_NOT_FOUND"),
        ("/@nothing", "ROUTE_NOT_FOUND"),
    ] {
        let answer = client.get(path).await;
        typed(path, &answer);
        refused(&answer, 404, code);
    }
    unharmed(&mut client).await;
}
