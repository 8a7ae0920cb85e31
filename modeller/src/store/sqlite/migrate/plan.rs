//! The steps from what is in the database to what the models say.

use rusqlite::Connection;

use super::companion;
use super::ddl::{self, Index, text};
use super::found::{Database, FoundColumn, FoundTable};
use super::rebuild::{self, Changed};
use crate::model::{Code, ColumnInfo, Error, Kind, Result, Shape};
use crate::store::literal::{default_value, sql_literal};
use crate::store::sqlite::table::{quoted, table_name};
use crate::store::{Apply, Plan, PlannedStep};

/// Refuses models that SQLite can't hold side by side.
pub(super) fn check(models: &[&'static Shape]) -> Result<()> {
    let same = |one: &str, other: &str| one.eq_ignore_ascii_case(other);
    for (at, shape) in models.iter().enumerate() {
        for (index, column) in shape.columns.iter().enumerate() {
            let clash = shape.columns[..index].iter().find(|other| same(&other.column, &column.column));
            let message = match clash {
                Some(other) => format!(
                    "{}: SQLite does not tell the columns `{}` and `{}` apart; rename one of the fields",
                    shape.path, other.column, column.column
                ),
                None if same(&column.column, "_rowid") => {
                    format!("{}: the column `_rowid` is the store's own; rename the field", shape.path)
                }
                None => continue,
            };
            return Err(Error::new(Code::Conflict, message));
        }
        if let Some(other) = models[..at].iter().find(|other| same(&table_name(other), &table_name(shape))) {
            let message = format!(
                "{} and {} would both be stored in the table `{}`; give one another name",
                other.path,
                shape.path,
                table_name(shape)
            );
            return Err(Error::new(Code::Conflict, message));
        }
    }
    Ok(())
}

pub(super) fn plan(
    connection: &Connection,
    database: &Database,
    models: &[&'static Shape],
    apply: Apply,
) -> rusqlite::Result<Plan> {
    let mut planner = Planner { connection, database, steps: Vec::new() };
    let mut used = Vec::new();
    for &shape in models {
        let found = database.models.iter().find(|table| table.path == shape.path).or_else(|| {
            let former = shape.descriptor.renamed_from?;
            let taken = models.iter().any(|model| model.path == former);
            database.models.iter().find(|table| table.path == former && !taken)
        });
        match found {
            Some(found) if !found.columns.is_empty() => {
                used.push(found.number);
                planner.adapt(shape, found)?;
            }
            _ => planner.create(shape),
        }
    }
    // A table is never dropped because nobody linked its model; whoever asks learns that it is there.
    for table in database.models.iter().filter(|table| !used.contains(&table.number)) {
        if apply == Apply::Nothing && !table.columns.is_empty() {
            let what = format!("keep table {}: no model is called {} any more", table.name, table.path);
            planner.steps.push(PlannedStep::safe(what, Vec::new()));
        }
    }
    Ok(Plan { steps: planner.steps, applied: false })
}

struct Planner<'a> {
    connection: &'a Connection,
    database: &'a Database,
    steps: Vec<PlannedStep>,
}

impl Planner<'_> {
    fn create(&mut self, shape: &Shape) {
        let name = table_name(shape);
        let mut sql = vec![
            ddl::create_table(shape, &name),
            format!(
                "INSERT INTO \"_models\" (path, \"table\") VALUES ({}, {}) ON CONFLICT DO NOTHING",
                text(&shape.path),
                text(&name)
            ),
            // Only if the table was dropped by hand.
            format!(
                "DELETE FROM \"_columns\" WHERE model = (SELECT number FROM \"_models\" WHERE path = {})",
                text(&shape.path)
            ),
        ];
        sql.push(ddl::register(shape, &shape.columns));
        sql.extend(ddl::indexes(shape).into_iter().map(|index| index.sql));
        for companion in companion::wanted(shape) {
            // Only if the table was dropped by hand.
            sql.push(format!("DROP TABLE IF EXISTS {}", quoted(companion.name())));
            sql.extend(companion.sql());
        }
        let step = PlannedStep::safe(format!("create table {name}"), sql);
        self.steps.push(self.unless_taken(&name, step));
    }

    fn unless_taken(&self, name: &str, step: PlannedStep) -> PlannedStep {
        if !self.database.names.contains(&name.to_lowercase()) {
            return step;
        }
        let why =
            format!("there is a table or view {name} that belongs to no model; rename it or drop it first");
        step.impossible(why)
    }

    fn adapt(&mut self, shape: &Shape, found: &FoundTable) -> rusqlite::Result<()> {
        let rows: u64 = self.number(&format!("SELECT count(*) FROM {}", quoted(&found.name)))?;
        let pairs: Vec<Option<&FoundColumn>> =
            shape.columns.iter().map(|column| former(shape, found, column)).collect();
        let table = table_name(shape);
        let wanted = ddl::indexes(shape);
        let changed = rebuild::changed(self.connection, shape, found, &pairs)?;
        let companions = companion::wanted(shape);
        // What hangs on a table that is made anew goes with it, and what names a column would keep it from being dropped.
        let lasts = |name: &str| {
            let mut same = companions.iter().filter(|companion| companion.name() == name);
            changed.is_empty() && same.any(|companion| companion.is_in(found))
        };
        for name in companion::names(found).into_iter().filter(|name| !lasts(name)) {
            self.steps.push(companion::drop(found, name));
        }
        self.rename_table(shape, found);
        let mut kept = Vec::new();
        for (name, sql) in found.attached.iter().filter(|(name, _)| Index::is_ours(name)) {
            if wanted.iter().any(|index| index.name == *name && index.sql == *sql) {
                kept.push(name.as_str());
            } else {
                let drop = format!("DROP INDEX {}", quoted(name));
                self.steps.push(PlannedStep::safe(format!("drop index {name}"), vec![drop]));
            }
        }
        for (column, pair) in shape.columns.iter().zip(&pairs) {
            match pair {
                Some(old) if old.name != column.column => self.rename_column(shape, old, column),
                Some(_) => {}
                None => self.add_column(shape, column, rows),
            }
        }
        let dropped = found
            .columns
            .iter()
            .filter(|old| old.known.is_some() && !pairs.iter().flatten().any(|pair| pair.name == old.name));
        for old in dropped {
            self.drop_column(&table, found, old)?;
        }
        if !changed.is_empty() {
            let step = rebuild::step(shape, found, &changed);
            self.steps.push(step);
            // What hung on the old table went with it.
            kept.clear();
        }
        for index in wanted.iter().filter(|index| !kept.contains(&index.name.as_str())) {
            let step =
                PlannedStep::safe(format!("create {}", index.describe(shape)), vec![index.sql.clone()]);
            let step = match self.repeated(shape, found, &pairs, &changed, index)? {
                Some(why) => step.impossible(why),
                None => step,
            };
            self.steps.push(step);
        }
        for companion in companions.iter().filter(|companion| !lasts(companion.name())) {
            self.steps.push(companion.step());
        }
        Ok(())
    }

    fn rename_table(&mut self, shape: &Shape, found: &FoundTable) {
        let name = table_name(shape);
        if found.path == shape.path && found.name == name {
            return;
        }
        let mut sql = Vec::new();
        if found.name != name {
            sql.push(format!("ALTER TABLE {} RENAME TO {}", quoted(&found.name), quoted(&name)));
        }
        // A model of the new name whose table is gone leaves only its number behind.
        sql.push(format!(
            "DELETE FROM \"_models\" WHERE path = {} AND number <> {}",
            text(&shape.path),
            found.number
        ));
        sql.push(format!(
            "UPDATE \"_models\" SET path = {}, \"table\" = {} WHERE number = {}",
            text(&shape.path),
            text(&name),
            found.number
        ));
        let step = PlannedStep::safe(format!("rename table {} to {name}", found.name), sql);
        let step = if found.name.eq_ignore_ascii_case(&name) { step } else { self.unless_taken(&name, step) };
        self.steps.push(step);
    }

    fn rename_column(&mut self, shape: &Shape, old: &FoundColumn, column: &ColumnInfo) {
        let table = table_name(shape);
        let mut sql = vec![format!(
            "ALTER TABLE {} RENAME COLUMN {} TO {}",
            quoted(&table),
            quoted(&old.name),
            quoted(&column.column)
        )];
        if let Some((number, _)) = old.known {
            sql.push(format!(
                "UPDATE \"_columns\" SET name = {} WHERE number = {number}",
                text(&column.column)
            ));
        }
        let what = format!("rename column {table}.{} to {}", old.name, column.column);
        self.steps.push(PlannedStep::safe(what, sql));
    }

    fn add_column(&mut self, shape: &Shape, column: &ColumnInfo, rows: u64) {
        let table = table_name(shape);
        let mut sql = format!("ALTER TABLE {} ADD COLUMN {}", quoted(&table), ddl::column(column, false));
        let default = default_value(column).filter(|value| !value.is_null());
        if let Some(value) = &default {
            sql.push_str(&format!(" DEFAULT {}", sql_literal(value)));
        }
        let what = format!("add column {table}.{}", column.column);
        let step = PlannedStep::safe(what, vec![sql, ddl::register(shape, [column])]);
        self.steps.push(if column.sparse || default.is_some() || rows == 0 {
            step
        } else {
            step.impossible(format!(
                "{} no value for it; make the field an `Option` or give it a `#[serde(default)]`",
                have(rows)
            ))
        });
    }

    fn drop_column(&mut self, table: &str, found: &FoundTable, old: &FoundColumn) -> rusqlite::Result<()> {
        let name = quoted(&old.name);
        let values = self.number(&format!("SELECT count({name}) FROM {}", quoted(&found.name)))?;
        let mut sql = vec![format!("ALTER TABLE {} DROP COLUMN {name}", quoted(table))];
        if let Some((number, _)) = old.known {
            sql.push(format!("DELETE FROM \"_columns\" WHERE number = {number}"));
        }
        let what = format!("drop column {table}.{}", old.name);
        self.steps.push(match old.name.as_str() {
            _ if values == 0 => PlannedStep::safe(what, sql),
            // When a document goes away is said by the model, and now it says: never.
            "_expires_at" => PlannedStep::safe(what, sql),
            "_deleted_at" => {
                // Without the column they would be back.
                sql.insert(0, format!("DELETE FROM {} WHERE {name} IS NOT NULL", quoted(table)));
                PlannedStep::safe(what, sql).destructive(format!("documents in the trash are lost: {values}"))
            }
            _ => PlannedStep::safe(what, sql).destructive(format!(
                "{} a value in it; if the field has a new name, say so with `renamed_from`",
                have(values)
            )),
        });
        Ok(())
    }

    /// Why the values in the table can't have this index.
    fn repeated(
        &self,
        shape: &Shape,
        found: &FoundTable,
        pairs: &[Option<&FoundColumn>],
        changed: &[Changed],
        index: &Index,
    ) -> rusqlite::Result<Option<String>> {
        let old = found.attached.iter().any(|(name, sql)| *name == index.name && *sql == index.sql);
        let moved = changed.iter().any(|changed| index.columns.contains(&changed.index));
        if !index.unique || (old && !moved) {
            return Ok(None);
        }
        let values: Vec<String> = index
            .columns
            .iter()
            .map(|&column| {
                let info = &shape.columns[column];
                let value = match (changed.iter().find(|changed| changed.index == column), pairs[column]) {
                    (Some(changed), _) => changed.value.clone(),
                    (None, Some(old)) => quoted(&old.name),
                    (None, None) => default_value(info).as_ref().map_or("NULL".into(), sql_literal),
                };
                if info.kind == Kind::Decimal {
                    format!("({value}) COLLATE modeller_decimal")
                } else {
                    format!("({value})")
                }
            })
            .collect();
        let mut present: Vec<String> = values.iter().map(|value| format!("{value} IS NOT NULL")).collect();
        if found.columns.iter().any(|column| column.name == "_deleted_at") {
            present.push("\"_deleted_at\" IS NULL".into());
        }
        let sql = format!(
            "SELECT count(*), concat_ws(', ', {}) FROM {} WHERE {} GROUP BY {} HAVING count(*) > 1 \
             ORDER BY 1 DESC LIMIT 4",
            values.join(", "),
            quoted(&found.name),
            present.join(" AND "),
            values.join(", ")
        );
        let private = index.columns.iter().any(|&column| shape.columns[column].private);
        let mut statement = self.connection.prepare(&sql)?;
        let examples = statement
            .query_map([], |row| {
                let (count, value): (u64, String) = (row.get(0)?, row.get(1)?);
                let value = if private { "one value".into() } else { format!("{value:?}") };
                Ok(format!("{count} documents have {value}"))
            })?
            .collect::<rusqlite::Result<Vec<_>>>()?;
        Ok(match examples.as_slice() {
            [] => None,
            [first, second, third, _] => Some(format!("{first}, {second}, {third}, and there are more")),
            some => Some(some.join(", ")),
        }
        .map(|examples| format!("{examples}; change these documents first")))
    }

    fn number(&self, sql: &str) -> rusqlite::Result<u64> {
        self.connection.query_row(sql, [], |row| row.get(0))
    }
}

/// The column that holds the values of the model's column now.
fn former<'f>(shape: &Shape, found: &'f FoundTable, column: &ColumnInfo) -> Option<&'f FoundColumn> {
    let named = |name: &str| found.columns.iter().find(|old| old.name == name);
    named(&column.column).or_else(|| {
        let former = column.renamed_from?;
        let taken = shape.columns.iter().any(|other| other.column == former);
        named(former).filter(|_| !taken)
    })
}

/// How many documents, and the verb.
pub(super) fn have(count: u64) -> String {
    match count {
        1 => "1 document has".into(),
        count => format!("{count} documents have"),
    }
}
