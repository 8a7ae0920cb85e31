//! Routes, metadata, custom routes and the shape of the application.

use modeller::doors::http::{Method, Route, RouteCx};
use modeller::engine::Operation;

use super::*;

async fn oldest(cx: RouteCx) -> Result<Option<Doc<User>>> {
    User::find().order_by(User::AGE.desc()).first(&cx).await
}

#[tokio::test]
async fn the_whole_application_is_a_few_lines() {
    // HTT-01, HTT-02, HTT-04, HTT-11, HTT-12, HTT-13
    let app = App::isolated().models::<(User, Product)>().title("Shop").route(Route::new(
        Method::GET,
        "/oldest",
        oldest,
    ));
    let address = served(app).await;
    let mut client = Client::connect(address).await;
    client.post("/system/users/insert", &user("a@b.c", 3)).await;
    client.post("/system/users/insert", &json!({"email": "b@b.c", "age": 4, "password": "p"})).await;
    let oldest = client.get("/oldest").await.json();
    assert_eq!((&oldest["email"], oldest.get("password")), (&json!("b@b.c"), None));
    assert_eq!(client.get("/@openapi.json").await.json()["info"]["title"], "Shop");
    assert_eq!(client.get("/@health").await.status, 200);
    assert_eq!(client.get("/@docs").await.status, 200);
}

#[tokio::test]
async fn every_operation_that_the_metadata_name_is_there() {
    // HTT-02, HTT-03
    let server = start::<(User, Product)>().await;
    let mut client = server.client().await;
    let metadata = client.get("/@metadata").await.json();
    let mut seen = 0;
    for model in metadata["models"].as_array().unwrap() {
        for operation in model["operations"].as_array().unwrap() {
            let (method, path) = (operation["method"].as_str().unwrap(), operation["path"].as_str().unwrap());
            let answer = match operation["body"].is_null() {
                true => client.send(method, path, &[], b"").await,
                false => client.json(method, path, &json!({})).await,
            };
            typed(path, &answer);
            assert!(![404, 405].contains(&answer.status), "{method} {path} gave {}", answer.status);
            seen += 1;
        }
        assert!(
            !model["fields"].to_string().contains("password")
                && !model["fields"].to_string().contains("secret")
        );
    }
    // `restore` is the one that only a model with a trash offers.
    assert_eq!(seen, 2 * Operation::ALL.len() - 1);
}

#[tokio::test]
async fn contradictions_keep_the_application_from_starting() {
    let twice = App::isolated().models::<(User, User)>().router().await;
    assert!(twice.unwrap_err().to_string().contains("system/users"));
    assert!(App::isolated().router().await.is_err());
    assert!(App::isolated().allow_empty().router().await.is_ok());
}
