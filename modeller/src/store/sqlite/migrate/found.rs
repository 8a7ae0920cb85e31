//! What is in the database.

use std::collections::HashMap;

use rusqlite::Connection;

use super::companion;
use crate::model::Kind;
use crate::store::sqlite::table::kind_named;

/// A column of a table.
#[derive(Debug)]
pub(super) struct FoundColumn {
    pub(super) name: String,
    pub(super) nullable: bool,
    /// Its number in the change log, and its kind, if we made it.
    pub(super) known: Option<(u64, Kind)>,
}

/// A table of a model.
#[derive(Debug)]
pub(super) struct FoundTable {
    /// The model's number in the change log.
    pub(super) number: u64,
    /// The model's path.
    pub(super) path: String,
    pub(super) name: String,
    /// In the order of the table, without `_rowid`.
    pub(super) columns: Vec<FoundColumn>,
    /// Indexes (those that SQLite makes by itself excepted) and triggers: name and statement.
    pub(super) attached: Vec<(String, String)>,
    /// The virtual tables beside it: name and statement.
    pub(super) companions: Vec<(String, String)>,
}

/// The tables of the database.
#[derive(Debug, Default)]
pub(super) struct Database {
    pub(super) models: Vec<FoundTable>,
    /// The names of all tables and views, in lower case.
    pub(super) names: Vec<String>,
}

impl Database {
    pub(super) fn look(connection: &Connection) -> rusqlite::Result<Self> {
        let mut names = Vec::new();
        let mut columns: HashMap<String, Vec<(String, bool)>> = HashMap::new();
        let mut attached: HashMap<String, Vec<(String, String)>> = HashMap::new();
        let mut companions: Vec<(String, String)> = Vec::new();
        let mut objects = connection.prepare(
            "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid",
        )?;
        let mut rows = objects.query([])?;
        while let Some(row) = rows.next()? {
            let (kind, name): (String, String) = (row.get(0)?, row.get(1)?);
            match kind.as_str() {
                "table" | "view" => {
                    names.push(name.to_lowercase());
                    let sql: String = row.get(3)?;
                    if companion::is_ours(&name) && sql.starts_with("CREATE VIRTUAL TABLE ") {
                        companions.push((name, sql));
                    }
                }
                _ => attached.entry(row.get(2)?).or_default().push((name, row.get(3)?)),
            }
        }
        let mut statement = connection.prepare(
            "SELECT m.\"table\", x.name, x.\"notnull\" FROM \"_models\" m, pragma_table_xinfo(m.\"table\") x
             WHERE x.hidden = 0 AND x.name <> '_rowid' ORDER BY x.cid",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            columns.entry(row.get(0)?).or_default().push((row.get(1)?, !row.get::<_, bool>(2)?));
        }
        let mut known: HashMap<(u64, String), (u64, Kind)> = HashMap::new();
        let mut statement = connection.prepare("SELECT model, name, number, kind FROM \"_columns\"")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            if let Some(kind) = kind_named(&row.get::<_, String>(3)?) {
                known.insert((row.get(0)?, row.get(1)?), (row.get(2)?, kind));
            }
        }
        let mut models = Vec::new();
        let mut statement =
            connection.prepare("SELECT number, path, \"table\" FROM \"_models\" ORDER BY number")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (number, name): (u64, String) = (row.get(0)?, row.get(2)?);
            let columns = columns.remove(&name).unwrap_or_default();
            models.push(FoundTable {
                number,
                path: row.get(1)?,
                columns: columns
                    .into_iter()
                    .map(|(name, nullable)| FoundColumn {
                        known: known.remove(&(number, name.clone())),
                        name,
                        nullable,
                    })
                    .collect(),
                attached: attached.remove(&name).unwrap_or_default(),
                companions: companions
                    .iter()
                    .filter(|(companion, _)| companion::is_beside(companion, &name))
                    .cloned()
                    .collect(),
                name,
            });
        }
        Ok(Database { models, names })
    }
}
