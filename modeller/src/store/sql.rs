//! The predicate tree as SQL.
//!
//! The same rows as [`Filter::matches`] and the same order as [`compare`](crate::query::compare), unknowns included. Only column
//! names of the shape (quoted) and placeholders reach the text; it is the same text for every value, so that a statement
//! prepared once serves them all (lists of values grow in powers of two).

pub(crate) mod aggregate;
#[cfg(test)]
mod agreement;
#[cfg(test)]
mod agreement_of_figures;
mod functions;
mod geo;
mod related;
#[cfg(test)]
mod related_agreement;
mod search;

use std::cmp::Ordering;

pub(crate) use functions::install;
pub(crate) use geo::index_name as geo_index;
pub(crate) use search::index_name as search_index;

use crate::model::{Cell, ColumnInfo, Kind, Shape, Value};
use crate::query::like::after_prefix;
use crate::query::{self, Filter, Op, Operand, Order, Path, Place, json};

/// Longer chains of `AND` and `OR` are split up: databases bound the depth of an expression, and a chain is as deep as it is long.
const CHAIN: usize = 64;

/// What databases say in different words.
pub(crate) struct Dialect {
    truth: &'static str,
    falsehood: &'static str,
    /// Put after a text column that holds decimal numbers.
    decimal: &'static str,
    /// Equality for which `Null` is a value.
    is: &'static str,
    ascending: &'static str,
    descending: &'static str,
    /// The name of a model's table.
    table: fn(&Shape) -> String,
    /// The placeholder of the bind with this number, from 1.
    placeholder: fn(&mut String, usize),
    /// A function of a text column and a bind, by what it does.
    function: fn(Function) -> &'static str,
}

/// There is one so far. With a second it becomes a field of [`Sql`].
const DIALECT: Dialect = Dialect::SQLITE;

/// What a database has to be taught.
#[derive(Clone, Copy)]
pub(crate) enum Function {
    /// `(column, part)`: the text has the part inside; more than 0.
    Position,
    /// `(column, end)`: the text ends so.
    EndsWith,
    /// `(column, pattern)`: the text is like the pattern.
    Like,
    /// `(column, test)`: the JSON passes the test.
    JsonTest,
    /// `(column, steps)`: what the JSON is sorted by.
    JsonKey,
    /// `(latitude, longitude, area)`: the position lies within the area.
    Within,
    /// `(column, steps)`: the one text of what is there.
    JsonText,
    /// `(column, steps)`: the number that is there.
    JsonNumber,
    /// `(column)`: the one text of a decimal number.
    DecimalText,
}

impl Dialect {
    pub(crate) const SQLITE: Dialect = Dialect {
        truth: "1",
        falsehood: "0",
        decimal: " COLLATE modeller_decimal",
        is: " IS ",
        ascending: "",
        descending: " DESC",
        table: crate::store::sqlite::table_name,
        placeholder: |text, _| text.push('?'),
        function: |function| match function {
            Function::Position => "instr(",
            Function::EndsWith => "modeller_ends_with(",
            Function::Like => "modeller_like(",
            Function::JsonTest => "modeller_json_test(",
            Function::JsonKey => "modeller_json_key(",
            Function::Within => "modeller_within(",
            Function::JsonText => "modeller_json_text(",
            Function::JsonNumber => "modeller_json_number(",
            Function::DecimalText => "modeller_decimal_text(",
        },
    };
}

/// A statement in the making: its text, and what is bound to its placeholders, in order.
pub(crate) struct Sql {
    pub text: String,
    pub binds: Vec<Value>,
    /// Only whether a condition is true matters here, so that an index may be asked first.
    positive: bool,
    /// The subquery that is being written, if it is one.
    scope: Option<usize>,
    /// How many subqueries there are.
    scopes: usize,
}

impl Sql {
    /// The beginning of the text, with nothing bound.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Sql { text: text.into(), binds: Vec::new(), positive: false, scope: None, scopes: 0 }
    }

    /// Appends `"name"`.
    pub(crate) fn quoted(&mut self, name: &str) {
        self.text.push('"');
        for (at, part) in name.split('"').enumerate() {
            if at > 0 {
                self.text.push_str("\"\"");
            }
            self.text.push_str(part);
        }
        self.text.push('"');
    }

    /// Appends a placeholder for the value.
    pub(crate) fn bind(&mut self, value: Value) {
        self.binds.push(value);
        (DIALECT.placeholder)(&mut self.text, self.binds.len());
    }

    /// Appends ` WHERE ..`, or nothing if every row fulfils the filter.
    pub(crate) fn where_clause(&mut self, shape: &Shape, filter: &Filter) {
        let outer = std::mem::replace(&mut self.positive, true);
        match filter {
            Filter::True => {}
            // The outermost chain needs no parentheses.
            Filter::All(all) if (2..=CHAIN).contains(&all.len()) => {
                for (at, filter) in all.iter().enumerate() {
                    self.text.push_str(if at == 0 { " WHERE " } else { " AND " });
                    self.condition(shape, filter);
                }
            }
            filter => {
                self.text.push_str(" WHERE ");
                self.condition(shape, filter);
            }
        }
        self.positive = outer;
    }

    /// Appends ` ORDER BY ..`, always down to `_id`.
    pub(crate) fn order_clause(&mut self, shape: &Shape, order: &[Order]) {
        self.text.push_str(" ORDER BY ");
        for key in order {
            let Some(column) = shape.columns.get(key.path.column) else { continue };
            if key.path.is_json(column) {
                let steps = json::encode_steps(&key.path.steps).to_string();
                self.call(Function::JsonKey, column, steps);
            } else {
                self.column(column);
            }
            self.text.push_str(if key.descending { DIALECT.descending } else { DIALECT.ascending });
            if key.path.column == Shape::ID && key.path.steps.is_empty() {
                // Nothing is left to decide.
                return;
            }
            self.text.push_str(", ");
        }
        self.column(&shape.columns[Shape::ID]);
        self.text.push_str(DIALECT.ascending);
    }

    /// Appends a condition that can stand beside `AND`.
    pub(crate) fn condition(&mut self, shape: &Shape, filter: &Filter) {
        match filter {
            Filter::True => self.text.push_str(DIALECT.truth),
            Filter::False => self.text.push_str(DIALECT.falsehood),
            Filter::All(all) => self.chain(shape, all, " AND ", DIALECT.truth),
            Filter::Any(any) => self.chain(shape, any, " OR ", DIALECT.falsehood),
            Filter::Not(inner) => {
                let outer = std::mem::replace(&mut self.positive, false);
                self.text.push_str("NOT (");
                self.condition(shape, inner);
                self.text.push(')');
                self.positive = outer;
            }
            Filter::Within(within) => self.within(shape, within),
            Filter::Search(search) => self.search(shape, search),
            Filter::Test(path, op) => match shape.columns.get(path.column) {
                Some(column) if path.is_json(column) => self.json(column, path, op),
                Some(column) => self.plain(column, op),
                None => self.text.push_str("NULL"),
            },
            Filter::Related(related) => self.related(shape, related),
        }
    }

    fn chain(&mut self, shape: &Shape, filters: &[Filter], between: &str, none: &str) {
        match filters {
            [] => self.text.push_str(none),
            [one] => self.condition(shape, one),
            _ => {
                self.text.push('(');
                if filters.len() <= CHAIN {
                    for (at, filter) in filters.iter().enumerate() {
                        if at > 0 {
                            self.text.push_str(between);
                        }
                        self.condition(shape, filter);
                    }
                } else {
                    let (left, right) = filters.split_at(filters.len() / 2);
                    self.chain(shape, left, between, none);
                    self.text.push_str(between);
                    self.chain(shape, right, between, none);
                }
                self.text.push(')');
            }
        }
    }

    /// Appends the column's name, which means that of the innermost query.
    fn named(&mut self, column: &ColumnInfo) {
        if let Some(scope) = self.scope {
            self.scope_name(scope);
            self.text.push('.');
        }
        self.quoted(&column.column);
    }

    /// Appends SQLite's own number of the row.
    fn rowid(&mut self) {
        if let Some(scope) = self.scope {
            self.scope_name(scope);
            self.text.push('.');
        }
        self.text.push_str("\"_rowid\"");
    }

    /// The column as it is compared and sorted.
    fn column(&mut self, column: &ColumnInfo) {
        self.named(column);
        if column.kind == Kind::Decimal {
            self.text.push_str(DIALECT.decimal);
        }
    }

    fn call(&mut self, function: Function, column: &ColumnInfo, argument: String) {
        self.text.push_str((DIALECT.function)(function));
        self.named(column);
        self.text.push_str(", ");
        self.bind(Value::Text(argument));
        self.text.push(')');
    }

    fn json(&mut self, column: &ColumnInfo, path: &Path, op: &Op) {
        match (op, json::encode_test(&path.steps, op)) {
            // There is nothing inside a plain column.
            (op, Some(_)) if column.kind != Kind::Json => {
                let text = match json::test(&serde_json::Value::Null, op) {
                    Some(true) => DIALECT.truth,
                    Some(false) => DIALECT.falsehood,
                    None => "NULL",
                };
                self.text.push_str(text);
            }
            (_, Some(test)) => self.call(Function::JsonTest, column, test.to_string()),
            (_, None) => self.text.push_str("NULL"),
        }
    }

    fn plain(&mut self, column: &ColumnInfo, op: &Op) {
        match op {
            Op::Exists(true) => self.suffixed(column, " IS NOT NULL"),
            Op::Exists(false) => self.suffixed(column, " IS NULL"),
            Op::Eq(Operand::Cell(Value::Null)) => self.suffixed(column, " IS NULL"),
            Op::Ne(Operand::Cell(Value::Null)) => self.suffixed(column, " IS NOT NULL"),
            Op::Eq(other) => self.compared(column, " = ", other),
            Op::Ne(other) => self.compared(column, " <> ", other),
            Op::Gt(other) => self.compared(column, " > ", other),
            Op::Gte(other) => self.compared(column, " >= ", other),
            Op::Lt(other) => self.compared(column, " < ", other),
            Op::Lte(other) => self.compared(column, " <= ", other),
            Op::In(all) => self.among(column, " IN (", all, " <> "),
            Op::Nin(all) => self.among(column, " NOT IN (", all, " = "),
            Op::Contains(_) | Op::StartsWith(_) | Op::EndsWith(_) | Op::Like(_)
                if !column.kind.is_textual() =>
            {
                self.text.push_str("NULL");
            }
            Op::Contains(part) => {
                self.call(Function::Position, column, part.clone());
                self.text.push_str(" > 0");
            }
            // As a range, so that an index can answer it.
            Op::StartsWith(prefix) => {
                let bound = after_prefix(prefix);
                self.text.push('(');
                self.operator(column, " >= ", Value::Text(prefix.clone()));
                if let Some(bound) = bound {
                    self.text.push_str(" AND ");
                    self.operator(column, " < ", Value::Text(bound));
                }
                self.text.push(')');
            }
            Op::EndsWith(end) => self.call(Function::EndsWith, column, end.clone()),
            Op::Like(pattern) => self.call(Function::Like, column, pattern.clone()),
            Op::Stands(place, other) => self.stands(column, *place, other),
        }
    }

    fn suffixed(&mut self, column: &ColumnInfo, suffix: &str) {
        self.named(column);
        self.text.push_str(suffix);
    }

    fn operator(&mut self, column: &ColumnInfo, operator: &str, value: Value) {
        self.column(column);
        self.text.push_str(operator);
        self.bind(value);
    }

    /// False, and unknown if the column has no value (`<>`); or true, and unknown (`=`).
    fn settled(&mut self, column: &ColumnInfo, operator: &str) {
        self.named(column);
        self.text.push_str(operator);
        self.named(column);
    }

    fn compared(&mut self, column: &ColumnInfo, operator: &str, other: &Operand) {
        match query::operand(column.kind, other) {
            Some(Cell::Integer(integer)) if column.kind == Kind::Number => {
                self.compared_with_integer(column, operator, integer);
            }
            Some(cell) => self.operator(column, operator, cell.to_value()),
            // Another type: not equal, and not to be ordered.
            None => match operator {
                " = " => self.settled(column, " <> "),
                " <> " => self.settled(column, " = "),
                _ => self.text.push_str("NULL"),
            },
        }
    }

    /// A float column with an integer. Not every database compares the two without rounding, so it gets a float:
    /// the same one, or one that gives the same answer.
    fn compared_with_integer(&mut self, column: &ColumnInfo, operator: &str, integer: i64) {
        let float = integer as f64;
        let operator = match (operator, query::integer_with_float(integer, float)) {
            (operator, Some(Ordering::Equal)) => operator,
            (" = ", _) => return self.settled(column, " <> "),
            (" <> ", _) => return self.settled(column, " = "),
            // The integer lies just below the float,
            (" > " | " >= ", Some(Ordering::Less)) => " >= ",
            (_, Some(Ordering::Less)) => " < ",
            // or just above it.
            (" > " | " >= ", _) => " > ",
            (_, _) => " <= ",
        };
        self.operator(column, operator, Value::Number(float));
    }

    fn among(&mut self, column: &ColumnInfo, operator: &str, all: &[Operand], none: &str) {
        let value = |operand| match (column.kind, query::operand(column.kind, operand)?) {
            (Kind::Number, Cell::Integer(integer)) => {
                let float = integer as f64;
                (query::integer_with_float(integer, float) == Some(Ordering::Equal))
                    .then_some(Value::Number(float))
            }
            (_, cell) => Some(cell.to_value()),
        };
        let mut values: Vec<Value> = all.iter().filter_map(value).collect();
        let Some(last) = values.last().cloned() else { return self.settled(column, none) };
        // A few lengths of list make a few statements.
        values.resize(values.len().next_power_of_two(), last);
        self.column(column);
        self.text.push_str(operator);
        for (at, value) in values.into_iter().enumerate() {
            if at > 0 {
                self.text.push_str(", ");
            }
            self.bind(value);
        }
        self.text.push(')');
    }

    /// Never unknown: `Null` is the smallest value.
    fn stands(&mut self, column: &ColumnInfo, place: Place, other: &Operand) {
        let cell = query::operand(column.kind, other).map(Cell::to_value);
        match (place, other, cell) {
            (Place::Before, Operand::Cell(Value::Null), _) => self.text.push_str(DIALECT.falsehood),
            (Place::Same, Operand::Cell(Value::Null), _) => self.suffixed(column, " IS NULL"),
            (Place::After, Operand::Cell(Value::Null), _) => self.suffixed(column, " IS NOT NULL"),
            (_, _, None) => self.text.push_str(DIALECT.falsehood),
            (Place::Same, _, Some(value)) if column.kind != Kind::Number => {
                self.operator(column, DIALECT.is, value);
            }
            (place, other, Some(_)) => {
                let (operator, otherwise) = match place {
                    Place::Before => (" < ", (" OR ", " IS NULL")),
                    Place::Same => (" = ", (" AND ", " IS NOT NULL")),
                    Place::After => (" > ", (" AND ", " IS NOT NULL")),
                };
                self.text.push('(');
                self.compared(column, operator, other);
                self.text.push_str(otherwise.0);
                self.suffixed(column, otherwise.1);
                self.text.push(')');
            }
        }
    }
}
