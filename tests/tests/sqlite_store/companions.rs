//! The indexes of positions and of words, from one version of a program to the next. (QRY-24, X-12, PER-12)

use modeller::Model;
use modeller::model::{Row, Shape, Value};
use modeller::query::{Access, Filter, Search, Select};
use modeller::store::sqlite::Sqlite;
use modeller::store::{Apply, Store};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use validator::Validate;

use crate::lab::{File, insert, read, update};
use crate::migrations::{go_on, row, sql, start, version};

version!(plain: #[model(scope = "shop", name = "items")]
    pub name: String, pub lat: f64, pub lng: f64, pub tags: Vec<String>);

version!(found: #[model(scope = "shop", name = "items", geo(lat, lng))]
    #[model(searchable)] pub name: String, pub lat: f64, pub lng: f64, pub tags: Vec<String>);

fn item(id: &str, at: usize) -> Row {
    let [name, tags] =
        [["Bakery", "[\"bread\"]"], ["Crème shop", "[\"ice cream\"]"], ["Book shop", "[]"]][at];
    row(plain::shape(), id, [name.into(), Value::Number(10.0 * at as f64), Value::Number(20.0), tags.into()])
}

/// Three items that nobody has asked to index.
async fn three(lab: &File) {
    let (store, _) = go_on(lab, plain::shape()).await;
    for (at, id) in ["a", "b", "c"].into_iter().enumerate() {
        insert(&store, plain::shape(), item(id, at)).await.unwrap();
    }
    store.close().await;
}

async fn ids(store: &Sqlite, shape: &'static Shape, filter: Filter) -> Vec<String> {
    let rows = read(store, &Select::filtered(shape, filter)).await;
    rows.iter().map(|row| row[Shape::ID].as_text().unwrap().to_owned()).collect()
}

async fn with(store: &Sqlite, shape: &'static Shape, words: &str) -> Vec<String> {
    let mut found = ids(store, shape, Filter::Search(Box::new(Search::parse(shape, words).unwrap()))).await;
    found.sort();
    found
}

async fn north_of(store: &Sqlite, shape: &'static Shape, south: f64) -> Vec<String> {
    let within = json!({"$geoWithin": {"box": {"south": south, "west": 19, "north": 90, "east": 21}}});
    ids(store, shape, Filter::parse(shape, &within, Access::Full).unwrap()).await
}

fn objects(lab: &File) -> i64 {
    let count = "SELECT count(*) FROM sqlite_master WHERE name LIKE 'geo.%' OR name LIKE 'fts.%'";
    sql(lab).query_row(count, [], |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn indexes_that_are_new_take_in_what_is_there() {
    let lab = File::new();
    three(&lab).await;
    let (store, steps) = go_on(&lab, found::shape()).await;
    assert_eq!(
        steps,
        ["create index of positions shop_items (lat, lng)", "create index of words shop_items (name)"]
    );
    assert_eq!(with(&store, found::shape(), "shop").await, ["b", "c"]);
    assert_eq!(with(&store, found::shape(), "creme").await, ["b"]);
    assert_eq!(north_of(&store, found::shape(), 5.0).await, ["b", "c"]);
    let moved = |item: &mut Row| {
        item[found::Item::NAME.index()] = "Library".into();
        item[found::Item::LAT.index()] = Value::Number(-5.0);
    };
    update(&store, found::shape(), "c", moved).await.unwrap();
    assert_eq!(with(&store, found::shape(), "shop").await, ["b"]);
    assert_eq!(north_of(&store, found::shape(), 5.0).await, ["b"]);
    store.close().await;
    let (store, steps) = go_on(&lab, found::shape()).await;
    assert_eq!(steps, [""; 0]);
    assert_eq!(with(&store, found::shape(), "library").await, ["c"]);
}

version!(listed: #[model(scope = "shop", name = "items", geo(lat, lng))]
    #[model(searchable)] pub name: String, pub lat: f64, pub lng: f64, #[model(searchable)] pub tags: Vec<String>);

#[tokio::test]
async fn another_set_of_fields_makes_the_index_anew() {
    let lab = File::new();
    three(&lab).await;
    go_on(&lab, found::shape()).await.0.close().await;
    let (store, steps) = go_on(&lab, listed::shape()).await;
    assert_eq!(steps, ["drop index fts.shop_items.words", "create index of words shop_items (name, tags)"]);
    assert_eq!(with(&store, listed::shape(), "bread OR ice").await, ["a", "b"]);
    store.close().await;
    let (store, _) = go_on(&lab, found::shape()).await;
    assert_eq!(with(&store, found::shape(), "bread OR book").await, ["c"]);
}

#[tokio::test]
async fn indexes_that_nobody_asks_for_go() {
    let lab = File::new();
    three(&lab).await;
    go_on(&lab, listed::shape()).await.0.close().await;
    assert!(objects(&lab) > 8);
    let (store, steps) = go_on(&lab, plain::shape()).await;
    assert_eq!(steps, ["drop index fts.shop_items.words", "drop index geo.shop_items.lat,lng.boxes"]);
    assert_eq!(objects(&lab), 0);
    insert(&store, plain::shape(), item("d", 0)).await.unwrap();
}

version!(looser: #[model(scope = "shop", name = "items", geo(lat, lng))]
    #[model(searchable)] pub name: Option<String>, pub lat: Option<f64>, pub lng: f64, pub tags: Vec<String>);

#[tokio::test]
async fn a_table_that_is_made_anew_keeps_its_indexes() {
    let lab = File::new();
    three(&lab).await;
    go_on(&lab, found::shape()).await.0.close().await;
    sql(&lab).execute_batch("DELETE FROM shop_items WHERE _id = 'a'").unwrap();
    let (store, _) = go_on(&lab, looser::shape()).await;
    assert_eq!(with(&store, looser::shape(), "shop").await, ["b", "c"]);
    assert_eq!(north_of(&store, looser::shape(), -5.0).await, ["b", "c"]);
    let nowhere = row(looser::shape(), "n", [Value::Null, Value::Null, Value::Number(20.0), "[]".into()]);
    insert(&store, looser::shape(), nowhere).await.unwrap();
    assert_eq!(north_of(&store, looser::shape(), -90.0).await, ["b", "c"]);
    store.close().await;
    assert_eq!(go_on(&lab, looser::shape()).await.1, [""; 0]);
}

version!(renamed: #[model(scope = "store", name = "goods", geo(north, lng), renamed_from = "shop/items")]
    #[model(searchable, renamed_from = "name")] pub title: String, #[model(renamed_from = "lat")] pub north: f64, pub lng: f64);

#[tokio::test]
async fn indexes_follow_names_and_columns_that_go() {
    let lab = File::new();
    three(&lab).await;
    go_on(&lab, listed::shape()).await.0.close().await;
    let (store, _) = start(&lab, &[renamed::shape()], Apply::Everything).await.unwrap();
    assert_eq!(with(&store, renamed::shape(), "shop").await, ["b", "c"]);
    assert_eq!(north_of(&store, renamed::shape(), 5.0).await, ["b", "c"]);
    store.close().await;
    assert_eq!(go_on(&lab, renamed::shape()).await.1, [""; 0]);
}

#[tokio::test]
async fn an_index_that_was_damaged_by_hand_is_made_anew() {
    let lab = File::new();
    three(&lab).await;
    go_on(&lab, found::shape()).await.0.close().await;
    sql(&lab)
        .execute_batch(
            "DROP TRIGGER \"fts.shop_items.words.insert\"; DROP TABLE \"geo.shop_items.lat,lng.boxes\"",
        )
        .unwrap();
    let (store, _) = go_on(&lab, found::shape()).await;
    assert_eq!(with(&store, found::shape(), "shop").await, ["b", "c"]);
    assert_eq!(north_of(&store, found::shape(), 5.0).await, ["b", "c"]);
}

version!(shadow: #[model(scope = "shop", name = "itemsData", geo(lat, lng_node), geo(lat, lng))]
    #[model(searchable)] pub name: String, pub lat: f64, pub lng: f64, pub lng_node: f64);

#[tokio::test]
async fn names_that_sqlite_makes_up_beside_an_index_are_free_for_models() {
    let lab = File::new();
    let (store, _) = start(&lab, &[found::shape(), shadow::shape()], Apply::Safe).await.unwrap();
    insert(&store, found::shape(), item("a", 0)).await.unwrap();
    let fields = ["Bakery".into(), Value::Number(9.0), Value::Number(20.0), Value::Number(20.0)];
    insert(&store, shadow::shape(), row(shadow::shape(), "b", fields)).await.unwrap();
    assert_eq!(with(&store, found::shape(), "bakery").await, ["a"]);
    assert_eq!(with(&store, shadow::shape(), "bakery").await, ["b"]);
}
