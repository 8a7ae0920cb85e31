//! From one version of a program to the next. (PER-12)

use modeller::Model;
use modeller::model::{Code, Error, Row, Shape, Value};
use modeller::query::Filter;
use modeller::store::sqlite::{Sqlite, SqliteOptions};
use modeller::store::{Apply, Plan, Store};
use rusqlite::Connection;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

use crate::lab::{File, all, delete, ids, insert, log, update};

/// A version of a model, in a module of its own.
macro_rules! version {
    ($module:ident: #[model($($model:tt)*)] $($body:tt)*) => {
        mod $module {
            use super::*;

            #[derive(Serialize, Deserialize, JsonSchema, Validate, Model)]
            #[model($($model)*)]
            pub struct Item { $($body)* }

            pub fn shape() -> &'static Shape {
                Item::descriptor().shape()
            }
        }
    };
}
pub(crate) use version;

/// A row with these values of the fields.
pub(crate) fn row<const N: usize>(shape: &Shape, id: &str, fields: [Value; N]) -> Row {
    let mut row = vec![id.into(), Value::Integer(1), Value::Integer(1000), Value::Integer(1000)];
    row.extend(fields);
    row.resize(shape.columns.len(), Value::Null);
    Row(row)
}

/// Opens the database with a version of the models.
pub(crate) async fn start(
    lab: &File,
    shapes: &[&'static Shape],
    apply: Apply,
) -> Result<(Sqlite, Plan), Error> {
    let store = Sqlite::open(SqliteOptions::file(lab.0.join("test.db"))).unwrap();
    let plan = store.migrate(shapes, apply).await?;
    Ok((store, plan))
}

/// The same, where all is safe; what was done.
pub(crate) async fn go_on(lab: &File, shape: &'static Shape) -> (Sqlite, Vec<String>) {
    let (store, plan) = start(lab, &[shape], Apply::Safe).await.unwrap();
    assert!(plan.applied && !plan.is_destructive());
    (store, plan.steps.into_iter().map(|step| step.what).collect())
}

/// The same, where something is not; the refusal.
pub(crate) async fn refused(lab: &File, shape: &'static Shape, apply: Apply) -> Error {
    let error = start(lab, &[shape], apply).await.err().expect("it is refused");
    assert!(error.is(Code::Conflict), "{error}");
    assert!(error.message().contains("migrate plan"), "{error}");
    assert!(!error.details().unwrap()["steps"].as_array().unwrap().is_empty());
    error
}

pub(crate) fn sql(lab: &File) -> Connection {
    Connection::open(lab.0.join("test.db")).unwrap()
}

version!(first: #[model(scope = "shop", name = "items")]
    pub name: String, pub code: String, pub note: Option<String>);

/// Three items of the first version.
pub(crate) async fn three(lab: &File) {
    let (store, steps) = go_on(lab, first::shape()).await;
    assert_eq!(steps, ["create table shop_items"]);
    for id in ["a", "b", "c"] {
        let row = row(first::shape(), id, [format!("name {id}").into(), "same".into(), id.into()]);
        insert(&store, first::shape(), row).await.unwrap();
    }
    store.close().await;
}

#[tokio::test]
async fn a_second_start_finds_nothing_to_do() {
    let lab = File::new();
    three(&lab).await;
    let (_, steps) = go_on(&lab, first::shape()).await;
    assert_eq!(steps, [""; 0]);
}

version!(more: #[model(scope = "shop", name = "items")]
    pub name: String, pub code: String,
    #[serde(default = "plenty")] pub stock: i64,
    pub note: Option<String>,
    #[serde(default)] pub tags: Vec<String>,
    #[model(index)] #[serde(default)] pub sold: bool,
    pub price: Option<f64>);

fn plenty() -> i64 {
    7
}

#[tokio::test]
async fn new_columns_have_their_default_or_nothing() {
    let lab = File::new();
    three(&lab).await;
    let (store, steps) = go_on(&lab, more::shape()).await;
    assert_eq!(
        steps,
        [
            "add column shop_items.stock",
            "add column shop_items.tags",
            "add column shop_items.sold",
            "add column shop_items.price",
            "create index on shop_items (sold)"
        ]
    );
    let expected = row(
        more::shape(),
        "a",
        [
            "name a".into(),
            "same".into(),
            Value::Integer(7),
            "a".into(),
            "[]".into(),
            Value::Integer(0),
            Value::Null,
        ],
    );
    assert_eq!(all(&store, more::shape()).await[0], expected);
    insert(&store, more::shape(), Row([vec!["d".into()], expected.0[1..].to_vec()].concat())).await.unwrap();
    assert_eq!(log(&store).await.len(), 4);
}

version!(demanding: #[model(scope = "shop", name = "items")]
    pub name: String, pub code: String, pub note: Option<String>, pub owner: String);

#[tokio::test]
async fn a_new_column_that_needs_a_value_is_refused_if_there_are_rows() {
    let lab = File::new();
    three(&lab).await;
    for apply in [Apply::Safe, Apply::Everything] {
        let error = refused(&lab, demanding::shape(), apply).await;
        assert!(error.message().contains("shop_items.owner: 3 documents have no value"), "{error}");
        assert!(error.message().contains("serde(default)"), "{error}");
    }
    // The program goes on as before.
    let (store, _) = go_on(&lab, first::shape()).await;
    for id in ["a", "b", "c"] {
        delete(&store, first::shape(), id).await.unwrap();
    }
    store.close().await;
    let (_, steps) = go_on(&lab, demanding::shape()).await;
    assert_eq!(steps, ["add column shop_items.owner"]);
}

version!(unique: #[model(scope = "shop", name = "items")]
    #[model(unique)] pub name: String, #[model(unique)] pub code: String, pub note: Option<String>);
version!(private: #[model(scope = "shop", name = "items")]
    pub name: String, #[model(unique, private)] pub code: String, pub note: Option<String>);

#[tokio::test]
async fn a_unique_index_on_values_that_are_not_is_refused_with_examples() {
    let lab = File::new();
    three(&lab).await;
    for apply in [Apply::Safe, Apply::Everything] {
        let error = refused(&lab, unique::shape(), apply).await;
        assert!(error.message().contains("3 documents have \"same\""), "{error}");
    }
    let error = refused(&lab, private::shape(), Apply::Everything).await;
    assert!(!error.to_json().to_string().contains("same\""), "{error}");
    let (store, _) = go_on(&lab, first::shape()).await;
    update(&store, first::shape(), "a", |row| row[5] = "other".into()).await.unwrap();
    update(&store, first::shape(), "b", |row| row[5] = "third".into()).await.unwrap();
    store.close().await;
    let (store, steps) = go_on(&lab, unique::shape()).await;
    assert_eq!(
        steps,
        ["create unique index on shop_items (name)", "create unique index on shop_items (code)"]
    );
    let again = row(unique::shape(), "d", ["name d".into(), "same".into(), Value::Null]);
    assert!(insert(&store, unique::shape(), again).await.unwrap_err().is(Code::UniqueViolation));
    store.close().await;
    // And back: an index loses nothing.
    let (_, steps) = go_on(&lab, first::shape()).await;
    assert_eq!(steps.len(), 2);
}

version!(less: #[model(scope = "shop", name = "items")] pub code: String, pub note: Option<String>);

#[tokio::test]
async fn a_dropped_column_is_refused_until_it_is_given_up() {
    let lab = File::new();
    three(&lab).await;
    let error = refused(&lab, less::shape(), Apply::Safe).await;
    assert!(error.message().contains("drop column shop_items.name: 3 documents have a value"), "{error}");
    assert!(error.message().contains("migrate apply"), "{error}");
    let (store, plan) = start(&lab, &[less::shape()], Apply::Nothing).await.unwrap();
    assert!(plan.is_destructive() && !plan.applied);
    assert!(plan.steps[0].sql[0].contains("DROP COLUMN"));
    store.close().await;
    // Nothing was done by asking.
    drop(go_on(&lab, first::shape()).await);
    let (store, plan) = start(&lab, &[less::shape()], Apply::Everything).await.unwrap();
    assert!(plan.applied);
    assert_eq!(all(&store, less::shape()).await[1], row(less::shape(), "b", ["same".into(), "b".into()]));
}

version!(renamed: #[model(scope = "shop", name = "items")]
    pub extra: Option<String>, #[model(renamed_from = "note")] pub remark: Option<String>,
    #[model(renamed_from = "name", index)] pub title: String, pub code: String);

#[tokio::test]
async fn renamed_and_moved_columns_keep_their_values_in_tables_and_log() {
    let lab = File::new();
    three(&lab).await;
    let (store, _) = go_on(&lab, first::shape()).await;
    update(&store, first::shape(), "a", |row| row[4] = "second name".into()).await.unwrap();
    delete(&store, first::shape(), "b").await.unwrap();
    store.close().await;
    let (store, steps) = go_on(&lab, renamed::shape()).await;
    assert_eq!(
        steps,
        [
            "add column shop_items.extra",
            "rename column shop_items.note to remark",
            "rename column shop_items.name to title",
            "create index on shop_items (title)"
        ]
    );
    let a = &all(&store, renamed::shape()).await[0];
    assert_eq!(a.0[4..], [Value::Null, "a".into(), "second name".into(), "same".into()]);
    let changes = log(&store).await;
    assert_eq!(changes[3].old, [(1, Value::Integer(1)), (6, "name a".into())]);
    let b = row(renamed::shape(), "b", [Value::Null, "b".into(), "name b".into(), "same".into()]);
    assert_eq!(changes[4].old, b.0.into_iter().enumerate().collect::<Vec<_>>());
    store.close().await;
    let (_, steps) = go_on(&lab, renamed::shape()).await;
    assert_eq!(steps, [""; 0]);
}

version!(elsewhere: #[model(scope = "store", name = "goods", renamed_from = "shop/items")]
    pub name: String, #[model(index)] pub code: String, pub note: Option<String>);

#[tokio::test]
async fn a_renamed_model_keeps_its_rows_and_its_log() {
    let lab = File::new();
    three(&lab).await;
    let (store, steps) = go_on(&lab, elsewhere::shape()).await;
    assert_eq!(steps, ["rename table shop_items to store_goods", "create index on store_goods (code)"]);
    assert_eq!(ids(&all(&store, elsewhere::shape()).await), ["a", "b", "c"]);
    assert!(log(&store).await.iter().all(|change| change.model == "store/goods"));
    store.close().await;
    let (_, steps) = go_on(&lab, elsewhere::shape()).await;
    assert_eq!(steps, [""; 0]);
}

version!(other: #[model(scope = "shop", name = "others")] pub name: String);

#[tokio::test]
async fn the_table_of_a_model_that_is_gone_stays() {
    let lab = File::new();
    three(&lab).await;
    let (store, steps) = go_on(&lab, other::shape()).await;
    assert_eq!(steps, ["create table shop_others"]);
    assert_eq!(log(&store).await, [], "nobody asks for its changes");
    let plan = store.migrate(&[other::shape()], Apply::Nothing).await.unwrap();
    assert_eq!(plan.steps.len(), 1);
    assert!(plan.steps[0].what.contains("keep table shop_items") && plan.steps[0].sql.is_empty());
    store.close().await;
    let (store, _) = start(&lab, &[first::shape(), other::shape()], Apply::Safe).await.unwrap();
    assert_eq!(all(&store, first::shape()).await.len(), 3);
    assert_eq!(log(&store).await.len(), 3);
}

version!(trash: #[model(scope = "shop", name = "items", trash = "1d", ttl = "1d", unique(name, code))]
    pub name: String, pub code: String, pub note: Option<String>);

#[tokio::test]
async fn a_trash_comes_and_goes() {
    let lab = File::new();
    three(&lab).await;
    let (store, steps) = go_on(&lab, trash::shape()).await;
    assert_eq!(
        steps,
        [
            "add column shop_items._expires_at",
            "add column shop_items._deleted_at",
            "create unique index on shop_items (name, code)",
            "create index on shop_items (_expires_at)",
            "create index on shop_items (_deleted_at)"
        ]
    );
    let deleted = trash::shape().deleted_at.unwrap();
    update(&store, trash::shape(), "a", move |row| row[deleted] = Value::Integer(5)).await.unwrap();
    store.close().await;
    let error = refused(&lab, first::shape(), Apply::Safe).await;
    assert!(error.message().contains("documents in the trash are lost: 1"), "{error}");
    let (store, _) = start(&lab, &[first::shape()], Apply::Everything).await.unwrap();
    assert_eq!(ids(&all(&store, first::shape()).await), ["b", "c"]);
}

#[tokio::test]
async fn a_table_that_is_not_ours_is_left_alone() {
    let lab = File::new();
    sql(&lab).execute_batch("CREATE TABLE Shop_Items (x); INSERT INTO Shop_Items VALUES (1)").unwrap();
    let error = refused(&lab, first::shape(), Apply::Everything).await;
    assert!(error.message().contains("belongs to no model"), "{error}");
    let (_, steps) = go_on(&lab, other::shape()).await;
    assert_eq!(steps, ["create table shop_others"]);
    assert_eq!(sql(&lab).query_row("SELECT x FROM Shop_Items", [], |row| row.get::<_, i64>(0)), Ok(1));
}

#[tokio::test]
async fn one_step_that_is_refused_leaves_all_as_it_was() {
    let lab = File::new();
    three(&lab).await;
    let before = schema(&lab);
    let both = [other::shape(), unique::shape()];
    assert!(start(&lab, &both, Apply::Everything).await.is_err());
    assert_eq!(schema(&lab), before);
}

fn schema(lab: &File) -> Vec<String> {
    let connection = sql(lab);
    let mut statement = connection.prepare("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL").unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

version!(keywords: #[model(scope = "sqlite", name = "select", unique(group, order))]
    #[model(index)] pub group: String, pub order: i64, #[model(unique)] pub table: String);

version!(one: #[model(scope = "shop", name = "a-b")] pub name: String);
version!(another: #[model(scope = "shop-a", name = "b")] pub name: String);

#[tokio::test]
async fn two_models_cannot_have_one_table() {
    let lab = File::new();
    let error = start(&lab, &[one::shape(), another::shape()], Apply::Safe).await.err().unwrap();
    assert!(error.message().contains("shop-a/b") && error.message().contains("`shop_a_b`"), "{error}");
}

#[tokio::test]
async fn names_of_sql_and_of_sqlite_are_no_obstacle() {
    let lab = File::new();
    let shape = keywords::shape();
    let (store, _) = go_on(&lab, shape).await;
    insert(&store, shape, row(shape, "a", ["g".into(), Value::Integer(1), "t".into()])).await.unwrap();
    let again = row(shape, "b", ["g".into(), Value::Integer(1), "u".into()]);
    assert_eq!(insert(&store, shape, again).await.unwrap_err().field(), Some("group,order"));
    assert_eq!(store.count(shape, &Filter::True).await.unwrap(), 1);
    store.close().await;
    let (_, steps) = go_on(&lab, shape).await;
    assert_eq!(steps, [""; 0]);
}

version!(straight: #[model(scope = "shop", name = "pairs")]
    pub left: String, pub right: String);
version!(swapped: #[model(scope = "shop", name = "pairs")]
    pub right: String, pub left: String);

#[tokio::test]
async fn an_open_store_follows_the_fields_to_their_new_places() {
    let lab = File::new();
    let (store, _) = go_on(&lab, straight::shape()).await;
    insert(&store, straight::shape(), row(straight::shape(), "a", ["l".into(), "r".into()])).await.unwrap();
    let change = |row: &mut Row| row[4] = "new".into();
    update(&store, straight::shape(), "a", change).await.unwrap();
    assert!(store.migrate(&[swapped::shape()], Apply::Safe).await.unwrap().steps.is_empty());
    update(&store, swapped::shape(), "a", |row| row[4] = "newer".into()).await.unwrap();
    let rows = all(&store, swapped::shape()).await;
    assert_eq!((&rows[0][4], &rows[0][5]), (&"newer".into(), &"new".into()));
}
