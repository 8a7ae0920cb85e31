use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

use super::*;
use crate::store::Apply;
use crate::store::sqlite::connect::tests::scratch;
use crate::store::sqlite::migrate::migrate;
use crate::store::sqlite::notes::Told;
use modeller::Model;

#[derive(Serialize, Deserialize, JsonSchema, Validate, Model)]
#[model(scope = "test", name = "kept_notes")]
struct Note {
    text: String,
}

fn shape() -> &'static Shape {
    Note::descriptor().shape()
}

fn session() -> Session {
    let mut session = Session::new(scratch(), Told::default());
    let (_, tables) = migrate(&mut session.connection, &[shape()], Apply::Safe).unwrap();
    session.set_tables(Arc::new(tables.unwrap()));
    session
}

fn row(id: usize, text: &str) -> Row {
    Row([vec![format!("{id}").into()], [1, 1, 1].map(Value::Integer).to_vec(), vec![text.into()]].concat())
}

fn count(session: &Session) -> usize {
    session.connection.query_row("SELECT count(*) FROM test_kept_notes", [], |row| row.get(0)).unwrap()
}

#[test]
fn nothing_is_written_after_sqlite_has_rolled_back_by_itself() {
    for guard in [Guard::Entry, Guard::Savepoint { made: false }, Guard::Savepoint { made: true }] {
        let mut session = session();
        session.begin().unwrap();
        session.start(guard);
        session.connection.execute_batch("ROLLBACK").unwrap();
        assert!(session.insert_row(shape(), &row(1, "a")).unwrap_err().is(Code::StoreUnavailable));
        assert!(session.next_number(shape(), 4).unwrap_err().is(Code::StoreUnavailable));
        session.undo();
        assert!(session.commit().unwrap_err().is(Code::StoreUnavailable));
        assert_eq!(count(&session), 0);
    }
}

#[test]
fn a_transaction_that_was_left_open_does_not_stop_the_next_one() {
    let mut session = session();
    session.begin().unwrap();
    session.start(Guard::Transaction);
    session.insert_row(shape(), &row(1, "a")).unwrap();
    session.begin().unwrap();
    session.start(Guard::Transaction);
    session.insert_row(shape(), &row(2, "b")).unwrap();
    session.keep(None).unwrap();
    session.commit().unwrap();
    assert_eq!(count(&session), 1);
}

#[test]
fn a_large_work_is_logged_in_parts_and_undone_with_them() {
    let mut session = session();
    let large = "x".repeat(3 << 20);
    session.begin().unwrap();
    session.start(Guard::Transaction);
    for id in 0..10 {
        session.insert_row(shape(), &row(id, &large)).unwrap();
    }
    session.keep(None).unwrap();
    session.commit().unwrap();
    // One work before, one that is undone, one that stays.
    session.begin().unwrap();
    session.start(Guard::Entry);
    session.insert_row(shape(), &row(10, "a")).unwrap();
    session.keep(Some("one")).unwrap();
    for (actor, stays) in [("undone", false), ("cleared", true)] {
        session.start(Guard::Savepoint { made: false });
        for id in 0..10 {
            session.delete_row(shape(), &row(id, &large)).unwrap();
            assert!(session.log_size() < 13 << 20);
        }
        match stays {
            true => session.keep(Some(actor)).unwrap(),
            false => session.undo(),
        }
    }
    session.commit().unwrap();
    assert_eq!(count(&session), 1);
    let changes = changes::read(&session.connection, &session.tables, 10, usize::MAX).unwrap();
    let found: Vec<_> = changes
        .iter()
        .map(|change| (change.seq, change.transaction, change.id.as_str(), change.actor.as_deref().unwrap()))
        .collect();
    let ids: Vec<String> = (0..10).map(|id| id.to_string()).collect();
    let mut expected = vec![(11, 11, "10", "one")];
    expected.extend(ids.iter().zip(12..).map(|(id, seq)| (seq, 21, id.as_str(), "cleared")));
    assert_eq!(found, expected);
    let sql = "SELECT count(*) FROM _changes WHERE seq < first";
    assert_eq!(session.connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap(), 0);
}

#[tokio::test]
async fn a_document_is_found_where_it_is_after_it_was_moved() {
    let mut session = session();
    session.begin().unwrap();
    session.start(Guard::Transaction);
    for id in 1..=3 {
        session.insert_row(shape(), &row(id, "a")).unwrap();
    }
    let select = Select::filtered(shape(), Filter::id("1"));
    let found = session.read(&select, crate::store::Rows::of(shape())).await.unwrap();
    let old = crate::store::sink::<crate::store::Rows>(found).rows.remove(0);
    assert!(session.place.is_some());
    // The last row gets a new place, and this one the last one's.
    session.delete_row(shape(), &row(3, "a")).unwrap();
    session.delete_row(shape(), &old).unwrap();
    session.insert_row(shape(), &row(4, "a")).unwrap();
    session.insert_row(shape(), &old).unwrap();
    session.update_row(shape(), &old, &row(1, "b")).unwrap();
    session.read(&select, crate::store::Rows::of(shape())).await.unwrap();
    session.update_row(shape(), &row(1, "b"), &row(1, "c")).unwrap();
    let text = "SELECT text FROM test_kept_notes WHERE _id = '1'";
    assert_eq!(session.connection.query_row(text, [], |row| row.get::<_, String>(0)), Ok("c".to_owned()));
}

#[test]
fn a_work_that_goes_on_after_its_one_change_is_undone_whole() {
    let mut session = session();
    session.begin().unwrap();
    session.start(Guard::Entry);
    session.insert_row(shape(), &row(1, "kept")).unwrap();
    session.keep(None).unwrap();
    session.start(Guard::Entry);
    session.update_row(shape(), &row(1, "kept"), &row(1, "lost")).unwrap();
    for id in 2..5 {
        session.insert_row(shape(), &row(id, &"x".repeat(3 << 20))).unwrap();
    }
    session.undo();
    session.commit().unwrap();
    let texts = "SELECT group_concat(text) FROM test_kept_notes";
    assert_eq!(session.connection.query_row(texts, [], |row| row.get::<_, String>(0)), Ok("kept".to_owned()));
    let changes = changes::read(&session.connection, &session.tables, 0, 10).unwrap();
    assert_eq!(changes.len(), 1);
}
