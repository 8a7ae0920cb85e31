//! How many documents belong to one, and what their numbers come to.

use std::cmp::Ordering;

use crate::model::{Cell, Kind, RowView, Shape, Value, compare_decimal, write_cell};

/// What is asked of the documents that belong to one.
#[derive(Clone, Debug)]
pub(crate) struct Totals {
    pub(super) shape: &'static Shape,
    /// Whether they are counted.
    pub(super) count: bool,
    /// The columns that the others are of, each once.
    pub(super) columns: Vec<usize>,
    pub(super) avg: Vec<usize>,
    pub(super) sum: Vec<usize>,
    pub(super) min: Vec<usize>,
    pub(super) max: Vec<usize>,
}

/// What some documents come to.
#[derive(Clone, Debug)]
pub(super) struct Sums {
    count: u64,
    columns: Vec<Sum>,
}

/// What one column comes to.
#[derive(Clone, Debug, Default)]
struct Sum {
    /// How many values there are.
    values: u64,
    whole: i128,
    fraction: f64,
    least: Option<Value>,
    most: Option<Value>,
}

impl Totals {
    pub(super) fn none(shape: &'static Shape) -> Self {
        let none = Vec::new;
        Totals { shape, count: false, columns: none(), avg: none(), sum: none(), min: none(), max: none() }
    }

    /// These, unless nothing is asked.
    pub(super) fn some(mut self) -> Option<Self> {
        self.columns = [&self.avg, &self.sum, &self.min, &self.max].into_iter().flatten().copied().collect();
        self.columns.sort_unstable();
        self.columns.dedup();
        (self.count || !self.columns.is_empty()).then_some(self)
    }

    pub(super) fn nothing(&self) -> Sums {
        Sums { count: 0, columns: vec![Sum::default(); self.columns.len()] }
    }

    fn kind(&self, column: usize) -> Kind {
        self.shape.columns[column].kind
    }

    /// Appends what all of these come to together, as JSON.
    pub(super) fn write<'s>(&self, sums: impl Iterator<Item = &'s Sums>, out: &mut Vec<u8>) {
        let mut all = self.nothing();
        sums.for_each(|sums| all.join(self, sums));
        out.push(b'{');
        if self.count {
            out.extend_from_slice(format!("\"count\":{},", all.count).as_bytes());
        }
        for (name, columns) in
            [("avg", &self.avg), ("sum", &self.sum), ("min", &self.min), ("max", &self.max)]
        {
            if columns.is_empty() {
                continue;
            }
            out.extend_from_slice(format!("\"{name}\":{{").as_bytes());
            for &column in columns {
                out.extend_from_slice(self.shape.columns[column].json_key.as_bytes());
                if let Some(at) = self.columns.iter().position(|&other| other == column) {
                    all.columns[at].write(name, self.kind(column), out);
                }
                out.push(b',');
            }
            close(out);
            out.push(b',');
        }
        close(out);
    }
}

/// Ends an object after its last member.
fn close(out: &mut Vec<u8>) {
    match out.last_mut() {
        Some(comma @ b',') => *comma = b'}',
        _ => out.push(b'}'),
    }
}

impl Sums {
    pub(super) fn add(&mut self, totals: &Totals, row: &dyn RowView) {
        self.count += 1;
        for (sum, &column) in self.columns.iter_mut().zip(&totals.columns) {
            let cell = row.cell(column);
            match cell {
                Cell::Null => continue,
                Cell::Integer(number) => sum.whole += i128::from(number),
                Cell::Number(number) => sum.fraction += number,
                Cell::Text(_) => {}
            }
            sum.values += 1;
            sum.bound(totals.kind(column), cell);
        }
    }

    fn join(&mut self, totals: &Totals, other: &Sums) {
        self.count += other.count;
        for ((sum, other), &column) in self.columns.iter_mut().zip(&other.columns).zip(&totals.columns) {
            sum.values += other.values;
            sum.whole += other.whole;
            sum.fraction += other.fraction;
            for value in other.least.iter().chain(&other.most) {
                sum.bound(totals.kind(column), value.view());
            }
        }
    }
}

impl Sum {
    fn bound(&mut self, kind: Kind, cell: Cell<'_>) {
        if self.least.as_ref().is_none_or(|least| order(kind, cell, least.view()).is_lt()) {
            self.least = Some(cell.to_value());
        }
        if self.most.as_ref().is_none_or(|most| order(kind, cell, most.view()).is_gt()) {
            self.most = Some(cell.to_value());
        }
    }

    fn write(&self, what: &str, kind: Kind, out: &mut Vec<u8>) {
        let bound = |value: &Option<Value>, out: &mut Vec<u8>| {
            write_cell(kind, value.as_ref().map_or(Cell::Null, Value::view), out);
        };
        match what {
            "min" => bound(&self.least, out),
            "max" => bound(&self.most, out),
            "sum" if kind == Kind::Integer => out.extend_from_slice(self.whole.to_string().as_bytes()),
            "sum" => write_cell(kind, Cell::Number(self.total()), out),
            // Of nothing it is 0.
            _ if self.values == 0 => out.push(b'0'),
            _ => write_cell(Kind::Number, Cell::Number(self.total() / self.values as f64), out),
        }
    }

    fn total(&self) -> f64 {
        self.whole as f64 + self.fraction
    }
}

/// The order of two cells of one column.
fn order(kind: Kind, left: Cell<'_>, right: Cell<'_>) -> Ordering {
    match (left, right) {
        (Cell::Text(left), Cell::Text(right)) if kind == Kind::Decimal => compare_decimal(left, right),
        (Cell::Text(left), Cell::Text(right)) => left.cmp(right),
        (Cell::Integer(left), Cell::Integer(right)) => left.cmp(&right),
        (Cell::Number(left), Cell::Number(right)) => left.total_cmp(&right),
        (Cell::Integer(left), Cell::Number(right)) => (left as f64).total_cmp(&right),
        (Cell::Number(left), Cell::Integer(right)) => left.total_cmp(&(right as f64)),
        _ => Ordering::Equal,
    }
}
