//! What it costs to find those of many standing filters that a change matches: 60 of 100 compare one column for equality, 20
//! compare two, 20 want a range. About 20 match each row, however many filters there are. Prints nanoseconds a change, beyond
//! the evaluation of the filters that match, for 1,000 and for 1,000,000 of them, and the ratio: for changes that come by themselves,
//! and for those that are matched together, as those of a batch of commits are; and both once more where the filters that were found
//! are evaluated after every few changes: that takes the index out of the processor's caches. And the memory that the index takes.

use std::error::Error;
use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use modeller::__private::Index;
use modeller::model::{Model as _, Row, Shape, Value};
use modeller::prelude::*;
use modeller::query::{Filter, Op, Path};
use modeller_bench::stats::median;

/// The bar: nanoseconds a change among a million filters, and how often that may be the time among a thousand.
const MOST: f64 = 1_000.0;
const RATIO: f64 = 4.0;

/// How many changes are looked at, so many at once that reading the clock does not count.
const CHANGES: usize = 100_000;
const AT_ONCE: usize = 50;

/// How many changes are matched together, and whether what was found is evaluated in between. The bar is meant of the first ones.
const SETTINGS: [(usize, bool); 4] = [(1, false), (25, false), (1, true), (25, true)];
const BOUND: usize = 2;

/// Something that was said in a room.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "chat", name = "messages")]
struct Message {
    room: String,
    author: String,
    project: String,
    status: String,
    text: String,
    score: f64,
    sent: i64,
}

/// Numbers that are the same in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }
}

/// The values that filters and rows have: the more filters, the more values, so that as many match.
struct World {
    random: Random,
    filters: u64,
    /// How many filters match a row.
    matches: u64,
}

const STATUSES: [&str; 4] = ["open", "waiting", "done", "dropped"];
/// Scores and times of sending are below this.
const SPAN: u64 = 1_000_000_000;

impl World {
    fn room(&mut self) -> Value {
        Value::Text(format!("room-{}", self.random.below(self.filters / self.matches)))
    }

    fn author(&mut self) -> Value {
        Value::Text(format!("author-{}", self.random.below(self.filters / self.matches)))
    }

    fn project(&mut self) -> Value {
        Value::Text(format!("project-{}", self.random.below(self.filters / self.matches / 4)))
    }

    fn status(&mut self) -> Value {
        Value::from(STATUSES[self.random.below(4) as usize])
    }

    fn row(&mut self) -> Row {
        let mut row = Row(vec![Value::Null; shape().columns.len()]);
        row[Shape::ID] = Value::Text(format!("{:032x}", self.random.below(u64::MAX)));
        row[Shape::VERSION] = Value::Integer(1);
        row[Message::ROOM.index()] = self.room();
        row[Message::AUTHOR.index()] = self.author();
        row[Message::PROJECT.index()] = self.project();
        row[Message::STATUS.index()] = self.status();
        row[Message::TEXT.index()] = Value::from("Has somebody seen the keys?");
        row[Message::SCORE.index()] = Value::Number(self.random.below(SPAN) as f64 / 10.0);
        row[Message::SENT.index()] = Value::Integer(self.random.below(SPAN) as i64);
        row
    }

    fn filter(&mut self, at: u64) -> Filter {
        let test = |column, op| Filter::Test(Path::column(column), op);
        let is = |column, value: Value| test(column, Op::Eq(value.into()));
        match at % 10 {
            0 | 2 | 4 => is(Message::ROOM.index(), self.room()),
            1 | 3 | 5 => is(Message::AUTHOR.index(), self.author()),
            6 | 7 => {
                is(Message::PROJECT.index(), self.project()).and(is(Message::STATUS.index(), self.status()))
            }
            _ => {
                let (low, width) = (self.random.below(SPAN), SPAN / self.filters * self.matches);
                let score = |tenths| Value::Number(tenths as f64 / 10.0);
                let sent = |time| Value::Integer(time as i64);
                match at % 10 {
                    8 => test(Message::SCORE.index(), Op::Gte(score(low).into()))
                        .and(test(Message::SCORE.index(), Op::Lt(score(low + width).into()))),
                    _ => test(Message::SENT.index(), Op::Gt(sent(low).into()))
                        .and(test(Message::SENT.index(), Op::Lte(sent(low + width).into()))),
                }
            }
        }
    }
}

fn shape() -> &'static Shape {
    Message::descriptor().shape()
}

/// Bytes of memory that the process has.
fn memory() -> Result<f64, Box<dyn Error>> {
    let pages = std::fs::read_to_string("/proc/self/statm")?;
    let resident: f64 = pages.split(' ').nth(1).ok_or("/proc/self/statm has no second number")?.parse()?;
    Ok(resident * 4096.0)
}

/// Bytes that a filter takes in the index, besides itself. Memory that was given back before would be taken again: it comes
/// first.
fn weigh(filters: u64) -> Result<f64, Box<dyn Error>> {
    let mut world = World { random: Random(filters), filters, matches: 20 };
    let all: Vec<Filter> = (0..filters).map(|at| world.filter(at)).collect();
    let before = memory()?;
    let mut index = Index::new(shape());
    (0_u32..).zip(&all).for_each(|(key, filter)| index.insert(key, filter));
    let bytes = (memory()? - before) / filters as f64;
    black_box(index);
    Ok(bytes)
}

/// Nanoseconds a change in each setting, without the evaluation of what matches; and how many filters do.
type Costs = ([f64; SETTINGS.len()], f64);

/// Where about so many filters match each row.
fn measure(filters: u64, matches: u64) -> Result<Costs, Box<dyn Error>> {
    let mut world = World { random: Random(filters), filters, matches };
    let all: Vec<Filter> = (0..filters).map(|at| world.filter(at)).collect();
    let each = |time: Duration, count: usize| time.as_nanos() as f64 / count as f64;
    let start = Instant::now();
    let mut index = Index::new(shape());
    for (key, filter) in (0_u32..).zip(&all) {
        index.insert(key, filter);
    }
    let insert = each(start.elapsed(), all.len());
    complete(&mut world, &index, &all)?;

    let mut costs = [0.0; SETTINGS.len()];
    let (mut candidates, mut matching, mut evaluating) = (0, 0, Duration::ZERO);
    let mut found: Vec<(usize, u32)> = Vec::with_capacity(AT_ONCE * 100);
    for (cost, (together, evaluates)) in costs.iter_mut().zip(SETTINGS) {
        let mut finding = Duration::ZERO;
        for _ in 0..CHANGES / AT_ONCE {
            // A row that has just been written is still at hand.
            let rows: Vec<Row> = (0..AT_ONCE).map(|_| world.row()).collect();
            found.clear();
            let start = Instant::now();
            for (first, rows) in (0..).step_by(together).zip(rows.chunks(together)) {
                index.candidates((first..).zip(black_box(rows)), |at, key| found.push((at, key)));
            }
            finding += start.elapsed();
            if evaluates {
                let start = Instant::now();
                let is_match = |&&(at, key): &&(usize, u32)| all[key as usize].matches(shape(), &rows[at]);
                matching += found.iter().filter(is_match).count();
                candidates += found.len();
                evaluating += start.elapsed();
            }
        }
        *cost = each(finding, CHANGES);
    }
    let evaluate = each(evaluating, candidates);
    let per_change = |count: usize| {
        let changes = SETTINGS.iter().filter(|(_, evaluates)| *evaluates).count() * CHANGES;
        count as f64 / changes as f64
    };

    let start = Instant::now();
    for (key, filter) in (0_u32..).zip(&all) {
        index.remove(key, filter);
    }
    let remove = each(start.elapsed(), all.len());
    if !index.is_empty() {
        return Err("something is left in the index".into());
    }
    println!(
        "{filters:>9} filters: {costs:.0?} ns a change to find {:.2}, of which {:.2} match; {evaluate:.0} to evaluate one; \
         {insert:.0} to insert, {remove:.0} to remove",
        per_change(candidates),
        per_change(matching),
    );
    // What is found for nothing is evaluated for nothing.
    let costs = costs.map(|cost| cost + evaluate * per_change(candidates - matching));
    Ok((costs, per_change(matching)))
}

/// Looks for filters that are missing among those that are found.
fn complete(world: &mut World, index: &Index<u32>, all: &[Filter]) -> Result<(), Box<dyn Error>> {
    let rows: Vec<Row> = (0..20).map(|_| world.row()).collect();
    let mut found = std::collections::BTreeSet::new();
    index.candidates((0..).zip(&rows), |at, key| {
        found.insert((at, key));
    });
    for (at, row) in (0..).zip(&rows) {
        let missing =
            (0..).zip(all).any(|(key, filter)| filter.matches(shape(), row) && !found.contains(&(at, key)));
        if missing {
            return Err("a filter that matches was not found".into());
        }
    }
    Ok(())
}

/// Nanoseconds a change where 20 filters match, and how many of them there would be if none did; in each setting.
fn change(filters: u64) -> Result<[(f64, f64); SETTINGS.len()], Box<dyn Error>> {
    let (few, many) = (measure(filters, 2)?, measure(filters, 20)?);
    let each = |at: usize| (many.0[at] - few.0[at]) / (many.1 - few.1);
    Ok(std::array::from_fn(|at| (many.0[at], many.0[at] - each(at) * many.1)))
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    match weigh(1_000_000) {
        Ok(bytes) => println!("{bytes:.0} bytes a filter"),
        Err(error) => eprintln!("{error}"),
    }
    let mut rounds = Vec::new();
    for _ in 0..3 {
        rounds.push((change(1_000)?, change(1_000_000)?));
    }
    let mut is_reached = true;
    for (at, (together, evaluates)) in SETTINGS.into_iter().enumerate() {
        let middle = |figure: fn((f64, f64), (f64, f64)) -> f64| {
            median(rounds.iter().map(|(few, many)| figure(few[at], many[at])))
        };
        let (beyond, ratio) = (middle(|_, many| many.1), middle(|few, many| many.0 / few.0));
        println!(
            "{together:>2} together{}: {:.0} ns among 1,000, {:.0} among 1,000,000, {ratio:.2} times those (at most {RATIO}); \
             {beyond:.0} beyond the matches (at most {MOST})",
            if evaluates { ", what is found evaluated in between" } else { "" },
            middle(|few, _| few.0),
            middle(|_, many| many.0),
        );
        is_reached &= at >= BOUND || (beyond <= MOST && ratio <= RATIO);
    }
    Ok(if is_reached { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
