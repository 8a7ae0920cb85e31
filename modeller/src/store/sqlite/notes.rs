//! What the writer notes of its changes, for those who want to be told of commits.

use std::sync::{Arc, PoisonError, RwLock};

use crate::model::{Row, Shape};
use crate::store::{Batch, ChangeOp, Commit, RowChange, Watcher};

/// How many changes are kept until the commit. A transaction of more is told of as if it had begun before anybody wanted to know.
const MOST: usize = 100_000;

/// Who is to be told. It may come while the writer runs.
pub(super) type Told = Arc<RwLock<Option<Arc<dyn Watcher>>>>;

/// The changes of the transaction under way.
#[derive(Default)]
pub(super) struct Notes {
    told: Told,
    /// The watcher, since the transaction began.
    watcher: Option<Arc<dyn Watcher>>,
    generation: u64,
    is_too_much: bool,
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
        self.is_too_much = false;
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
        if self.changes.len() >= MOST {
            self.changes.clear();
            self.ends.clear();
            self.is_too_much = true;
        }
        if !self.is_too_much && self.watcher.as_ref().is_some_and(|watcher| watcher.wants(shape)) {
            let change = RowChange { shape, op, old: old.cloned(), new: new.cloned() };
            self.changes.push((entries, change));
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
            self.changes.pop();
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
