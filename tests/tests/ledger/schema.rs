//! One schema drives validation, uniqueness, defaults, views and descriptions.

use modeller::model::Violation;

use super::*;

const USERS: &str = "/system/users";

#[tokio::test]
async fn one_schema_is_published_validated_and_enforced() {
    // SCH-01, SCH-02, SCH-16, HTT-03
    let server = start::<(User, Product)>().await;
    let mut client = server.client().await;
    let metadata = client.get("/@metadata").await.json();
    let model = metadata["models"].as_array().unwrap().iter().find(|model| model["name"] == "users").unwrap();
    let schema = &model["schema"];
    assert_eq!(schema, &User::descriptor().shape().schema);
    assert_eq!((&schema["type"], &schema["required"]), (&json!("object"), &json!(["email"])));
    assert_eq!(schema["properties"]["email"]["unique"], true);
    assert_eq!(schema["properties"]["role"]["default"], "user");
    let operations: Vec<&Json> =
        model["operations"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert!(operations.contains(&&json!("restore")) && operations.contains(&&json!("insert")));
    // What the schema says is what happens.
    refused(&client.post(&format!("{USERS}/insert"), &json!({})).await, 400, "VALIDATION_ERROR");
    assert_eq!(client.post(&format!("{USERS}/insert"), &json!({"email": "a@b.c"})).await.status, 201);
    let openapi = client.get("/@openapi.json").await.json();
    assert!(openapi["paths"]["/system/users/insert"]["post"].is_object());
}

#[tokio::test]
async fn no_two_documents_have_one_unique_value() {
    // SCH-03
    let server = start::<(User,)>().await;
    let mut client = server.client().await;
    let first = client.post(&format!("{USERS}/insert"), &user("a@b.c", 1)).await;
    let again = client.post(&format!("{USERS}/insert"), &user("a@b.c", 2)).await;
    refused(&again, 409, "UNIQUE_VIOLATION");
    assert_eq!(again.json()["field"], "email");
    client.post(&format!("{USERS}/insert"), &user("b@b.c", 1)).await;
    let change = client.put(&format!("{USERS}/update?email=b@b.c"), &json!({"email": "a@b.c"})).await;
    refused(&change, 409, "UNIQUE_VIOLATION");
    assert_eq!(client.get(&format!("{USERS}/get?email=b%40b.c")).await.json()["_version"], 1);
    // In Rust it is the same error.
    let error = User::insert(&server.cx, User::new("a@b.c")).await.unwrap_err();
    assert!(error.is(Code::UniqueViolation) && error.field() == Some("email"));
    // A value is free again when its document is gone.
    let id = first.json()["_id"].as_str().unwrap().to_owned();
    client.delete(&format!("{USERS}/delete?_id={id}")).await;
    assert_eq!(client.post(&format!("{USERS}/insert"), &user("a@b.c", 3)).await.status, 201);
}

#[tokio::test]
async fn private_fields_are_in_no_answer() {
    // SCH-04
    let server = start::<(User,)>().await;
    let mut client = server.client().await;
    let secret = json!({"email": "a@b.c", "password": "hunter2"});
    let mut answers = vec![client.post(&format!("{USERS}/insert"), &secret).await];
    assert_eq!(answers[0].status, 201);
    let patch = json!({"password": "hunter22"});
    answers.push(client.put(&format!("{USERS}/update?email=a@b.c"), &patch).await);
    answers.push(client.post(&format!("{USERS}/upsert"), &secret).await);
    for read in ["get", "list", "first", "last", "paginate"] {
        answers.push(client.get(&format!("{USERS}/{read}")).await);
    }
    answers.push(client.post(&format!("{USERS}/find"), &json!({})).await);
    let batch =
        json!({"operations": [{"op": "find"}, {"op": "update", "query": {"email": "a@b.c"}, "data": patch}]});
    answers.push(client.post(&format!("{USERS}/batch"), &batch).await);
    answers.push(client.delete(&format!("{USERS}/delete?email=a@b.c")).await);
    answers.push(client.send("POST", &format!("{USERS}/restore?email=a@b.c"), &[], b"").await);
    for answer in answers {
        assert!(answer.status < 300, "{}", answer.json());
        let text = String::from_utf8(answer.body).unwrap();
        assert!(text.contains("a@b.c") && !text.contains("hunter") && !text.contains("password"), "{text}");
    }
    // It was stored all the same, and Rust sees it.
    let stored = User::find().first(&server.cx).await.unwrap().unwrap();
    assert_eq!(stored.password.as_deref(), Some("hunter22"));
    assert!(serde_json::to_value(&stored).unwrap().get("password").is_none());
}

#[tokio::test]
async fn defaults_and_enums_hold() {
    // SCH-05, SCH-06
    let server = start::<(User,)>().await;
    let mut client = server.client().await;
    let plain = client.post(&format!("{USERS}/insert"), &user("a@b.c", 1)).await.json();
    assert_eq!((&plain["role"], &plain["tags"]), (&json!("user"), &json!([])));
    let wrong = client.post(&format!("{USERS}/insert"), &json!({"email": "b@b.c", "role": "root"})).await;
    refused(&wrong, 400, "VALIDATION_ERROR");
    let error = &wrong.json()["errors"][0];
    assert_eq!((&error["instancePath"], &error["keyword"]), (&json!("/role"), &json!("enum")));
    assert_eq!(error["params"]["allowedValues"], json!(["user", "admin"]));
}

#[tokio::test]
async fn every_fault_of_a_payload_is_told_as_ajv_tells_it() {
    // SCH-07, SCH-08, SCH-09, SCH-10, SCH-17, SCH-18, SCH-19
    let server = start::<(User, Product)>().await;
    let mut client = server.client().await;
    let bad = json!({"email": "no", "fullName": "x", "age": -1});
    let answer = client.post(&format!("{USERS}/insert"), &bad).await;
    refused(&answer, 400, "VALIDATION_ERROR");
    let faults: Vec<Violation> = serde_json::from_value(answer.json()["errors"].clone()).unwrap();
    let mut told: Vec<(&str, &str)> =
        faults.iter().map(|one| (one.instance_path.as_str(), one.keyword.as_str())).collect();
    told.sort_unstable();
    assert_eq!(told, [("/age", "minimum"), ("/email", "format"), ("/fullName", "minLength")]);
    let email = faults.iter().find(|one| one.instance_path == "/email").unwrap();
    assert_eq!(email.message, "that is no address");
    assert_eq!(
        (&email.params, email.schema_path.as_str()),
        (&json!({"format": "email"}), "#/properties/email/format")
    );

    let products = client.post("/shop/products/insert", &json!({"sku": "a b", "price": -0.5})).await.json();
    let keywords: Vec<&Json> =
        products["errors"].as_array().unwrap().iter().map(|one| &one["keyword"]).collect();
    assert!(keywords.contains(&&json!("pattern")) && keywords.contains(&&json!("minimum")), "{products}");

    // An update is judged as a whole, too, and changes nothing when it is refused.
    client.post(&format!("{USERS}/insert"), &user("a@b.c", 1)).await;
    let answer = client.put(&format!("{USERS}/update?email=a@b.c"), &json!({"age": 151})).await;
    refused(&answer, 400, "VALIDATION_ERROR");
    assert_eq!(answer.json()["errors"][0]["schemaPath"], "#/properties/age/maximum");
    assert_eq!(client.get(&format!("{USERS}/get?email=a@b.c")).await.json()["age"], 1);
    // And so is what Rust gives.
    let error = User::insert(&server.cx, User { age: Some(200), ..User::new("z@b.c") }).await.unwrap_err();
    assert_eq!((error.code(), error.violations()[0].instance_path.as_str()), ("VALIDATION_ERROR", "/age"));
}

/// One of each generator.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[serde(default)]
#[model(scope = "lab", name = "samples")]
pub struct Sample {
    #[model(key, generated = "autoincrement")]
    pub number: i64,
    #[model(generated = "uuid")]
    pub code: String,
    #[model(generated = "cuid")]
    pub label: String,
    #[model(generated = "timestamp")]
    pub taken: i64,
    #[model(unique)]
    pub name: String,
}

#[tokio::test]
async fn generated_values_and_keys_identify_documents() {
    // SCH-11, SCH-12, SCH-13
    let server = start::<(Sample, User)>().await;
    let mut client = server.client().await;
    let insert = "/lab/samples/insert";
    let one = client.post(insert, &json!({"name": "one"})).await.json();
    assert_eq!((&one["_id"], &one["number"], &one["taken"]), (&json!("1"), &json!(1), &json!(START)));
    assert_eq!(one["code"].as_str().unwrap().len(), 36);
    assert_eq!(one["label"].as_str().unwrap().len(), 25);
    assert_eq!(
        (&one["_version"], &one["_createdAt"], &one["_updatedAt"]),
        (&json!(1), &json!(START), &json!(START))
    );
    server.clock.advance(std::time::Duration::from_millis(5));
    let two = client.post(insert, &json!({"name": "two", "code": "mine"})).await.json();
    assert_eq!((&two["number"], &two["code"]), (&json!(2), &json!("mine")));
    let changed = client.put("/lab/samples/update?_id=1", &json!({"name": "uno"})).await.json();
    assert_eq!(
        (&changed["_version"], &changed["_createdAt"], &changed["_updatedAt"]),
        (&json!(2), &json!(START), &json!(START + 5))
    );
    assert_eq!(changed["code"], one["code"]);
    refused(&client.put("/lab/samples/update?_id=1", &json!({"number": 7})).await, 400, "VALIDATION_ERROR");
    // An id that nobody has chosen is a UUID.
    let user = User::insert(&server.cx, User::new("a@b.c")).await.unwrap();
    assert_eq!(user.id.as_str().len(), 36);
    // A struct that leaves generated fields blank does not empty them.
    let (kept, created) =
        Sample::upsert(&server.cx, Sample { name: "uno".into(), ..Sample::default() }).await.unwrap();
    assert!(!created);
    assert_eq!((kept.number, kept.code.as_str()), (1, one["code"].as_str().unwrap()));
}

#[tokio::test]
async fn numbers_that_callers_took_are_passed_over() {
    // SCH-11
    let server = start::<(Sample,)>().await;
    let mut client = server.client().await;
    let insert = "/lab/samples/insert";
    // The largest of all, so that none could follow, is not taken.
    let greedy = client.post(insert, &json!({"name": "max", "number": i64::MAX})).await;
    refused(&greedy, 400, "VALIDATION_ERROR");
    assert_eq!(client.post(insert, &json!({"name": "a"})).await.json()["number"], 1);
    for number in 2..6 {
        assert_eq!(
            client.post(insert, &json!({"name": number.to_string(), "number": number})).await.status,
            201
        );
    }
    let next = client.post(insert, &json!({"name": "b"})).await;
    assert_eq!((next.status, &next.json()["number"]), (201, &json!(6)));
}

/// Every type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "lab", name = "types")]
pub struct Types {
    pub text: String,
    pub small: i8,
    pub large: u64,
    pub float: f64,
    pub flag: bool,
    pub object: std::collections::BTreeMap<String, i64>,
    pub list: Vec<Inner>,
    pub at: jiff::Timestamp,
    pub day: jiff::civil::Date,
    pub any: Json,
    pub choice: Choice,
    pub nothing: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Inner {
    pub a: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Choice {
    None,
    Some { width: u8 },
}

#[tokio::test]
async fn every_type_makes_the_round_trip() {
    // SCH-14, SCH-21
    let server = start::<(Types,)>().await;
    let mut client = server.client().await;
    let payload = json!({
        "text": "ein \"Wort\"\n 🦀", "small": -128, "large": 9_223_372_036_854_775_807_u64, "float": 0.1,
        "flag": true, "object": {"a.b": 1}, "list": [{"a": 1}, {"a": null}], "at": "2026-02-28T23:59:59.5Z",
        "day": "2026-02-28", "any": [1, "two", {"three": null}], "choice": {"some": {"width": 3}}, "nothing": null,
    });
    let inserted = client.post("/lab/types/insert", &payload).await;
    assert_eq!(inserted.status, 201, "{}", inserted.json());
    let id = inserted.json()["_id"].as_str().unwrap().to_owned();
    let mut back = client.get(&format!("/lab/types/get?_id={id}")).await.json();
    back.as_object_mut().unwrap().retain(|name, _| !name.starts_with('_'));
    assert_eq!(back, payload);
    let from_rust = Types::get(&server.cx, id.as_str()).await.unwrap().unwrap();
    let typed: Types = serde_json::from_value(payload).unwrap();
    assert_eq!(from_rust.data, typed);
    let again = Types::insert(&server.cx, typed.clone()).await.unwrap();
    assert_eq!(again.data, typed);
    // Each value can be asked for.
    for filter in [
        json!({"large": 9_223_372_036_854_775_807_i64}),
        json!({"float": {"$lt": 0.2}, "flag": true}),
        json!({"at": {"$gte": "2026-02-28T23:59:59.5Z", "$lt": "2026-03-01T00:00:00Z"}}),
        json!({"list.0.a": 1, "any": "two", "choice.some.width": {"$in": [3]}}),
        json!({"nothing": null, "day": {"$startsWith": "2026-02"}}),
    ] {
        assert_eq!(client.get(&format!("/lab/types/count?{}", query(&filter))).await.json(), 2, "{filter}");
    }
}
