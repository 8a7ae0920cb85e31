//! Conditions on related rows, as subqueries.

use super::{DIALECT, Sql};
use crate::model::{ColumnInfo, Kind, Shape};
use crate::query::{Filter, Related};

impl Sql {
    /// Appends a condition that is true or false, never unknown.
    pub(super) fn related(&mut self, shape: &Shape, related: &Related) {
        let (column, to) = (related.link.column, related.link.to);
        let (Some(column), Some(target)) = (shape.columns.get(column), to.columns.get(related.link.target))
        else {
            return self.text.push_str(DIALECT.falsehood);
        };
        let outer = self.scope.replace(self.scopes + 1);
        self.scopes += 1;
        let inner = self.scope;
        match (column.array, target.array) {
            (true, true) => self.text.push_str(DIALECT.falsehood),
            // The rows with such an element are found once, and not for each row on this side.
            (false, true) => {
                self.text.push('(');
                self.of(outer, shape, column);
                self.text.push_str(" IN (SELECT \"element\".value FROM ");
                self.table(to, inner);
                self.text.push_str(", ");
                self.elements(inner, to, target);
                self.text.push_str(" AS \"element\" WHERE \"element\".type = ");
                self.text.push_str(element_type(column));
                self.asked(to, related);
                self.text.push_str(")) IS TRUE");
            }
            (is_list, false) => {
                self.text.push_str("EXISTS (SELECT 1 FROM ");
                self.table(to, inner);
                self.text.push_str(" WHERE ");
                self.of(inner, to, target);
                if is_list {
                    self.text.push_str(" IN (SELECT value FROM ");
                    self.elements(outer, shape, column);
                    self.text.push_str(" WHERE type = ");
                    self.text.push_str(element_type(target));
                    self.text.push(')');
                } else {
                    self.text.push_str(" = ");
                    self.of(outer, shape, column);
                }
                self.asked(to, related);
                self.text.push(')');
            }
        }
        self.scope = outer;
    }

    /// Appends what is asked of the rows on the other side.
    fn asked(&mut self, to: &Shape, related: &Related) {
        let outer = std::mem::replace(&mut self.positive, true);
        if related.among != Filter::True {
            self.text.push_str(" AND ");
            self.condition(to, &related.among);
        }
        if !related.fulfils {
            self.text.push_str(" AND (");
            self.condition(to, &related.filter);
            self.text.push_str(") IS NOT TRUE");
        } else if related.filter != Filter::True {
            self.text.push_str(" AND ");
            self.condition(to, &related.filter);
        }
        self.positive = outer;
    }

    /// Appends a model's table under the name of a scope.
    fn table(&mut self, shape: &Shape, scope: Option<usize>) {
        let table = (DIALECT.table)(shape);
        self.quoted(&table);
        self.text.push_str(" AS ");
        self.scope_name(scope.unwrap_or_default());
    }

    /// Appends a column of a scope, or of the statement's own table.
    fn of(&mut self, scope: Option<usize>, shape: &Shape, column: &ColumnInfo) {
        match scope {
            Some(scope) => self.scope_name(scope),
            None => {
                let table = (DIALECT.table)(shape);
                self.quoted(&table);
            }
        }
        self.text.push('.');
        self.quoted(&column.column);
    }

    pub(super) fn scope_name(&mut self, scope: usize) {
        self.text.push_str("\"related");
        self.text.push_str(&scope.to_string());
        self.text.push('"');
    }

    /// Appends the elements of a list as a table with `value` and `type`. What is no list has none.
    fn elements(&mut self, scope: Option<usize>, shape: &Shape, column: &ColumnInfo) {
        self.text.push_str("json_each(CASE json_valid(");
        self.of(scope, shape, column);
        self.text.push_str(") WHEN 1 THEN CASE json_type(");
        self.of(scope, shape, column);
        self.text.push_str(") WHEN 'array' THEN ");
        self.of(scope, shape, column);
        self.text.push_str(" END END)");
    }
}

/// How the elements of a list are called that can be equal to the column: else `1` would be `"1"`.
fn element_type(column: &ColumnInfo) -> &'static str {
    match column.kind {
        Kind::Integer => "'integer'",
        _ => "'text'",
    }
}
