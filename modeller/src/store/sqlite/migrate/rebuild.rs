//! Columns whose kind changed, or that now need a value: the table is made anew and its rows are moved.

use rusqlite::Connection;

use super::companion;
use super::convert::{Conversion, conversion};
use super::ddl::{self, Index};
use super::found::{FoundColumn, FoundTable};
use super::plan::have;
use crate::model::Shape;
use crate::store::PlannedStep;
use crate::store::literal::{default_value, sql_literal};
use crate::store::sqlite::table::{kind_name, quoted, table_name};

/// A column that changed.
pub(super) struct Changed {
    /// Its index in the shape.
    pub(super) index: usize,
    /// Its new value, over the column as it is called before the migration.
    pub(super) value: String,
    /// The same, over the column's new name.
    renamed: String,
    what: String,
    /// What goes wrong, and whether that can't be helped.
    loss: Option<(String, bool)>,
    /// Its number in the change log, if its kind changed.
    kind: Option<u64>,
}

/// The columns that changed.
pub(super) fn changed(
    connection: &Connection,
    shape: &Shape,
    found: &FoundTable,
    pairs: &[Option<&FoundColumn>],
) -> rusqlite::Result<Vec<Changed>> {
    let mut all = Vec::new();
    for (index, (column, old)) in shape.columns.iter().zip(pairs).enumerate() {
        let Some(old) = old else { continue };
        let of = quoted(&old.name);
        let Some((number, kind)) = old.known else {
            let what = format!("use column {}.{}", found.name, old.name);
            let why = "modeller did not make the column; rename it or drop it first".to_owned();
            all.push(Changed {
                index,
                renamed: of.clone(),
                value: of,
                what,
                loss: Some((why, true)),
                kind: None,
            });
            continue;
        };
        if kind == column.kind && old.nullable == column.sparse {
            continue;
        }
        let count = |condition: &str| -> rusqlite::Result<u64> {
            let sql = format!("SELECT count(*) FROM {} WHERE {condition}", quoted(&found.name));
            connection.query_row(&sql, [], |row| row.get(0))
        };
        let converted = conversion(kind, column.kind, &of);
        let fits = match &converted {
            None => "0".to_owned(),
            Some(conversion) => conversion.fits.clone().unwrap_or_else(|| "1".into()),
        };
        let misfits = match fits.as_str() {
            "1" => 0,
            fits => count(&format!("{of} IS NOT NULL AND NOT coalesce({fits}, 0)"))?,
        };
        let missing = if column.sparse { 0 } else { count(&format!("{of} IS NULL"))? };
        let default = default_value(column).filter(|value| !value.is_null()).as_ref().map(sql_literal);
        let fill = default.clone().unwrap_or_else(|| "NULL".into());
        let loses = converted.as_ref().is_some_and(|conversion| conversion.loses);
        let value = |of: &str| match conversion(kind, column.kind, of) {
            Some(Conversion { value, fits, .. }) => {
                let fits = fits.map(|fits| format!(" AND ({fits})")).unwrap_or_default();
                format!("CASE WHEN {of} IS NOT NULL{fits} THEN {value} ELSE {fill} END")
            }
            None => fill.clone(),
        };
        let name = kind_name(column.kind);
        let helpless = !column.sparse && default.is_none();
        let advice =
            "make the field an `Option`, give it a `#[serde(default)]`, or change these documents first";
        let loss = match (misfits, missing) {
            (0, 0) if !loses => None,
            (0, 0) => Some(("numbers may be rounded".to_owned(), false)),
            (0, missing) if helpless => Some((format!("{} no value in it; {advice}", have(missing)), true)),
            (0, missing) => Some((format!("{} no value in it and would get {fill}", have(missing)), false)),
            (misfits, _) if helpless => {
                Some((format!("{} a value that is no {name}; {advice}", have(misfits)), true))
            }
            (misfits, _) => {
                Some((format!("{} a value that is no {name} and would get {fill}", have(misfits)), false))
            }
        };
        let what = match (kind == column.kind, column.sparse) {
            (false, _) => {
                format!("change {}.{} from {} to {name}", table_name(shape), column.column, kind_name(kind))
            }
            (true, true) => format!("let {}.{} be without a value", table_name(shape), column.column),
            (true, false) => format!("demand a value for {}.{}", table_name(shape), column.column),
        };
        all.push(Changed {
            index,
            value: value(&of),
            renamed: value(&quoted(&column.column)),
            what,
            loss,
            kind: (kind != column.kind).then_some(number),
        });
    }
    Ok(all)
}

/// The step that makes the table anew. Renamed and added columns are there already, dropped ones no more.
pub(super) fn step(shape: &Shape, found: &FoundTable, changed: &[Changed]) -> PlannedStep {
    const NEW: &str = "_rebuilt";
    let table = quoted(&table_name(shape));
    let columns: Vec<String> = shape.columns.iter().map(|column| quoted(&column.column)).collect();
    let values: Vec<String> = shape
        .columns
        .iter()
        .enumerate()
        .map(|(index, column)| match changed.iter().find(|changed| changed.index == index) {
            Some(changed) => changed.renamed.clone(),
            None => quoted(&column.column),
        })
        .collect();
    let mut sql = vec![
        // Views and triggers that name the table are left alone while it is away.
        "PRAGMA legacy_alter_table = ON".to_owned(),
        ddl::create_table(shape, NEW),
        format!(
            "INSERT INTO \"{NEW}\" (\"_rowid\", {}) SELECT \"_rowid\", {} FROM {table} ORDER BY \"_rowid\"",
            columns.join(", "),
            values.join(", ")
        ),
        format!("DROP TABLE {table}"),
        format!("ALTER TABLE \"{NEW}\" RENAME TO {table}"),
        "PRAGMA legacy_alter_table = OFF".to_owned(),
    ];
    for changed in changed {
        if let Some(number) = changed.kind {
            let kind = kind_name(shape.columns[changed.index].kind);
            sql.push(format!("UPDATE \"_columns\" SET kind = '{kind}' WHERE number = {number}"));
        }
    }
    if changed.iter().any(|changed| changed.kind.is_some() || changed.loss.is_some()) {
        // The change log has values of the former kind: nobody can go on from there.
        sql.push(
            "INSERT INTO \"_meta\" SELECT 'swept', coalesce(max(seq), 0) FROM \"_changes\" WHERE true \
             ON CONFLICT DO UPDATE SET value = excluded.value"
                .to_owned(),
        );
    }
    // What others have put on the table is put back.
    sql.extend(
        found
            .attached
            .iter()
            .filter(|(name, _)| !Index::is_ours(name) && !companion::is_ours(name))
            .map(|(_, sql)| sql.clone()),
    );
    let what: Vec<&str> = changed.iter().map(|changed| changed.what.as_str()).collect();
    let mut step = PlannedStep::safe(what.join("; "), sql);
    let mut losses: Vec<&str> =
        changed.iter().filter_map(|changed| changed.loss.as_ref()).map(|(why, _)| why.as_str()).collect();
    let strange = found.columns.iter().filter(|column| column.known.is_none()).count() > 0;
    if strange {
        losses.push("columns that modeller did not make are lost");
    }
    if !losses.is_empty() {
        step = step.destructive(losses.join("; "));
    }
    step.impossible = changed.iter().any(|changed| matches!(changed.loss, Some((_, true))));
    step
}
