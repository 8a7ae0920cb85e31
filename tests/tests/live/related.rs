//! Live queries with what is related, and on conditions of it: random writes on all sides, and nothing is missed.

use std::time::Duration;

use modeller::engine::Operation;
use modeller::live::{Live, LiveOptions};
use modeller::prelude::*;
use serde_json::{Value as Json, json};

use super::agreement::Random;
use super::follower::{Follower, Known};

/// Who writes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "shelf", name = "writers")]
pub struct Writer {
    pub name: String,
    pub active: bool,
    #[model(on_delete = "set_null")]
    pub teacher: Option<Ref<Writer>>,
}

/// What is written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "shelf", name = "books", trash = "1h")]
pub struct Book {
    pub title: String,
    pub price: i64,
    #[model(on_delete = "cascade")]
    pub writer: Ref<Writer>,
    #[serde(default)]
    #[model(on_delete = "set_null")]
    pub translators: Vec<Ref<Writer>>,
}

/// What is said of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "shelf", name = "reviews")]
pub struct Review {
    pub stars: i64,
    #[model(on_delete = "cascade")]
    pub book: Ref<Book>,
}

async fn shelf() -> (Cx, std::sync::Arc<Live>) {
    let cx = App::isolated().models::<(Writer, Book, Review)>().cx().await.unwrap();
    let live = Live::new(cx.engine().clone(), LiveOptions::default());
    (cx, live)
}

fn writer(name: &str) -> Writer {
    Writer { name: name.into(), active: true, teacher: None }
}

fn book(title: &str, price: i64, writer: &Id<Writer>) -> Book {
    Book { title: title.into(), price, writer: writer.clone().into(), translators: Vec::new() }
}

async fn list<M: Model>(live: &Live, cx: &Cx, arguments: Json) -> Follower {
    Follower::new::<M>(live, cx, Operation::List, arguments).await
}

#[tokio::test]
async fn a_change_of_a_related_document_is_one_of_those_it_belongs_to() {
    // LIV-08, LIV-18
    let (cx, live) = shelf().await;
    let ada = Writer::insert(&cx, writer("ada")).await.unwrap();
    let bob = Writer::insert(&cx, writer("bob")).await.unwrap();
    let mut writers = list::<Writer>(&live, &cx, json!({ "with": { "booksByWriter": true } })).await;
    let titles = |follower: &Follower, of: &Doc<Writer>| -> Vec<String> {
        let Known::Set(all) = &follower.known else { panic!("no set") };
        let books = all[of.id.as_str()]["booksByWriter"].as_array().unwrap();
        books.iter().map(|book| book["title"].as_str().unwrap().to_owned()).collect()
    };
    let one = Book::insert(&cx, book("one", 1, &ada.id)).await.unwrap();
    writers.agree(&cx).await;
    assert_eq!(titles(&writers, &ada), ["one"]);
    assert_eq!(writers.pushes, 1);
    // It goes over to somebody else: both are told, at once.
    Book::update(&cx, &one.id, Book::WRITER.set(&bob.id)).await.unwrap();
    writers.agree(&cx).await;
    assert_eq!((titles(&writers, &ada).len(), titles(&writers, &bob).len()), (0, 1));
    assert_eq!(writers.pushes, 2);
    Book::delete(&cx, &one.id).await.unwrap();
    writers.agree(&cx).await;
    assert!(titles(&writers, &bob).is_empty());
    assert_eq!((writers.pushes, writers.resets), (3, 0));
    // What is not shown is not told.
    Review::insert(&cx, Review { stars: 1, book: one.id.clone().into() }).await.unwrap_err();
    assert!(!writers.listen(Duration::from_millis(100)).await);
}

#[tokio::test]
async fn conditions_on_what_is_related_are_followed() {
    // LIV-08
    let (cx, live) = shelf().await;
    let ada = Writer::insert(&cx, writer("ada")).await.unwrap();
    let dear = json!({ "query": { "booksByWriter": { "$some": { "price": { "$gte": 10 } } } } });
    let cheap = json!({ "query": { "booksByWriter": { "$every": { "price": { "$lt": 10 } } } } });
    let mut dear = list::<Writer>(&live, &cx, dear).await;
    let mut cheap = list::<Writer>(&live, &cx, cheap).await;
    let count = json!({ "query": { "writer.active": true } });
    let mut count = Follower::new::<Book>(&live, &cx, Operation::Count, count).await;
    let there = |follower: &Follower| matches!(&follower.known, Known::Set(all) if all.len() == 1);
    assert_eq!((there(&dear), there(&cheap)), (false, true));
    let one = Book::insert(&cx, book("one", 12, &ada.id)).await.unwrap();
    for follower in [&mut dear, &mut cheap, &mut count] {
        follower.agree(&cx).await;
    }
    assert_eq!((there(&dear), there(&cheap), &count.known), (true, false, &Known::Data(json!(1))));
    Book::update(&cx, &one.id, Book::PRICE.set(3)).await.unwrap();
    Writer::update(&cx, &ada.id, Writer::ACTIVE.set(false)).await.unwrap();
    for follower in [&mut dear, &mut cheap, &mut count] {
        follower.agree(&cx).await;
    }
    assert_eq!((there(&dear), there(&cheap), &count.known), (false, true, &Known::Data(json!(0))));
}

#[tokio::test]
async fn what_shows_nothing_yet_is_followed_though_others_go() {
    // LIV-08
    let (cx, live) = shelf().await;
    let active = json!({ "query": { "active": true }, "with": "booksByWriter" });
    let mut active = list::<Writer>(&live, &cx, active).await;
    let idle = json!({ "query": { "active": false }, "with": "booksByWriter" });
    for other in [list::<Book>(&live, &cx, json!({})).await, list::<Writer>(&live, &cx, idle).await] {
        drop(other);
    }
    let ada = Writer::insert(&cx, writer("ada")).await.unwrap();
    active.agree(&cx).await;
    Book::insert(&cx, book("one", 1, &ada.id)).await.unwrap();
    active.agree(&cx).await;
}

#[tokio::test]
async fn what_is_related_goes_on_where_it_was() {
    let (cx, live) = shelf().await;
    let ada = Writer::insert(&cx, writer("ada")).await.unwrap();
    let mut writers = list::<Writer>(&live, &cx, json!({ "with": "booksByWriter" })).await;
    writers.stream = None;
    writers.connect(&live, &cx).await;
    assert_eq!(writers.resets, 0);
    writers.stream = None;
    Book::insert(&cx, book("one", 1, &ada.id)).await.unwrap();
    writers.connect(&live, &cx).await;
    assert_eq!(writers.resets, 1);
    assert_eq!(writers.known, writers.expected(&cx).await);
    drop(writers);
    assert_eq!(live.queries(), (0, 0));
}

/// A question about what is related.
fn question(random: &mut Random) -> (u64, Operation, Json) {
    let price = random.below(12);
    let filters = [
        json!({}),
        json!({ "booksByWriter": { "$some": { "price": { "$gte": price } } } }),
        json!({ "booksByWriter": { "$every": { "price": { "$lt": price } } }, "active": true }),
        json!({ "booksByWriter": { "$none": { "reviews": { "$some": { "stars": { "$gt": 3 } } } } } }),
        json!({ "$or": [{ "teacher.active": false }, { "booksByTranslators": { "$some": {} } }] }),
    ];
    let with = [
        json!({ "booksByWriter": { "with": { "reviews": true }, "sort": "price" } }),
        json!({ "booksByWriter": { "query": { "price": { "$gte": price } }, "count": 2, "_count": true } }),
        json!({ "teacher": true, "booksByTranslators": { "fields": ["title"] } }),
        Json::Null,
    ];
    let books = [
        json!({ "writer.active": true }),
        json!({ "price": { "$gte": price }, "reviews": { "$some": { "stars": 5 } } }),
        json!({ "translators": { "$every": { "active": true } } }),
    ];
    let pick = |random: &mut Random, all: &[Json]| all[random.below(all.len() as u64) as usize].clone();
    match random.below(6) {
        0..3 => {
            let mut arguments = json!({ "query": pick(random, &filters) });
            let with = pick(random, &with);
            if !with.is_null() {
                arguments["with"] = with;
            }
            if random.below(3) == 0 {
                (arguments["count"], arguments["sort"]) = (json!(1 + random.below(4)), json!("-name"));
            }
            (0, Operation::List, arguments)
        }
        3 => (
            1,
            Operation::List,
            json!({ "query": pick(random, &books), "with": ["writer.teacher", "reviews"] }),
        ),
        4 => (1, Operation::Count, json!({ "query": pick(random, &books) })),
        _ => {
            let figures = json!({ "n": { "count": true }, "most": { "max": "price" } });
            let groups = json!({ "query": pick(random, &books), "groupBy": "title", "aggregates": figures });
            (1, Operation::Aggregate, groups)
        }
    }
}

#[derive(Default)]
struct There {
    writers: Vec<Id<Writer>>,
    books: Vec<Id<Book>>,
    reviews: Vec<Id<Review>>,
}

fn one<'a, T>(random: &mut Random, all: &'a [T]) -> Option<&'a T> {
    (!all.is_empty()).then(|| &all[random.below(all.len() as u64) as usize])
}

async fn write(cx: &Cx, random: &mut Random, there: &mut There) {
    let (price, flag) = (random.below(15) as i64, random.below(2) == 0);
    let someone = one(random, &there.writers).cloned();
    let some_book = one(random, &there.books).cloned();
    match (random.below(14), someone, some_book) {
        (0, ..) | (_, None, _) => {
            let new = Writer { active: flag, ..writer(&format!("w{}", random.below(5))) };
            there.writers.push(Writer::insert(cx, new).await.unwrap().id);
        }
        // What is referred to may be gone, and what is named, too.
        (1..4, Some(by), _) => {
            let new = book(&format!("b{}", random.below(4)), price, &by);
            if let Ok(new) = Book::insert(cx, new).await {
                there.books.push(new.id);
            }
        }
        (4..6, _, Some(of)) => {
            let new = Review { stars: 1 + random.below(5) as i64, book: of.into() };
            if let Ok(new) = Review::insert(cx, new).await {
                there.reviews.push(new.id);
            }
        }
        (6, Some(by), Some(id)) => drop(Book::update(cx, &id, Book::WRITER.set(&by)).await),
        (7, Some(by), Some(id)) => {
            let all: Vec<Ref<Writer>> = if flag { vec![by.into()] } else { Vec::new() };
            drop(Book::update(cx, &id, Book::TRANSLATORS.set(all)).await);
        }
        (8, _, Some(id)) => drop(Book::update(cx, &id, Book::PRICE.set(price)).await),
        (9, Some(id), _) => drop(Writer::update(cx, &id, Writer::ACTIVE.set(flag)).await),
        (10, Some(id), _) => {
            let teacher: Option<Ref<Writer>> =
                one(random, &there.writers).filter(|_| flag).map(|id| id.clone().into());
            drop(Writer::update(cx, &id, Writer::TEACHER.set(teacher)).await);
        }
        (11, Some(id), _) if there.writers.len() > 6 => drop(Writer::delete(cx, &id).await),
        (12, _, Some(id)) if there.books.len() > 6 => drop(Book::delete(cx, &id).await),
        (13, ..) => {
            let fails = random.below(3) == 0;
            let review = one(random, &there.reviews).cloned();
            let done: Result<()> = cx
                .transaction(async |tx| {
                    Book::update_where(&tx, Book::PRICE.eq(price), Book::PRICE.set(price + 1)).await?;
                    if let Some(review) = &review {
                        Review::delete_where(&tx, Review::ID.eq(review.clone())).await?;
                    }
                    if fails { Err(Error::new(Code::Conflict, "given up")) } else { Ok(()) }
                })
                .await;
            assert_eq!(done.is_err(), fails);
        }
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_what_is_related_is_missed() {
    // LIV-07, LIV-08
    for seed in [1, 5, 23] {
        let (cx, live) = shelf().await;
        let mut random = Random(0x9E37_79B9_7F4A_7C15 ^ seed);
        let (mut there, mut all) = (There::default(), Vec::new());
        for round in 0..30 {
            let (model, operation, arguments) = question(&mut random);
            all.push(match model {
                0 => Follower::new::<Writer>(&live, &cx, operation, arguments).await,
                _ => Follower::new::<Book>(&live, &cx, operation, arguments).await,
            });
            for _ in 0..25 {
                write(&cx, &mut random, &mut there).await;
                let some = random.below(all.len() as u64) as usize;
                match random.below(10) {
                    0 => all[some].stream = None,
                    1 if all[some].stream.is_none() => all[some].connect(&live, &cx).await,
                    2 => drop(all[some].listen(Duration::from_millis(1)).await),
                    _ => {}
                }
            }
            if round % 3 == 2 {
                for follower in &mut all {
                    if follower.stream.is_none() {
                        follower.connect(&live, &cx).await;
                    }
                    follower.agree(&cx).await;
                }
            }
        }
    }
}
