//! Rows in and out.

use std::ops::ControlFlow;
use std::sync::Arc;

use modeller::model::{Code, Error, Row, RowView, Shape, Value};
use modeller::query::{Circle, Filter, Op, Operand, Search, Select, Within};
use modeller::store::{Rows, Sink, sink};

use crate::lab::*;
use crate::models::{Person, Place, Stranger};

pub async fn rows_come_back_as_they_were_stored(lab: &dyn Lab) {
    let store = ready(lab).await;
    let shape = Person::shape();
    let mut odd = Person::row("id \"'` \0 ä 🦀", "'; DROP TABLE system_people; --");
    odd[5] = "".into();
    odd[6] = Value::Integer(i64::MIN);
    odd[7] = Value::Number(f64::MAX);
    odd[8] = Value::Integer(0);
    odd[9] = r#"["a",{"b":null}]"#.into();
    let mut other = Person::row("2", "b@example.org");
    other[6] = Value::Integer(i64::MAX);
    other[7] = Value::Number(1.0);
    other[5] = "x".repeat(200_000).into();
    for row in [&odd, &other] {
        insert(&*store, shape, row.clone()).await.unwrap();
    }
    assert_eq!(get(&*store, shape, "id \"'` \0 ä 🦀").await.unwrap(), odd);
    assert_eq!(get(&*store, shape, "2").await.unwrap(), other);
    assert_eq!(all(&*store, shape).await, [other, odd.clone()]);
    assert_eq!(get(&*store, shape, "3").await, None);
    delete(&*store, shape, "2").await.unwrap();
    assert_eq!(all(&*store, shape).await, [odd]);
}

pub async fn a_read_selects_sorts_and_pages(lab: &dyn Lab) {
    let store = ready(lab).await;
    let shape = Person::shape();
    for number in 0..50 {
        insert(&*store, shape, Person::aged(&format!("p{number:02}"), number % 7)).await.unwrap();
    }
    let age = |op: fn(Operand) -> Op, value: i64| test(shape, "age", op(Value::Integer(value).into()));
    let select = Select {
        filter: age(Op::Gte, 5),
        order: vec![order(shape, "age", true)],
        start: 1,
        count: Some(3),
        ..Select::all(shape)
    };
    assert_eq!(ids(&read(&*store, &select).await), ["p13", "p20", "p27"]);
    let indexed = Select { count: Some(2), start: 1, ..Select::filtered(shape, age(Op::Eq, 3)) };
    assert_eq!(ids(&read(&*store, &indexed).await), ["p10", "p17"]);
    let window = Select { start: 48, count: Some(10), ..Select::all(shape) };
    assert_eq!(ids(&read(&*store, &window).await), ["p48", "p49"]);
    let rest = Select { start: 47, ..Select::all(shape) };
    assert_eq!(ids(&read(&*store, &rest).await), ["p47", "p48", "p49"]);
    for nothing in [
        Select { count: Some(0), ..by_id(shape, "p01") },
        Select { start: 1, ..by_id(shape, "p01") },
        Select { start: u64::MAX, count: Some(u64::MAX), ..Select::all(shape) },
        Select::filtered(shape, Filter::False),
    ] {
        assert_eq!(read(&*store, &nothing).await, [], "{nothing:?}");
    }
    assert_eq!(store.count(shape, &Filter::True).await.unwrap(), 50);
    assert_eq!(store.count(shape, &age(Op::Lt, 2)).await.unwrap(), 15);
    assert_eq!(store.count(shape, &Filter::id("p01")).await.unwrap(), 1);
    assert_eq!(store.count(shape, &Filter::id("q")).await.unwrap(), 0);
}

pub async fn an_update_changes_what_differs_and_nothing_else(lab: &dyn Lab) {
    let store = ready(lab).await;
    let shape = Person::shape();
    insert(&*store, shape, Person::aged("a", 1)).await.unwrap();
    insert(&*store, shape, Person::aged("b", 2)).await.unwrap();
    update(&*store, shape, "a", |row| row[5] = "Ann".into()).await.unwrap();
    let mut expected = Person::aged("a", 1);
    expected[Shape::VERSION] = Value::Integer(2);
    expected[5] = "Ann".into();
    assert_eq!(get(&*store, shape, "a").await.unwrap(), expected);
    assert_eq!(get(&*store, shape, "b").await.unwrap(), Person::aged("b", 2));
    update(&*store, shape, "a", |row| row[5] = Value::Null).await.unwrap();
    assert_eq!(get(&*store, shape, "a").await.unwrap()[5], Value::Null);
}

pub async fn a_document_that_changed_meanwhile_is_not_overwritten(lab: &dyn Lab) {
    let store = ready(lab).await;
    let shape = Person::shape();
    insert(&*store, shape, Person::aged("a", 1)).await.unwrap();
    let stale = get(&*store, shape, "a").await.unwrap();
    update(&*store, shape, "a", |row| row[5] = "Ann".into()).await.unwrap();
    let mut new = stale.clone();
    new[5] = "Bea".into();
    let (old, again) = (stale.clone(), stale);
    let error = store
        .write(single(move |tx| {
            Box::pin(async move {
                tx.update(shape, &old, &new).await?;
                done()
            })
        }))
        .await
        .unwrap_err();
    assert!(error.is(Code::Conflict), "{error}");
    let error = store
        .write(single(move |tx| {
            Box::pin(async move {
                tx.delete(shape, &again).await?;
                done()
            })
        }))
        .await
        .unwrap_err();
    assert!(error.is(Code::Conflict), "{error}");
    assert_eq!(get(&*store, shape, "a").await.unwrap()[5], "Ann".into());
    assert_eq!(log(&*store).await.len(), 2);
}

pub async fn readers_see_whole_transactions_only(lab: &dyn Lab) {
    let store = ready(lab).await;
    let shape = Person::shape();
    for id in ["a", "b"] {
        insert(&*store, shape, Person::aged(id, 500)).await.unwrap();
    }
    let writer = {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            for step in 0..200 {
                let work = steps(move |tx| {
                    Box::pin(async move {
                        for (id, change) in [("a", step), ("b", -step)] {
                            let old = sink_one(tx.read(&by_id(shape, id), Rows::of(shape)).await?);
                            let mut new = old.clone();
                            new[1] = Value::Integer(old[1].as_integer().unwrap() + 1);
                            new[6] = Value::Integer(old[6].as_integer().unwrap() + change);
                            tx.update(shape, &old, &new).await?;
                        }
                        done()
                    })
                });
                store.write(work).await.unwrap();
            }
        })
    };
    let mut seen = 0;
    while !writer.is_finished() || seen == 0 {
        let sum: i64 = all(&*store, shape).await.iter().map(|row| row[6].as_integer().unwrap()).sum();
        assert_eq!(sum, 1000);
        seen += 1;
    }
    writer.await.unwrap();
    // What was answered is seen at once.
    assert_eq!(get(&*store, shape, "a").await.unwrap()[1], Value::Integer(201));
}

fn sink_one(sink: Box<dyn modeller::store::Sink>) -> Row {
    modeller::store::sink::<Rows>(sink).rows.remove(0)
}

pub async fn many_scans_at_once_are_answered(lab: &dyn Lab) {
    let store = ready(lab).await;
    let shape = Person::shape();
    let work = steps(move |tx| {
        Box::pin(async move {
            for number in 0..2000 {
                tx.insert(shape, &Person::aged(&format!("p{number:05}"), number)).await?;
            }
            done()
        })
    });
    store.write(work).await.unwrap();
    let scans: Vec<_> = (0..64)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let filter = test(shape, "score", Op::Lt(Value::Number(1.0).into()));
                read(&*store, &Select::filtered(shape, filter)).await.len()
            })
        })
        .collect();
    for scan in scans {
        assert_eq!(scan.await.unwrap(), 2000);
    }
}

/// Wants two rows.
struct Two(u64);

impl Sink for Two {
    fn row(&mut self, _: &dyn RowView) -> ControlFlow<()> {
        self.0 += 1;
        if self.0 < 2 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }
}

pub async fn a_read_stops_when_no_more_rows_are_wanted(lab: &dyn Lab) {
    let store = ready(lab).await;
    let shape = Person::shape();
    for number in 0..10 {
        insert(&*store, shape, Person::aged(&format!("p{number}"), number)).await.unwrap();
    }
    let all = Select::all(shape);
    assert_eq!(sink::<Two>(store.read(&all, Box::new(Two(0))).await.unwrap()).0, 2);
    let few = Select { count: Some(5), ..all };
    assert_eq!(sink::<Two>(store.read(&few, Box::new(Two(0))).await.unwrap()).0, 2);
    let mut open = store.begin(None).await.unwrap();
    assert_eq!(sink::<Two>(open.read(&few, Box::new(Two(0))).await.unwrap()).0, 2);
    open.rollback().await;
}

pub async fn a_model_that_was_not_migrated_is_refused(lab: &dyn Lab) {
    let store = ready(lab).await;
    let shape = Stranger::shape();
    let row = Row(vec!["a".into(), Value::Integer(1), Value::Integer(1), Value::Integer(1), "x".into()]);
    assert!(insert(&*store, shape, row).await.is_err());
    assert!(store.read(&Select::all(shape), Rows::of(shape)).await.is_err());
    assert!(store.count(shape, &Filter::True).await.is_err());
    let short = Row(vec!["a".into()]);
    assert!(insert(&*store, Person::shape(), short).await.is_err());
    insert(&*store, Person::shape(), Person::aged("a", 1)).await.unwrap();
}

/// QRY-24, X-12: with an index or without.
pub async fn words_and_positions_follow_every_write(lab: &dyn Lab) {
    let store = ready(lab).await;
    let shape = Place::shape();
    let places =
        [("a", "Crème shop", Some((10.0, 179.9))), ("b", "shop", Some((10.0, -179.9))), ("c", "tree", None)];
    for (id, name, place) in places {
        insert(&*store, shape, Place::row(id, name, place)).await.unwrap();
    }
    let words = |words: &str| Filter::Search(Box::new(Search::parse(shape, words).unwrap()));
    let near = |latitude: f64, longitude: f64| {
        let area = Circle::new(latitude, longitude, 50_000.0).into();
        Filter::Within(Box::new(Within { latitude: 6, longitude: 7, area }))
    };
    let found = async |filter: Filter| {
        assert_eq!(
            store.count(shape, &filter).await.unwrap(),
            read(&*store, &Select::filtered(shape, filter.clone())).await.len() as u64
        );
        let mut rows = read(&*store, &Select::filtered(shape, filter)).await;
        rows.sort_by(|one, other| one[0].as_text().cmp(&other[0].as_text()));
        ids(&rows).join(" ")
    };
    assert_eq!(found(words("shop")).await, "a b");
    assert_eq!(found(words("shop -creme").or(words("tree"))).await, "b c");
    assert_eq!(found(near(10.0, 180.0)).await, "a b");
    assert_eq!(found(near(10.0, 180.0).negate()).await, "");
    assert_eq!(found(near(10.0, 180.0).and(words("creme"))).await, "a");
    update(&*store, shape, "a", |row| {
        row[4] = "Bakery".into();
        row[5] = "[\"tree\",\"house\"]".into();
        row[6] = Value::Number(-10.0);
    })
    .await
    .unwrap();
    delete(&*store, shape, "b").await.unwrap();
    assert_eq!(found(words("shop")).await, "");
    assert_eq!(found(words("\"tree house\" OR bakery")).await, "a");
    assert_eq!(found(near(10.0, 180.0)).await, "");
    assert_eq!(found(near(-10.0, 180.0)).await, "a");
    // What fails leaves nothing behind.
    let failed = store.write(single(move |tx| {
        Box::pin(async move {
            tx.insert(shape, &Place::row("d", "ghost", Some((-10.0, 180.0)))).await?;
            Err(Error::new(Code::Conflict, "no"))
        })
    }));
    assert!(failed.await.is_err());
    assert_eq!((found(words("ghost")).await, found(near(-10.0, 180.0)).await), (String::new(), "a".into()));
    insert(&*store, shape, Place::row("a", "twice", None)).await.unwrap_err();
    assert_eq!(found(words("twice")).await, "");
}
