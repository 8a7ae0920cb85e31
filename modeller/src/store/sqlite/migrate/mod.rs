//! Making a database fit the models: look at what is there, plan, and carry the plan out in one transaction.

mod companion;
mod convert;
mod ddl;
mod found;
mod plan;
mod rebuild;

use rusqlite::{Connection, TransactionBehavior};

use self::found::Database;
use super::fault::caller;
use super::table::Tables;
use crate::model::{Code, Error, Result, Shape};
use crate::store::{Apply, Plan};

/// As [`Store::migrate`](crate::store::Store::migrate); with the tables if the models can be used now.
pub(super) fn migrate(
    connection: &mut Connection,
    models: &[&'static Shape],
    apply: Apply,
) -> Result<(Plan, Option<Tables>)> {
    plan::check(models)?;
    // Mostly there is nothing to do, and then nobody has to wait for anybody.
    {
        let look = connection.unchecked_transaction().map_err(caller)?;
        let plan = make(&look, models, apply)?;
        if apply == Apply::Nothing {
            return Ok((plan, None));
        }
        if plan.steps.is_empty() {
            let tables = Tables::load(&look, models).map_err(caller)?;
            return Ok((Plan { applied: true, ..plan }, Some(tables)));
        }
    }
    // From here on no other process writes. One that migrated meanwhile has left us nothing to do.
    let done = carry_out(connection, models, apply);
    if done.is_err() {
        // A step sets it back itself, unless one after it fails; it is no part of the transaction.
        connection.execute_batch("PRAGMA legacy_alter_table = OFF").map_err(caller)?;
    }
    let (plan, tables) = done?;
    Ok((plan, Some(tables)))
}

fn carry_out(connection: &mut Connection, models: &[&'static Shape], apply: Apply) -> Result<(Plan, Tables)> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(caller)?;
    let mut plan = make(&transaction, models, apply)?.allowed(apply)?;
    for step in &plan.steps {
        for sql in &step.sql {
            transaction.execute_batch(sql).map_err(|error| {
                tracing::error!(%error, sql, "a step of the migration failed");
                let message = format!("the migration failed, and nothing was changed: {}", step.what);
                Error::new(Code::StoreUnavailable, message)
            })?;
        }
    }
    let tables = Tables::load(&transaction, models).map_err(caller)?;
    transaction.commit().map_err(caller)?;
    plan.applied = true;
    Ok((plan, tables))
}

fn make(connection: &Connection, models: &[&'static Shape], apply: Apply) -> Result<Plan> {
    let database = Database::look(connection).map_err(caller)?;
    plan::plan(connection, &database, models, apply).map_err(caller)
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};
    use validator::Validate;

    use super::*;
    use crate::store::sqlite::connect::tests::scratch;
    use modeller::Model;

    #[derive(Serialize, Deserialize, JsonSchema, Validate, Model)]
    #[model(scope = "test", name = "migrated")]
    struct Migrated {
        text: String,
    }

    #[test]
    fn a_migration_that_fails_leaves_the_connection_as_it_was() {
        let mut connection = scratch();
        let models = [Migrated::descriptor().shape()];
        migrate(&mut connection, &models, Apply::Safe).unwrap();
        // The table is to be rebuilt, and can't be.
        connection
            .execute_batch(
                "UPDATE _columns SET kind = 'integer' WHERE name = 'text'; CREATE TABLE _rebuilt (x)",
            )
            .unwrap();
        let error = migrate(&mut connection, &models, Apply::Safe).err().unwrap();
        assert!(error.is(Code::StoreUnavailable), "{error}");
        assert!(connection.is_autocommit());
        let legacy: bool =
            connection.pragma_query_value(None, "legacy_alter_table", |row| row.get(0)).unwrap();
        assert!(!legacy);
    }
}
