//! The predicate tree as SQL.

use std::fmt::Write;

use crate::model::{Shape, Value};
use crate::query::{Filter, Op, Operand, Order};

/// A statement while it grows.
pub(crate) struct Sql {
    /// The text, with `?` for values.
    pub text: String,
    /// The values, in order.
    pub binds: Vec<Value>,
}

impl Sql {
    /// Appends ` WHERE …`; nothing for [`Filter::True`].
    pub(crate) fn where_clause(&mut self, shape: &Shape, filter: &Filter) {
        if *filter != Filter::True {
            self.text.push_str(" WHERE ");
            self.filter(shape, filter);
        }
    }

    /// Appends ` ORDER BY …, "_id"`.
    pub(crate) fn order_clause(&mut self, shape: &Shape, order: &[Order]) {
        self.text.push_str(" ORDER BY ");
        for key in order {
            let direction = if key.descending { "DESC" } else { "ASC" };
            let _ = write!(self.text, "\"{}\" {direction}, ", shape.columns[key.path.column].column);
        }
        self.text.push_str("\"_id\"");
    }

    fn filter(&mut self, shape: &Shape, filter: &Filter) {
        match filter {
            Filter::True => self.text.push('1'),
            Filter::False => self.text.push('0'),
            Filter::All(parts) => self.join(shape, parts, " AND "),
            Filter::Any(parts) => self.join(shape, parts, " OR "),
            Filter::Not(part) => {
                self.text.push_str("NOT ");
                self.filter(shape, part);
            }
            Filter::Test(path, op) => {
                let _ = write!(self.text, "\"{}\"", shape.columns[path.column].column);
                match op {
                    Op::Eq(Operand::Cell(Value::Null)) | Op::Exists(false) => self.text.push_str(" IS NULL"),
                    Op::Exists(true) => self.text.push_str(" IS NOT NULL"),
                    Op::Eq(value) => self.compare("=", value),
                    Op::Gt(value) => self.compare(">", value),
                    Op::Gte(value) => self.compare(">=", value),
                    Op::Lt(value) => self.compare("<", value),
                    Op::Lte(value) => self.compare("<=", value),
                    _ => self.text.push_str(" IS NULL AND 0"),
                }
            }
        }
    }

    fn compare(&mut self, operator: &str, value: &Operand) {
        let _ = write!(self.text, " {operator} ?");
        if let Operand::Cell(value) = value {
            self.binds.push(value.clone());
        }
    }

    fn join(&mut self, shape: &Shape, parts: &[Filter], word: &str) {
        self.text.push('(');
        for (at, part) in parts.iter().enumerate() {
            if at > 0 {
                self.text.push_str(word);
            }
            self.filter(shape, part);
        }
        self.text.push(')');
    }
}
