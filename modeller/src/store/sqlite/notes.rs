//! What the writer notes of its changes, for those who want to be told of commits.

use std::sync::{Arc, PoisonError, RwLock};

use crate::model::{Row, Shape};
use crate::store::{Batch, ChangeOp, Commit, RowChange, Watcher};

/// How many changes are kept until the commit, and how many bytes of rows. A transaction of more is told of as if it had begun before
/// anybody wanted to know.
const MOST: usize = 100_000;
const MOST_BYTES: usize = 64 << 20;

/// Who is to be told. It may come while the writer runs.
pub(super) type Told = Arc<RwLock<Option<Arc<dyn Watcher>>>>;

/// The changes of the transaction under way.
#[derive(Default)]
pub(super) struct Notes {
    told: Told,
    /// The watcher, since the transaction began.
    watcher: Option<Arc<dyn Watcher>>,
    generation: u64,
    /// The model that was asked for last, and whether its rows are wanted: most transactions are about one.
    wanted: Option<(&'static Shape, bool)>,
    is_too_much: bool,
    /// About how large they are.
    bytes: usize,
    /// Each with the number of entries that the log had before it.
    changes: Vec<(u64, RowChange)>,
    /// Where the works that were kept end: in the changes, and in the entries of the log.
    ends: Vec<(usize, u64)>,
}

impl Notes {
    pub(super) fn new(told: Told) -> Self {
        Notes { told, ..Notes::default() }
    }

    /// Begins anew, for another transaction.
    pub(super) fn begin(&mut self) {
        self.changes.clear();
        self.ends.clear();
        self.watcher.clone_from(&self.told.read().unwrap_or_else(PoisonError::into_inner));
        (self.is_too_much, self.bytes, self.wanted) = (false, 0, None);
        self.generation = self.watcher.as_ref().map_or(0, |watcher| watcher.generation());
    }

    /// Notes a change that becomes the entry of the log after so many others.
    pub(super) fn add(
        &mut self,
        entries: u64,
        shape: &'static Shape,
        op: ChangeOp,
        old: Option<&Row>,
        new: Option<&Row>,
    ) {
        if self.is_too_much || !self.is_wanted(shape) {
            return;
        }
        let change = RowChange { shape, op, old: old.cloned(), new: new.cloned() };
        self.bytes += change.size();
        if self.changes.len() >= MOST || self.bytes > MOST_BYTES {
            (self.changes, self.ends) = (Vec::new(), Vec::new());
            self.is_too_much = true;
            return;
        }
        self.changes.push((entries, change));
    }

    /// Whether rows of this model are wanted. What becomes wanted after the transaction began is of a later generation.
    fn is_wanted(&mut self, shape: &'static Shape) -> bool {
        let Some(watcher) = &self.watcher else { return false };
        match self.wanted {
            Some((known, is_wanted)) if std::ptr::eq(known, shape) => is_wanted,
            _ => self.wanted.insert((shape, watcher.wants(shape))).1,
        }
    }

    /// The work at hand is kept; the log has so many entries now.
    pub(super) fn keep(&mut self, entries: u64) {
        if self.watcher.is_some() {
            self.ends.push((self.changes.len(), entries));
        }
    }

    /// Forgets what became an entry of the log after this many.
    pub(super) fn back_to(&mut self, entries: u64) {
        while self.changes.last().is_some_and(|(before, _)| *before >= entries) {
            self.bytes -= self.changes.pop().map_or(0, |(_, change)| change.size());
        }
    }

    /// It was committed: the log had the last number `after` before, and has so many entries more now.
    pub(super) fn tell(&mut self, after: u64, entries: u64) {
        let Some(watcher) = self.watcher.take() else { return };
        let mut changes = self.changes.drain(..).map(|(_, change)| change);
        let (mut taken, mut commits) = (0, Vec::new());
        for (end, entries) in self.ends.drain(..) {
            if end > taken {
                let changes = changes.by_ref().take(end - taken).collect();
                commits.push(Commit { seq: after + entries, changes });
                taken = end;
            }
        }
        drop(changes);
        let generation = if self.is_too_much { 0 } else { self.generation };
        watcher.committed(Batch { after, until: after + entries, generation, commits });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use modeller::Model;
    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};
    use validator::Validate;

    use super::*;
    use crate::model::Value;
    use crate::store::Apply;
    use crate::store::sqlite::changes;
    use crate::store::sqlite::connect::tests::scratch;
    use crate::store::sqlite::migrate::migrate;
    use crate::store::sqlite::session::{Guard, Session};

    #[derive(Serialize, Deserialize, JsonSchema, Validate, Model)]
    #[model(scope = "test", name = "noted", crate = crate)]
    struct Noted {
        name: String,
    }

    /// Keeps what it is told.
    #[derive(Default)]
    struct Heard(Mutex<Vec<Batch>>);

    impl Watcher for Heard {
        fn generation(&self) -> u64 {
            7
        }

        fn wants(&self, _: &'static Shape) -> bool {
            true
        }

        fn committed(&self, batch: Batch) {
            self.0.lock().unwrap().push(batch);
        }
    }

    fn session() -> (Session, Arc<Heard>) {
        let (told, heard) = (Told::default(), Arc::new(Heard::default()));
        *told.write().unwrap() = Some(heard.clone());
        let mut session = Session::new(scratch(), told);
        let (_, tables) =
            migrate(&mut session.connection, &[Noted::descriptor().shape()], Apply::Safe).unwrap();
        session.set_tables(Arc::new(tables.unwrap()));
        (session, heard)
    }

    fn row(id: &str, name: &str) -> Row {
        let numbers = [1, 1, 1].map(Value::Integer);
        Row([vec![id.into()], numbers.to_vec(), vec![name.into()]].concat())
    }

    #[test]
    fn what_is_told_is_what_the_log_has() {
        let (mut session, heard) = session();
        let shape = Noted::descriptor().shape();
        let large = "x".repeat(5 << 20);
        for round in 0..2 {
            let id = |name: &str| format!("{name}{round}");
            session.begin().unwrap();
            session.start(Guard::Entry);
            session.insert_row(shape, &row(&id("a"), "first")).unwrap();
            session.keep(None).unwrap();
            // Undone by its entry; and by a savepoint and its entry.
            for undone in 1..4 {
                session.start(Guard::Entry);
                for at in 0..undone {
                    session.insert_row(shape, &row(&id(&format!("b{at}")), "undone")).unwrap();
                }
                session.undo();
            }
            // Some of it is in the log already when it is undone.
            for guard in [Guard::Savepoint { made: false }, Guard::Entry] {
                session.start(guard);
                for at in 0..3 {
                    let row = row(&id(&format!("c{at}")), &large);
                    session.insert_row(shape, &row).unwrap();
                    session.delete_row(shape, &row).unwrap();
                }
                session.undo();
            }
            session.start(Guard::Savepoint { made: false });
            for name in ["d", "e"] {
                let row = row(&id(name), &large);
                session.insert_row(shape, &row).unwrap();
                session.delete_row(shape, &row).unwrap();
            }
            session.insert_row(shape, &row(&id("d"), "last")).unwrap();
            session.keep(None).unwrap();
            session.commit().unwrap();
            session.tell();
        }
        let logged = changes::read(&session.connection, &session.tables, 0, usize::MAX).unwrap();
        let logged: Vec<_> =
            logged.into_iter().map(|change| (change.transaction, change.op, change.id)).collect();
        let heard = heard.0.lock().unwrap();
        assert!(heard.iter().all(|batch| batch.generation == 7));
        assert_eq!((heard[0].after, heard[0].until), (0, heard[1].after));
        let commits = heard.iter().flat_map(|batch| &batch.commits);
        let told: Vec<_> = commits
            .flat_map(|commit| {
                commit.changes.iter().map(|change| {
                    let row = change.new.as_ref().or(change.old.as_ref()).unwrap();
                    (commit.seq, change.op, row[Shape::ID].as_text().unwrap().to_owned())
                })
            })
            .collect();
        assert_eq!(told, logged);
        assert_eq!(told.len(), 12);
    }

    #[test]
    fn too_much_for_the_memory_is_said_to_be_too_much() {
        let (mut session, heard) = session();
        let shape = Noted::descriptor().shape();
        session.begin().unwrap();
        session.start(Guard::Savepoint { made: false });
        let large = row("a", &"x".repeat(4 << 20));
        for _ in 0..10 {
            session.insert_row(shape, &large).unwrap();
            session.delete_row(shape, &large).unwrap();
        }
        session.keep(None).unwrap();
        session.commit().unwrap();
        session.tell();
        session.begin().unwrap();
        session.start(Guard::Entry);
        session.insert_row(shape, &row("a", "")).unwrap();
        session.keep(None).unwrap();
        session.commit().unwrap();
        session.tell();
        let heard = heard.0.lock().unwrap();
        assert_eq!((heard[0].generation, heard[0].until, heard[0].commits.len()), (0, 20, 0));
        assert_eq!((heard[1].generation, heard[1].until, heard[1].commits.len()), (7, 21, 1));
    }
}
