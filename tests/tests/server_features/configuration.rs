//! HOO-17: what a model's code is told from outside.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use modeller::prelude::*;
use serde_json::{Value as Json, json};

use crate::program::has;
use crate::{Customer, User, app, refused};

#[derive(Debug, Serialize, Deserialize)]
pub struct UserConfig {
    pub logins_per_hour: u32,
    #[serde(default)]
    pub greeting: Option<String>,
    pub mail_key: Secret<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Configured for User {
    type Config = UserConfig;
}

impl Configured for Customer {
    type Config = BTreeMap<String, Json>;
}

fn config(logins_per_hour: u32) -> UserConfig {
    UserConfig { logins_per_hour, greeting: None, mail_key: "hunter2".to_owned().into(), note: None }
}

// HOO-17
#[tokio::test]
async fn a_model_has_a_typed_configuration() {
    let cx = app().configure::<User>(config(10)).cx().await.unwrap();
    let before = cx.config::<User>().unwrap();
    assert_eq!((before.logins_per_hour, before.mail_key.expose().as_str()), (10, "hunter2"));
    cx.set_config::<User>(config(20));
    assert_eq!(cx.config::<User>().unwrap().logins_per_hour, 20);
    // Whoever holds the old one keeps it.
    assert_eq!(before.logins_per_hour, 10);
}

// HOO-17
#[tokio::test]
async fn a_lazy_configuration_is_made_once_when_it_is_asked_for() {
    let made = Arc::new(AtomicUsize::new(0));
    let counted = made.clone();
    let app = app().configure_with::<User>(move || {
        std::thread::sleep(std::time::Duration::from_millis(20));
        config(counted.fetch_add(1, Ordering::SeqCst) as u32 + 1)
    });
    let cx = app.cx().await.unwrap();
    assert_eq!(made.load(Ordering::SeqCst), 0);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert_eq!(cx.config::<User>().unwrap().logins_per_hour, 1));
        }
    });
    assert_eq!(made.load(Ordering::SeqCst), 1);
}

// HOO-17
#[tokio::test]
async fn a_lazy_configuration_that_is_replaced_is_never_made() {
    let cx = app().configure_with::<User>(|| panic!("nobody asked")).cx().await.unwrap();
    cx.set_config::<User>(config(3));
    assert_eq!(cx.config::<User>().unwrap().logins_per_hour, 3);
    cx.engine().set_config_with::<User>(|| config(4));
    assert_eq!(cx.config::<User>().unwrap().logins_per_hour, 4);
}

// HOO-17
#[tokio::test]
async fn parts_are_read_and_changed_by_name() {
    let cx = app().configure::<User>(config(10)).cx().await.unwrap();
    for model in ["users", "system/users"] {
        assert_eq!(cx.configuration(model, "logins_per_hour").unwrap(), 10);
    }
    cx.set_configuration("users", "logins_per_hour", json!(30)).unwrap();
    cx.set_configuration("users", "greeting", json!("hi")).unwrap();
    // A field that is not written as long as it is empty is a part nonetheless.
    cx.set_configuration("users", "note", json!("n")).unwrap();
    let config = cx.config::<User>().unwrap();
    assert_eq!((config.logins_per_hour, config.greeting.as_deref()), (30, Some("hi")));
    assert_eq!(config.note.as_deref(), Some("n"));
    // The secret went along.
    assert_eq!(config.mail_key.expose(), "hunter2");
    cx.set_configuration("users", "mail_key", json!("other")).unwrap();
    assert_eq!(cx.config::<User>().unwrap().mail_key.expose(), "other");
}

// HOO-17
#[tokio::test]
async fn a_map_takes_any_part() {
    let app = modeller::App::isolated().models::<(Customer,)>().configure::<Customer>(BTreeMap::new());
    let cx = app.cx().await.unwrap();
    assert_eq!(cx.configurations("users").unwrap(), json!({}));
    cx.set_configuration("users", "anything", json!([1, 2])).unwrap();
    assert_eq!(cx.configuration("users", "anything").unwrap(), json!([1, 2]));
    assert_eq!(cx.configurations("shop/users").unwrap(), json!({ "anything": [1, 2] }));
}

// HOO-17
#[tokio::test]
async fn what_does_not_fit_is_refused_in_words() {
    let cx = app().configure::<User>(config(10)).cx().await.unwrap();
    let error = cx.configuration("users", "login_per_hour").unwrap_err();
    assert!(
        error.is(Code::NotFound) && error.message().contains("did you mean `logins_per_hour`?"),
        "{error}"
    );
    let error = cx.set_configuration("users", "login_per_hour", json!(1)).unwrap_err();
    assert!(error.is(Code::NotFound) && error.message().contains("did you mean"), "{error}");
    let error = cx.set_configuration("users", "logins_per_hour", json!("many")).unwrap_err();
    assert!(error.is(Code::InvalidRequest) && error.field() == Some("logins_per_hour"), "{error}");
    let error = cx.configuration("user", "x").unwrap_err();
    assert!(error.is(Code::ModelNotFound) && error.message().contains("did you mean `users`?"), "{error}");
    // Nothing of it took effect.
    assert_eq!(cx.config::<User>().unwrap().logins_per_hour, 10);
}

// HOO-17
#[tokio::test]
async fn secrets_are_never_shown() {
    let cx = app().configure::<User>(config(10)).cx().await.unwrap();
    let error = cx.set_configuration("users", "mail_key", json!({ "key": "hunter3" })).unwrap_err();
    let shown = [
        cx.configuration("users", "mail_key").unwrap().to_string(),
        cx.configurations("users").unwrap().to_string(),
        format!("{:?} {}", cx.config::<User>().unwrap(), cx.config::<User>().unwrap().mail_key),
        format!("{error} {}", error.to_json()),
        format!("{:?}", cx.engine()),
    ];
    for text in &shown {
        assert!(!text.contains("hunter"), "{text}");
    }
    assert!(shown[..3].iter().all(|text| text.contains("[secret]")), "{shown:?}");
}

// HOO-17
#[tokio::test]
async fn a_model_without_a_configuration_says_so() {
    let cx = app().cx().await.unwrap();
    let error = cx.config::<User>().unwrap_err();
    assert!(error.is(Code::InternalError) && error.message().contains("`App::configure`"), "{error}");
    assert!(cx.configurations("users").unwrap_err().is(Code::ModelNotFound));
    cx.set_config::<User>(config(1));
    assert_eq!(cx.config::<User>().unwrap().logins_per_hour, 1);
}

// HOO-17
#[tokio::test]
async fn a_name_of_several_models_has_to_be_a_path() {
    let app = modeller::App::isolated()
        .models::<(User, Customer)>()
        .configure::<User>(config(1))
        .configure::<Customer>(BTreeMap::new());
    let cx = app.cx().await.unwrap();
    let error = cx.configurations("users").unwrap_err();
    assert!(error.message().contains("`shop/users` or `system/users`"), "{error}");
    assert!(cx.configurations("shop/users").is_ok());
}

// HOO-17
#[tokio::test]
async fn configurations_of_no_model_or_of_one_twice_are_faults_at_the_start() {
    let error = refused(
        app()
            .configure::<User>(config(1))
            .configure::<User>(config(2))
            .configure::<Customer>(BTreeMap::new()),
    )
    .await;
    has(
        &error,
        &["2 faults", "`system/users` is configured twice", "`shop/users` is configured, and is no model"],
    );
}
