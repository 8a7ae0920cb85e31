//! Figures.

use modeller::model::{Code, Row, Value};
use modeller::query::{Aggregate, Aggregation, Filter, Function, Op, Path, Step};
use modeller::store::Store;

use crate::lab::*;
use crate::models::{Mark, Person};

fn of(name: &str, function: Function) -> Aggregate {
    Aggregate::Of { function, path: path(name), distinct: false }
}

fn distinct(name: &str, function: Function) -> Aggregate {
    Aggregate::Of { function, path: path(name), distinct: true }
}

fn path(name: &str) -> Path {
    Path::column(Person::shape().index_of(name).unwrap())
}

fn over(filter: Filter, aggregates: Vec<Aggregate>) -> Aggregation {
    Aggregation::new(Person::shape(), filter, aggregates)
}

async fn only(store: &dyn Store, aggregation: Aggregation) -> Vec<Value> {
    let mut rows = store.aggregate(&aggregation).await.unwrap();
    assert_eq!(rows.len(), 1);
    rows.remove(0).0
}

fn person(id: &str, age: Option<i64>, score: f64, tags: &str) -> Row {
    let mut row = Person::row(id, &format!("{id}@example.org"));
    row[6] = age.map_or(Value::Null, Value::Integer);
    row[7] = Value::Number(score);
    row[9] = tags.into();
    row
}

async fn some(store: &dyn Store) {
    for row in [
        person("a", Some(30), 0.1, r#"["x","y"]"#),
        person("b", Some(30), 0.2, r#"["x"]"#),
        person("c", None, 0.3, "[]"),
        person("d", Some(-5), 0.3, r#"["x"]"#),
    ] {
        insert(store, Person::shape(), row).await.unwrap();
    }
}

pub async fn figures_over_all_rows_and_over_none(lab: &dyn Lab) {
    // QRY-15 QRY-17
    let store = ready(lab).await;
    some(&*store).await;
    let figures = || {
        vec![
            Aggregate::Rows,
            of("age", Function::Count),
            of("age", Function::Sum),
            of("age", Function::Avg),
            of("age", Function::Min),
            of("age", Function::Max),
            of("score", Function::Sum),
            of("email", Function::Max),
        ]
    };
    let all = only(&*store, over(Filter::True, figures())).await;
    let expected: Vec<Value> = vec![
        4.into(),
        3.into(),
        55.into(),
        Value::Number(55.0 / 3.0),
        (-5).into(),
        30.into(),
        // Rounded once: as decimal numbers they are 0.9, too.
        Value::Number(0.9),
        "d@example.org".into(),
    ];
    assert_eq!(all, expected);
    let none = only(&*store, over(Filter::False, figures())).await;
    let null = || Value::Null;
    assert_eq!(none, [0.into(), 0.into(), 0.into(), null(), null(), null(), Value::Number(0.0), null()]);
    let grouped = Aggregation { group_by: vec![path("age")], ..over(Filter::False, figures()) };
    assert_eq!(store.aggregate(&grouped).await.unwrap(), []);
}

pub async fn groups_have_keys_and_figures_in_order(lab: &dyn Lab) {
    let store = ready(lab).await;
    some(&*store).await;
    let by_age = || Aggregation {
        group_by: vec![path("age")],
        ..over(Filter::True, vec![Aggregate::Rows, of("score", Function::Max)])
    };
    let row = |age: Value, rows: i64, score: f64| Row(vec![age, rows.into(), Value::Number(score)]);
    let (none, young, old) = (row(Value::Null, 1, 0.3), row((-5).into(), 1, 0.3), row(30.into(), 2, 0.2));
    let groups = store.aggregate(&by_age()).await.unwrap();
    assert_eq!(groups, [none.clone(), young.clone(), old.clone()]);
    let sorted = Aggregation { order: vec![(1, true), (0, true)], ..by_age() };
    assert_eq!(store.aggregate(&sorted).await.unwrap(), [old.clone(), young.clone(), none]);
    let page = Aggregation { start: 1, count: Some(1), ..sorted };
    assert_eq!(store.aggregate(&page).await.unwrap(), [young]);
    let first_tag = Path { steps: vec![Step::Index(0)], ..path("tags") };
    let nested = Aggregation { group_by: vec![first_tag], ..over(Filter::True, vec![Aggregate::Rows]) };
    let expected = [Row(vec![Value::Null, 1.into()]), Row(vec!["\"x\"".into(), 3.into()])];
    assert_eq!(store.aggregate(&nested).await.unwrap(), expected);
    let filter = test(Person::shape(), "age", Op::Gt(Value::Integer(0).into()));
    let few = Aggregation { group_by: vec![path("age"), path("active")], ..over(filter, vec![]) };
    assert_eq!(store.aggregate(&few).await.unwrap(), [Row(vec![30.into(), 1.into()])]);
}

pub async fn distinct_values_count_once(lab: &dyn Lab) {
    // QRY-16
    let store = ready(lab).await;
    some(&*store).await;
    let figures = vec![
        distinct("age", Function::Count),
        distinct("age", Function::Sum),
        distinct("age", Function::Avg),
        of("age", Function::Values),
        of("tags", Function::Values),
        distinct("score", Function::Count),
    ];
    let found = only(&*store, over(Filter::True, figures)).await;
    // Lists have no order of their own: they come by their text.
    let tags = r#"[["x","y"],["x"],[]]"#;
    assert_eq!(found[..5], [2.into(), 25.into(), Value::Number(12.5), "[-5,30]".into(), tags.into()]);
    assert_eq!(found[5], 3.into());
}

pub async fn sums_are_exact_or_refused(lab: &dyn Lab) {
    let store = ready(lab).await;
    for (id, age) in [("a", i64::MAX), ("b", i64::MAX), ("c", -i64::MAX)] {
        insert(&*store, Person::shape(), person(id, Some(age), f64::MAX, "[]")).await.unwrap();
    }
    // On the way it is beyond 64 bits.
    let sum = || vec![of("age", Function::Sum)];
    assert_eq!(only(&*store, over(Filter::True, sum())).await, [i64::MAX.into()]);
    let large = test(Person::shape(), "age", Op::Gt(Value::Integer(0).into()));
    for (filter, name) in [(large, "age"), (Filter::True, "score")] {
        let error = store.aggregate(&over(filter, vec![of(name, Function::Sum)])).await.unwrap_err();
        assert!(error.is(Code::InvalidQuery) && error.field() == Some(name), "{error}");
    }
    let average = only(&*store, over(Filter::True, vec![of("score", Function::Avg)])).await;
    assert_eq!(average, [Value::Number(f64::MAX)]);
}

pub async fn a_transaction_sees_its_own_rows_in_figures(lab: &dyn Lab) {
    let store = ready(lab).await;
    some(&*store).await;
    let mut open = store.begin(None).await.unwrap();
    open.insert(Person::shape(), &person("e", Some(1), 0.0, "[]")).await.unwrap();
    let figures = over(Filter::True, vec![Aggregate::Rows, of("age", Function::Sum)]);
    assert_eq!(open.aggregate(&figures).await.unwrap(), [Row(vec![5.into(), 56.into()])]);
    open.rollback().await;
    assert_eq!(only(&*store, figures).await, [4.into(), 55.into()]);
}

pub async fn more_groups_than_an_answer_holds_are_refused(lab: &dyn Lab) {
    let store = ready(lab).await;
    let shape = Mark::shape();
    let work = steps(move |tx| {
        Box::pin(async move {
            for number in 0..10_001 {
                tx.insert(shape, &Mark::row(number)).await?;
            }
            done()
        })
    });
    store.write(work).await.unwrap();
    let number = || Path::column(Mark::NUMBER);
    let values = Aggregate::Of { function: Function::Values, path: number(), distinct: false };
    let fewer = test(shape, "number", Op::Lt(Value::Integer(10_000).into()));
    for (filter, fits) in [(Filter::True, false), (fewer, true)] {
        let groups = Aggregation::new(shape, filter.clone(), vec![Aggregate::Rows]);
        // A page makes no difference: all groups have to be known for it.
        let groups = Aggregation { group_by: vec![number()], count: Some(7), ..groups };
        let groups = store.aggregate(&groups).await;
        let lists = store.aggregate(&Aggregation::new(shape, filter, vec![values.clone()])).await;
        if fits {
            assert_eq!(groups.unwrap().len(), 7);
            assert!(lists.unwrap()[0][0].as_text().unwrap().ends_with("9998,9999]"));
        } else {
            assert!(groups.is_err_and(|error| error.is(Code::InvalidQuery)));
            assert!(lists.is_err_and(|error| error.is(Code::InvalidQuery)));
        }
    }
}
