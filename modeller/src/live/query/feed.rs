//! Where the store tells of commits: they wait here for the task that matches them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::model::Shape;
use crate::store::{Batch, RowChange, Watcher};

/// How many bytes of changes wait to be matched, about. What comes behind is not kept: whoever might have missed something begins anew.
const MOST: usize = 128 << 20;

/// A batch that waits, and how many bytes it takes.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) batch: Batch,
    pub(super) size: usize,
}

/// What comes from the store.
pub(super) struct Feed {
    wanted: RwLock<HashMap<&'static str, usize>>,
    any: AtomicBool,
    generation: AtomicU64,
    waiting: AtomicUsize,
    batches: UnboundedSender<Waiting>,
}

impl Feed {
    /// A feed, and its other end.
    pub(super) fn new() -> (Self, UnboundedReceiver<Waiting>) {
        let (batches, receiver) = unbounded_channel();
        let feed = Feed {
            wanted: RwLock::default(),
            any: AtomicBool::new(false),
            // 0 is what a batch says whose changes were too many.
            generation: AtomicU64::new(1),
            waiting: AtomicUsize::new(0),
            batches,
        };
        (feed, receiver)
    }

    /// From now on somebody more wants to know of this model. Transactions that know of it have the generation that is answered, or a
    /// later one.
    pub(super) fn want(&self, shape: &'static Shape) -> u64 {
        let mut wanted = self.wanted.write().unwrap_or_else(PoisonError::into_inner);
        *wanted.entry(&shape.path).or_default() += 1;
        self.any.store(true, Ordering::Release);
        self.generation.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// Somebody less does.
    pub(super) fn release(&self, shape: &'static Shape) {
        let mut wanted = self.wanted.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = wanted.get_mut(&*shape.path) {
            *count -= 1;
            if *count == 0 {
                wanted.remove(&*shape.path);
            }
        }
        self.any.store(!wanted.is_empty(), Ordering::Release);
    }

    /// Wakes the task that matches.
    pub(super) fn nudge(&self) {
        self.committed(Batch::default());
    }

    /// So many bytes have been matched.
    pub(super) fn done(&self, size: usize) {
        self.waiting.fetch_sub(size, Ordering::AcqRel);
    }
}

fn size(batch: &Batch) -> usize {
    let changes = batch.commits.iter().flat_map(|commit| &commit.changes);
    size_of::<Batch>() + changes.map(RowChange::size).sum::<usize>()
}

impl Watcher for Feed {
    fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    fn wants(&self, shape: &'static Shape) -> bool {
        self.any.load(Ordering::Acquire)
            && self.wanted.read().unwrap_or_else(PoisonError::into_inner).contains_key(&*shape.path)
    }

    fn committed(&self, mut batch: Batch) {
        if self.waiting.load(Ordering::Acquire) > MOST {
            batch.commits = Vec::new();
            batch.generation = 0;
        }
        let size = size(&batch);
        self.waiting.fetch_add(size, Ordering::AcqRel);
        // Without a task nobody is subscribed.
        drop(self.batches.send(Waiting { batch, size }));
    }
}
