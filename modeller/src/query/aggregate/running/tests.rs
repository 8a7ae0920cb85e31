//! Whatever comes and goes, the figures are those of the rows that are there.

use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::query::aggregate::evaluate;
use crate::query::fixture::{path, rows, shape};

const FUNCTIONS: [Function; 6] =
    [Function::Count, Function::Sum, Function::Avg, Function::Min, Function::Max, Function::Values];

fn aggregation() -> impl Strategy<Value = Aggregation> {
    let figure = (select(&FUNCTIONS[..]), path(), any::<bool>())
        .prop_map(|(function, path, distinct)| Aggregate::Of { function, path, distinct });
    let figure = prop_oneof![1 => Just(Aggregate::Rows), 9 => figure];
    let order = prop::collection::vec((0..6_usize, any::<bool>()), 0..3);
    (prop::collection::vec(path(), 0..3), prop::collection::vec(figure, 1..5), order).prop_map(
        |(group_by, aggregates, order)| {
            let columns = group_by.len() + aggregates.len();
            let order = order.into_iter().filter(|(column, _)| *column < columns).collect();
            let all = crate::query::Filter::True;
            Aggregation { group_by, order, ..Aggregation::new(shape(), all, aggregates) }
        },
    )
}

/// What happens to the table, by numbers of rows: one comes, goes, or takes the place of another.
#[derive(Clone, Copy, Debug)]
enum Step {
    Come(usize),
    Go(usize),
    Become(usize, usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => any::<usize>().prop_map(Step::Come),
        2 => any::<usize>().prop_map(Step::Go),
        2 => (any::<usize>(), any::<usize>()).prop_map(|(old, new)| Step::Become(old, new)),
    ]
}

fn answers(running: &Running) -> Result<Vec<Row>, Unsettled> {
    let mut answers = Vec::new();
    for keys in running.groups() {
        answers.extend(running.answer(keys)?);
    }
    answers.sort_by(|left, right| running.compare(left, right));
    Ok(answers)
}

fn read(aggregation: &Aggregation, there: &[Row]) -> Running {
    let mut running = Running::new(aggregation.clone());
    for row in there {
        running.add(row).unwrap();
    }
    running
}

#[test]
fn figures_kept_are_figures_read() {
    // LIV-07
    let cases = (rows(12), aggregation(), prop::collection::vec(step(), 1..60));
    let (answered, refused, lost) =
        (std::cell::Cell::new(0), std::cell::Cell::new(0), std::cell::Cell::new(0));
    let config = ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |((rows, aggregation, steps) in cases)| {
        let mut there: Vec<Row> = Vec::new();
        let mut running = Running::new(aggregation.clone());
        for step in steps {
            let done = match step {
                _ if rows.is_empty() => continue,
                Step::Come(new) => {
                    there.push(rows[new % rows.len()].clone());
                    running.add(&there[there.len() - 1])
                }
                _ if there.is_empty() => continue,
                Step::Go(old) => {
                    let old = there.swap_remove(old % there.len());
                    running.remove(&old)
                }
                Step::Become(old, new) => {
                    let (at, new) = (old % there.len(), rows[new % rows.len()].clone());
                    let old = std::mem::replace(&mut there[at], new);
                    running.add(&there[at]).and_then(|_| running.remove(&old))
                }
            };
            let kept = done.and_then(|_| answers(&running));
            match (kept, evaluate(&there, &aggregation)) {
                (Ok(kept), Ok(expected)) => {
                    prop_assert_eq!(kept, expected, "{:?}", aggregation);
                    answered.set(answered.get() + 1);
                }
                (Err(Unsettled::Refused(kept)), Err(expected)) => {
                    prop_assert_eq!(kept.code(), expected.code());
                    refused.set(refused.get() + 1);
                }
                (Err(Unsettled::Lost), expected) => {
                    lost.set(lost.get() + 1);
                    running = read(&aggregation, &there);
                    prop_assert_eq!(answers(&running).ok(), expected.ok());
                }
                (kept, expected) => prop_assert!(false, "{kept:?} {expected:?} {aggregation:?}"),
            }
        }
        let (values, bytes) = (running.kept.values, running.kept.bytes);
        for row in there {
            match running.remove(&row) {
                Ok(_) => {}
                Err(_) => return Ok(()),
            }
        }
        // Nothing is left but what is kept of a lost extreme: nothing.
        prop_assert!(running.kept.values <= values && running.kept.bytes <= bytes);
        prop_assert_eq!((running.kept.values, running.kept.bytes), (0, 0));
    });
    assert!(
        answered.get() > 10_000 && refused.get() > 50 && lost.get() > 20,
        "{} {} {}",
        answered.get(),
        refused.get(),
        lost.get()
    );
}
