//! Columns that change their kind, or begin or cease to need a value.

use modeller::Model;
use modeller::model::{Code, Shape, Value};
use modeller::store::{Apply, Store};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

use crate::lab::{File, all, insert};
use crate::migrations::{go_on, refused, row, sql, start, version};

version!(plain: #[model(scope = "shop", name = "items")]
    #[model(unique)] pub code: String, pub count: i64, pub note: Option<String>, pub yes: bool);

async fn filled(lab: &File, codes: [&str; 3]) {
    let (store, _) = go_on(lab, plain::shape()).await;
    for (number, code) in codes.iter().enumerate() {
        let note = if number == 2 { Value::Null } else { "n".into() };
        let fields = [(*code).into(), Value::Integer(number as i64), note, Value::Integer(1)];
        insert(&store, plain::shape(), row(plain::shape(), &number.to_string(), fields)).await.unwrap();
    }
    store.close().await;
}

version!(wider: #[model(scope = "shop", name = "items")]
    #[model(unique)] pub code: Option<String>, pub count: f64, pub note: Option<serde_json::Value>, pub yes: String);

#[tokio::test]
async fn what_fits_is_converted_and_everything_stays_in_place() {
    let lab = File::new();
    filled(&lab, ["1", "2", "3"]).await;
    sql(&lab)
        .execute_batch(
            "CREATE INDEX by_hand ON shop_items (note);
             CREATE TABLE seen (id); CREATE VIEW names AS SELECT _id, code FROM shop_items;
             CREATE TRIGGER see AFTER INSERT ON shop_items BEGIN INSERT INTO seen VALUES (new._id); END;",
        )
        .unwrap();
    let (store, steps) = go_on(&lab, wider::shape()).await;
    assert_eq!(
        steps,
        [
            "let shop_items.code be without a value; change shop_items.count from integer to number; \
             change shop_items.note from text to json; change shop_items.yes from boolean to text",
            "create unique index on shop_items (code)"
        ]
    );
    let expected = row(wider::shape(), "0", ["1".into(), Value::Number(0.0), "\"n\"".into(), "true".into()]);
    let rows = all(&store, wider::shape()).await;
    assert_eq!(rows[0], expected);
    assert_eq!(rows[2][6], Value::Null);
    // The former values in the log are of other kinds: nobody goes on from there.
    assert!(store.changes(0, 10).await.unwrap_err().is(Code::InvalidCursor));
    assert_eq!(store.changes(3, 10).await.unwrap(), []);
    let twice = row(wider::shape(), "9", ["1".into(), Value::Number(0.0), Value::Null, "x".into()]);
    assert!(insert(&store, wider::shape(), twice).await.unwrap_err().is(Code::UniqueViolation));
    let new = row(wider::shape(), "9", [Value::Null, Value::Number(0.5), Value::Null, "x".into()]);
    insert(&store, wider::shape(), new).await.unwrap();
    assert_eq!(store.changes(3, 10).await.unwrap().len(), 1);
    store.close().await;
    let connection = sql(&lab);
    let count = |of: &str| connection.query_row(of, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count("SELECT count(*) FROM sqlite_master WHERE name IN ('by_hand', 'see')"), 2);
    assert_eq!(count("SELECT count(*) FROM seen"), 1);
    assert_eq!(count("SELECT count(*) FROM names"), 4);
    assert_eq!(count("SELECT count(*) FROM sqlite_master WHERE name = '_rebuilt'"), 0);
    let (_, steps) = go_on(&lab, wider::shape()).await;
    assert_eq!(steps, [""; 0]);
}

version!(numbers: #[model(scope = "shop", name = "items")]
    #[model(unique, renamed_from = "code")] pub number: Option<i64>, pub count: i64, pub note: Option<String>,
    pub yes: bool);
version!(demanded: #[model(scope = "shop", name = "items")]
    #[model(unique)] pub code: i64, pub count: i64, pub note: Option<String>, pub yes: bool);

#[tokio::test]
async fn text_that_is_no_number_is_lost_only_if_it_is_given_up() {
    let lab = File::new();
    filled(&lab, ["17", "-4", "x5"]).await;
    let error = refused(&lab, demanded::shape(), Apply::Everything).await;
    assert!(error.message().contains("1 document has a value that is no integer"), "{error}");
    let error = refused(&lab, numbers::shape(), Apply::Safe).await;
    assert!(error.message().contains("would get NULL"), "{error}");
    let (store, plan) = start(&lab, &[numbers::shape()], Apply::Everything).await.unwrap();
    assert!(plan.applied);
    let values: Vec<Value> = all(&store, numbers::shape()).await.iter().map(|row| row[4].clone()).collect();
    assert_eq!(values, [Value::Integer(17), Value::Integer(-4), Value::Null]);
}

#[tokio::test]
async fn a_conversion_that_makes_values_equal_is_no_way_around_uniqueness() {
    let lab = File::new();
    filled(&lab, ["17", "17.0", "3"]).await;
    // "17.0" is no integer as it is written: nothing is rounded away.
    let error = refused(&lab, demanded::shape(), Apply::Safe).await;
    assert!(error.message().contains("is no integer"), "{error}");
}

version!(strict: #[model(scope = "shop", name = "items")]
    #[model(unique)] pub code: String, pub count: i64, pub note: String, pub yes: bool);
version!(filling: #[model(scope = "shop", name = "items")]
    #[model(unique)] pub code: String, pub count: i64, #[serde(default = "none")] pub note: String, pub yes: bool);

fn none() -> String {
    "none, isn't it".into()
}

#[tokio::test]
async fn a_value_is_demanded_only_where_there_is_one() {
    let lab = File::new();
    filled(&lab, ["1", "2", "3"]).await;
    let error = refused(&lab, strict::shape(), Apply::Everything).await;
    assert!(error.message().contains("1 document has no value in it"), "{error}");
    refused(&lab, filling::shape(), Apply::Safe).await;
    let (store, _) = start(&lab, &[filling::shape()], Apply::Everything).await.unwrap();
    assert_eq!(all(&store, filling::shape()).await[2][6], none().into());
    store.close().await;
    // Now that all have one it is harmless.
    let (store, steps) = go_on(&lab, strict::shape()).await;
    assert_eq!(steps, [""; 0]);
    store.close().await;
    let (store, steps) = go_on(&lab, plain::shape()).await;
    assert_eq!(steps[0], "let shop_items.note be without a value");
    insert(
        &store,
        plain::shape(),
        row(plain::shape(), "9", ["9".into(), Value::Integer(1), Value::Null, Value::Integer(0)]),
    )
    .await
    .unwrap();
    assert_eq!(store.changes(3, 10).await.unwrap().len(), 1);
}
