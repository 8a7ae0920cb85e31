//! Where a filter is filed: each of its branches by what it compares for equality, and by one range.

use crate::model::{Cell, ColumnInfo, Kind, Shape, Value};
use crate::query::{Filter, Op, Operand, Path, operand};

use super::value::{EMPTY, Seed, chain, prefix, rank};

/// How many columns a form compares for equality.
const COLUMNS: usize = 3;
/// How many hashes the lists of several columns may make together. A list by itself may be as long as it is.
const PRODUCT: usize = 64;
/// How many branches `$or` inside `$and` may be multiplied out to.
const BRANCHES: usize = 256;

/// What filters of one form have in common.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Form {
    pub(super) by: By,
    /// The column by whose value they are told apart further.
    pub(super) range: Option<usize>,
}

/// What is compared for equality.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum By {
    /// The values of these columns, in their order; none are the same for each row.
    Columns(Vec<usize>),
    /// What a path leads to inside JSON, or an element of it.
    Inside(Path),
}

impl Form {
    /// Whether there are only as many of its kind as columns.
    pub(super) fn is_plain(&self) -> bool {
        match &self.by {
            By::Columns(columns) => columns.len() + usize::from(self.range.is_some()) == 1,
            By::Inside(_) => false,
        }
    }
}

/// One place where a branch can be filed, so that it is found for each row that it may match.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Place {
    pub(super) form: Form,
    /// Under each of these.
    pub(super) hashes: Vec<u64>,
    /// The ends of the form's range.
    pub(super) between: (u64, u64),
}

/// A branch: the places where it can be filed, the best first. Without any it matches rows of which nothing is known.
pub(super) type Branch = Vec<Place>;

/// The branches of a filter, one of which holds for each row that it matches.
pub(super) fn branches(shape: &Shape, filter: &Filter, seed: &Seed) -> Vec<Branch> {
    let read = |all: Vec<Vec<&Filter>>| {
        all.iter().filter_map(|all| Conjunction::of(shape, all, seed)).map(Conjunction::places).collect()
    };
    let multiplied: Vec<Branch> = read(multiply(filter));
    // Lists are repeated in each branch: what they make together stays in proportion to the filter.
    let hashes = |place: &Place| place.hashes.len();
    if multiplied.iter().filter_map(|places| places.first()).map(hashes).sum::<usize>() <= 4 * BRANCHES {
        return multiplied;
    }
    match filter {
        Filter::Any(any) => any.iter().flat_map(|one| read(vec![conjuncts(one)])).collect(),
        filter => read(vec![conjuncts(filter)]),
    }
}

/// The filter as conditions that hold together, of which one set holds.
fn multiply(filter: &Filter) -> Vec<Vec<&Filter>> {
    match filter {
        Filter::Any(any) => any.iter().flat_map(multiply).collect(),
        Filter::All(all) => {
            let mut product: Vec<Vec<&Filter>> = vec![Vec::new()];
            for one in all {
                let factor = multiply(one);
                if product.len() * factor.len() > BRANCHES {
                    product.iter_mut().for_each(|branch| branch.push(one));
                    continue;
                }
                product = product
                    .iter()
                    .flat_map(|left| factor.iter().map(|right| [left.as_slice(), right].concat()))
                    .collect();
            }
            product
        }
        filter => vec![vec![filter]],
    }
}

/// The conditions that hold together, without a look at what is under an `$or`.
fn conjuncts(filter: &Filter) -> Vec<&Filter> {
    match filter {
        Filter::All(all) => all.iter().flat_map(conjuncts).collect(),
        filter => vec![filter],
    }
}

/// What conditions that hold together say of values.
#[derive(Default)]
struct Conjunction {
    equal: Vec<Equal>,
    inside: Option<(Path, Vec<u64>)>,
    ranges: Vec<Range>,
}

/// The value of a column is one of these.
struct Equal {
    column: usize,
    hashes: Vec<u64>,
    worth: Worth,
}

/// How few rows have one value of a column.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Worth {
    /// One at most.
    Unique,
    Ordinary,
    /// Absent, true or false: maybe half of them.
    Half,
}

struct Range {
    column: usize,
    low: Option<u64>,
    high: Option<u64>,
}

/// That no row fulfils it.
struct Never;

impl Conjunction {
    /// `None` if no row fulfils it.
    fn of(shape: &Shape, all: &[&Filter], seed: &Seed) -> Option<Self> {
        let mut conjunction = Conjunction::default();
        for one in all {
            let read = match one {
                Filter::False => Err(Never),
                Filter::Test(path, op) => conjunction.test(shape, path, op, seed),
                Filter::Within(within) => {
                    let boxes = within.area.boxes();
                    let south = boxes.iter().map(|bounds| bounds.south).reduce(f64::min);
                    let north = boxes.iter().map(|bounds| bounds.north).reduce(f64::max);
                    let kind = shape.columns.get(within.latitude).map(|column| column.kind);
                    let end = |degrees: Option<f64>| rank(kind?, Cell::Number(degrees?));
                    conjunction.range(within.latitude, end(south), end(north))
                }
                _ => Ok(()),
            };
            read.ok()?;
        }
        Some(conjunction)
    }

    fn test(&mut self, shape: &Shape, path: &Path, op: &Op, seed: &Seed) -> Result<(), Never> {
        let Some(column) = shape.columns.get(path.column) else { return Ok(()) };
        if path.is_json(column) {
            let operands = match op {
                Op::Eq(operand) => std::slice::from_ref(operand),
                Op::In(operands) => operands,
                _ => return Ok(()),
            };
            if operands.is_empty() {
                return Err(Never);
            }
            // There is nothing inside a plain column; what is asked of it is left to the evaluation.
            if self.inside.is_none() && column.kind == Kind::Json {
                let hashes: Option<Vec<u64>> = operands.iter().map(|one| scalar(seed, one)).collect();
                self.inside = hashes.map(|hashes| (path.clone(), distinct(hashes)));
            }
            return Ok(());
        }
        let end = |other| operand(column.kind, other).ok_or(Never).map(|cell| rank(column.kind, cell));
        match op {
            Op::Eq(Operand::Cell(Value::Null)) | Op::Exists(false) => {
                let hashes = vec![seed.cell(column.kind, Cell::Null)];
                self.equal.push(Equal { column: path.column, hashes, worth: Worth::Half });
                Ok(())
            }
            Op::Eq(one) => self.equal(path.column, column, std::slice::from_ref(one), seed),
            Op::In(all) => self.equal(path.column, column, all, seed),
            Op::Gt(low) | Op::Gte(low) => self.range(path.column, end(low)?, None),
            Op::Lt(high) | Op::Lte(high) => self.range(path.column, None, end(high)?),
            Op::StartsWith(text) if column.kind.is_textual() => {
                self.range(path.column, Some(prefix(text, 0)), Some(prefix(text, u8::MAX)))
            }
            _ => Ok(()),
        }
    }

    fn equal(
        &mut self,
        index: usize,
        column: &ColumnInfo,
        operands: &[Operand],
        seed: &Seed,
    ) -> Result<(), Never> {
        // What is of another type than the column equals none of its values.
        let cells = operands.iter().filter_map(|one| operand(column.kind, one));
        let hashes = distinct(cells.map(|cell| seed.cell(column.kind, cell)).collect());
        if hashes.is_empty() {
            return Err(Never);
        }
        let worth = match column.kind {
            Kind::Boolean => Worth::Half,
            _ if index == Shape::ID || column.unique => Worth::Unique,
            _ => Worth::Ordinary,
        };
        self.equal.push(Equal { column: index, hashes, worth });
        Ok(())
    }

    /// One end or both; those that are not known do not bound it.
    fn range(&mut self, column: usize, low: Option<u64>, high: Option<u64>) -> Result<(), Never> {
        if low.is_none() && high.is_none() {
            return Ok(());
        }
        let at = self.ranges.iter().position(|range| range.column == column).unwrap_or_else(|| {
            self.ranges.push(Range { column, low: None, high: None });
            self.ranges.len() - 1
        });
        let range = &mut self.ranges[at];
        range.low = range.low.max(low);
        range.high = [range.high, high].into_iter().flatten().min();
        match (range.low, range.high) {
            (Some(low), Some(high)) if low > high => Err(Never),
            _ => Ok(()),
        }
    }

    fn places(mut self) -> Branch {
        self.equal.sort_by_key(|equal| (equal.worth, equal.hashes.len(), equal.column));
        let mut columns = std::collections::BTreeSet::new();
        self.equal.retain(|equal| columns.insert(equal.column));
        // A range with two ends is worth more than one.
        self.ranges.sort_by_key(|range| (range.low.is_none() || range.high.is_none(), range.column));
        let range = self
            .ranges
            .first()
            .map(|range| (range.column, (range.low.unwrap_or(u64::MIN), range.high.unwrap_or(u64::MAX))));
        let best = self.equal.first().map(|equal| equal.worth);
        let mut places = Vec::new();
        let mut offer = |by, hashes, range: Option<(usize, (u64, u64))>| {
            let form = Form { by, range: range.map(|(column, _)| column) };
            let place = Place { form, hashes, between: range.unwrap_or_default().1 };
            if !places.contains(&place) {
                places.push(place);
            }
        };
        let single = |equal: &Equal| {
            (By::Columns(vec![equal.column]), equal.hashes.iter().map(|&hash| chain(EMPTY, hash)).collect())
        };
        match (self.equal.as_slice(), best, self.inside) {
            // One row at most: there is nothing to be told apart.
            ([equal, ..], Some(Worth::Unique), _) => {
                let (by, hashes) = single(equal);
                offer(by, hashes, None);
            }
            ([] | [_, ..], None | Some(Worth::Half), Some((path, hashes))) => {
                offer(By::Inside(path), hashes, range);
            }
            (equal @ [_, ..], _, _) => {
                let (columns, hashes) = compose(equal);
                offer(By::Columns(columns), hashes, range);
            }
            _ => {}
        }
        // What is left when there are too many forms already.
        let one = self.equal.first().filter(|equal| equal.worth < Worth::Half || range.is_none());
        if let Some((by, hashes)) = one.map(single) {
            offer(by, hashes, None);
        } else if range.is_some() {
            offer(By::Columns(Vec::new()), vec![EMPTY], range);
        }
        places
    }
}

/// The best columns together, in their order, and the hashes of all combinations of their values.
fn compose(equal: &[Equal]) -> (Vec<usize>, Vec<u64>) {
    let mut chosen: Vec<&Equal> = Vec::new();
    let mut product = 1;
    for one in equal {
        let next = one.hashes.len().saturating_mul(product);
        if chosen.is_empty() || (chosen.len() < COLUMNS && next <= PRODUCT) {
            chosen.push(one);
            product = next;
        }
    }
    chosen.sort_by_key(|equal| equal.column);
    let hashes = chosen.iter().fold(vec![EMPTY], |all, equal| {
        all.iter().flat_map(|&hash| equal.hashes.iter().map(move |&next| chain(hash, next))).collect()
    });
    (chosen.iter().map(|equal| equal.column).collect(), hashes)
}

/// The hash of what equals the operand inside JSON. Arrays and objects have none, and no value equals a float that JSON lacks.
fn scalar(seed: &Seed, operand: &Operand) -> Option<u64> {
    match operand {
        Operand::Boolean(flag) => Some(seed.boolean(*flag)),
        Operand::Cell(Value::Null) | Operand::Json(_) => None,
        Operand::Cell(Value::Number(number)) if !number.is_finite() => None,
        Operand::Cell(value @ Value::Text(_)) => Some(seed.cell(Kind::Text, value.view())),
        Operand::Cell(value) => Some(seed.cell(Kind::Number, value.view())),
    }
}

fn distinct(mut hashes: Vec<u64>) -> Vec<u64> {
    hashes.sort_unstable();
    hashes.dedup();
    hashes
}
