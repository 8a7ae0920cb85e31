//! Numbers of `autoincrement` columns, each given once.

use rusqlite::OptionalExtension;

use super::{Guard, Session};
use crate::model::{Result, Shape};
use crate::store::sqlite::fault::{caller, internal};
use crate::store::sqlite::table::{quoted, table_name};

impl Session {
    pub(super) fn next_number(&mut self, shape: &'static Shape, column: usize) -> Result<i64> {
        self.scope.alive(&self.connection)?;
        // A count that stands before the only change need not be undone with it.
        if self.scope.guard != Guard::Entry || self.scope.changed {
            self.scope.protect(&self.connection, self.pack.mark(), false)?;
        }
        let table = self.tables.of(shape)?;
        let Some(&number) = table.columns.get(column) else {
            return Err(internal("the model has no such column"));
        };
        let next = || -> rusqlite::Result<i64> {
            let counted = self
                .connection
                .prepare_cached(
                    "UPDATE \"_counters\" SET last = last + 1 WHERE \"column\" = ? RETURNING last",
                )?
                .query_row([number], |row| row.get(0))
                .optional()?;
            let Some(counted) = counted else {
                // The first time: after whatever stands in the table.
                let name = quoted(&shape.columns[column].column);
                let sql = format!(
                    "INSERT INTO \"_counters\" SELECT ?, max(coalesce(max({name}), 0), 0) + 1 FROM {} RETURNING last",
                    quoted(&table_name(shape))
                );
                return self.connection.query_row(&sql, [number], |row| row.get(0));
            };
            self.free_number(shape, column, number, counted)
        };
        next().map_err(caller)
    }

    /// The number, unless the column is unique and a document has it: then the one after the largest.
    fn free_number(
        &self,
        shape: &Shape,
        column: usize,
        counter: u64,
        mut number: i64,
    ) -> rusqlite::Result<i64> {
        if !shape.unique.iter().any(|set| *set == [column]) {
            return Ok(number);
        }
        let (table, name) = (quoted(&table_name(shape)), quoted(&shape.columns[column].column));
        let live = if shape.deleted_at.is_some() { " WHERE \"_deleted_at\" IS NULL" } else { "" };
        let and_live = live.replace("WHERE", "AND");
        let mut taken = self
            .connection
            .prepare_cached(&format!("SELECT count(*) FROM {table} WHERE {name} = ?{and_live}"))?;
        // A key is taken in the trash, too.
        let kept = shape.key == Some(column) && !live.is_empty();
        let mut is_taken = |number: i64| -> rusqlite::Result<bool> {
            let mut count: i64 = taken.query_row([number], |row| row.get(0))?;
            if kept && count == 0 {
                let sql = format!("SELECT count(*) FROM {table} WHERE \"_id\" = ?");
                count = self
                    .connection
                    .prepare_cached(&sql)?
                    .query_row([number.to_string()], |row| row.get(0))?;
            }
            Ok(count > 0)
        };
        // An index knows the largest of the documents that are not in the trash.
        for which in [live, ""] {
            if !is_taken(number)? {
                break;
            }
            let jump = format!(
                "UPDATE \"_counters\" SET last = max(last, coalesce((SELECT max({name}) FROM {table}{which}), 0)) + 1 \
                 WHERE \"column\" = ? RETURNING last"
            );
            number = self.connection.prepare_cached(&jump)?.query_row([counter], |row| row.get(0))?;
        }
        Ok(number)
    }
}
