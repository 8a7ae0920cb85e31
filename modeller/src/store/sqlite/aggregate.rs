//! Aggregations: one statement for all groups.

use rusqlite::Connection;

use super::fault::caller;
use super::select::{bind, prepared};
use super::table::{Table, table_name};
use crate::model::{Result, Row};
use crate::query::Aggregation;
use crate::query::aggregate::Groups;
use crate::store::sql::aggregate::{answer, statement};

/// The figures of each group, in order.
pub(super) fn figures(connection: &Connection, table: &Table, aggregation: &Aggregation) -> Result<Vec<Row>> {
    let sql = statement(aggregation, &table_name(table.shape));
    let columns = aggregation.group_by.len() + aggregation.aggregates.len();
    prepared(connection, &sql.text, |statement| {
        bind(statement, 1, &sql.binds).map_err(caller)?;
        let mut groups = Groups::new(aggregation);
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next().map_err(caller)? {
            let cell = |at| answer(aggregation, at, row.get_ref(at).map_err(caller)?);
            groups.push(Row((0..columns).map(cell).collect::<Result<_>>()?))?;
        }
        Ok(groups.finish())
    })
}
