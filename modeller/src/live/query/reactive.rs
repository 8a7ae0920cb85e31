//! Queries by name (`#[modeller::query]`) and reading operations that are asked again when what they have read is written.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio::sync::watch;

use super::Queries;
use super::matching;
use super::stream::{MOST_TRIES, PAUSE};
use super::text::LiveText;
use crate::engine::{Cx, Operation, asked};
use crate::live::index::Index;
use crate::model::{Error, Result, Shape};
use crate::query::Filter;
use crate::store::{Batch, Commit};

/// How long changes are waited for that come together with the first one.
pub(super) const DEBOUNCE: Duration = Duration::from_millis(10);

type Key = [u8; 32];

/// What a filter is filed under: whose it is, and a number that no other one has. A query reads through several filters, and for a
/// moment there may be two of the same key, one that goes and one that comes.
type Filed = (Key, u64);

/// Documents that were asked for.
type Read = (&'static Shape, Filter);

/// What a reactive query answers: the JSON, or why there is none.
type Answer = Result<LiveText>;

/// The reactive queries that somebody listens to.
#[derive(Default)]
pub(super) struct Reactives {
    all: Mutex<HashMap<Key, Weak<Reactive>>>,
    models: Mutex<HashMap<&'static str, Index<Filed>>>,
    /// The newest of theirs.
    generation: AtomicU64,
    /// How many filters have been filed.
    filed: AtomicU64,
}

/// One query with one payload, for all who listen to it.
pub(super) struct Reactive {
    key: Key,
    cx: Cx,
    shape: &'static Shape,
    operation: Operation,
    payload: Vec<u8>,
    queries: Arc<Queries>,
    /// What its answer was made of.
    reads: Mutex<Vec<(Read, Filed)>>,
    /// Transactions of an earlier one may have changes of it that nobody noted.
    generation: AtomicU64,
    /// The answer as it was last.
    answer: watch::Sender<Option<Answer>>,
    /// Up to which position of the change log something has changed that it reads.
    dirty: watch::Sender<u64>,
    /// For which of these it has been asked, if it has been.
    asked: watch::Sender<Option<u64>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Reactives {
    /// The query, if somebody listens to it already, or a new one.
    pub(super) fn get(
        queries: &Arc<Queries>,
        cx: &Cx,
        shape: &'static Shape,
        operation: Operation,
        payload: Vec<u8>,
    ) -> Arc<Reactive> {
        let actor = cx.identity().actor().unwrap_or_default();
        let mut hash = Sha256::new();
        for part in [actor.as_bytes(), shape.path.as_bytes(), operation.name().as_bytes(), &payload] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        let key: Key = hash.finalize().into();
        let mut all = lock(&queries.reactives.all);
        if let Some(there) = all.get(&key).and_then(Weak::upgrade) {
            return there;
        }
        let reactive = Arc::new(Reactive {
            key,
            // It is asked long after a transaction that it may have been asked for in.
            cx: cx.outside(),
            shape,
            operation,
            payload,
            queries: Arc::clone(queries),
            reads: Mutex::default(),
            generation: AtomicU64::new(0),
            answer: watch::Sender::new(None),
            dirty: watch::Sender::new(0),
            asked: watch::Sender::new(None),
        });
        all.insert(key, Arc::downgrade(&reactive));
        tokio::spawn(attend(Arc::downgrade(&reactive)));
        reactive
    }

    /// Says to whom it concerns that something has changed.
    pub(super) fn take_in(&self, batch: &Batch, commits: &[Commit]) {
        if batch.generation < self.generation.load(Ordering::Acquire) {
            self.missed(batch.generation, batch.until);
        }
        let mut touched: HashMap<Key, u64> = HashMap::new();
        let models = lock(&self.models);
        if models.is_empty() {
            return;
        }
        matching::candidates(&models, commits, |commit, _, (key, _)| {
            let seq = commits[commit as usize].seq;
            touched.entry(key).and_modify(|last| *last = seq.max(*last)).or_insert(seq);
        });
        drop(models);
        // The last one to hold a query must not hold the map.
        let all = lock(&self.all);
        let concerned: Vec<(Arc<Reactive>, u64)> =
            touched.into_iter().filter_map(|(key, seq)| Some((all.get(&key)?.upgrade()?, seq))).collect();
        drop(all);
        concerned.iter().for_each(|(reactive, seq)| reactive.touch(*seq));
    }

    /// Something may have changed that those were not told of who have come to read something since a generation.
    pub(super) fn missed(&self, generation: u64, until: u64) {
        let all: Vec<Arc<Reactive>> = lock(&self.all).values().filter_map(Weak::upgrade).collect();
        for reactive in all.iter().filter(|one| one.generation.load(Ordering::Acquire) > generation) {
            reactive.touch(until);
        }
    }

    /// Waits until all of them have been asked for what has changed so far.
    pub(super) async fn settle(&self) {
        let all: Vec<Arc<Reactive>> = lock(&self.all).values().filter_map(Weak::upgrade).collect();
        for reactive in all {
            let dirty = *reactive.dirty.borrow();
            // The sender is among what we hold.
            let _ =
                reactive.asked.subscribe().wait_for(|asked| asked.is_some_and(|asked| asked >= dirty)).await;
        }
    }

    pub(super) fn len(&self) -> usize {
        lock(&self.all).len()
    }
}

impl Reactive {
    fn touch(&self, seq: u64) {
        self.dirty.send_if_modified(|dirty| {
            let is_new = *dirty < seq;
            *dirty = seq.max(*dirty);
            is_new
        });
    }

    /// Listens to the answers from now on.
    pub(super) fn listen(self: &Arc<Self>) -> ReactiveStream {
        let mut answers = self.answer.subscribe();
        // Who comes later has not seen the answer that others have.
        answers.mark_changed();
        ReactiveStream { answers, reactive: Arc::clone(self), told: None }
    }

    /// Reads this from now on; whether that is something else than before.
    fn read(&self, mut reads: Vec<Read>) -> bool {
        reads.sort_by_key(|(shape, _)| &shape.path);
        let reactives = &self.queries.reactives;
        let mut known = lock(&self.reads);
        let same = |one: &Read, other: &Read| one.0.path == other.0.path && one.1 == other.1;
        if known.len() == reads.len() && known.iter().zip(&reads).all(|((one, _), other)| same(one, other)) {
            return false;
        }
        let mut models = lock(&reactives.models);
        for ((shape, filter), filed) in &*known {
            if let Some(index) = models.get_mut(&*shape.path) {
                index.remove(*filed, filter);
            }
            self.queries.feed.release(shape);
        }
        known.clear();
        for (shape, filter) in reads {
            let generation = self.queries.feed.want(shape);
            self.generation.store(generation, Ordering::Release);
            reactives.generation.fetch_max(generation, Ordering::AcqRel);
            let filed = (self.key, reactives.filed.fetch_add(1, Ordering::Relaxed));
            models.entry(&shape.path).or_insert_with(|| Index::new(shape)).insert(filed, &filter);
            known.push(((shape, filter), filed));
        }
        models.retain(|_, index| !index.is_empty());
        true
    }

    /// Asks it, until the answer is of a moment since which nothing has changed that it reads. Whether it can be so for ever: what failed
    /// may have done so for a moment only.
    async fn ask(&self) -> bool {
        loop {
            let asked_at = *self.dirty.borrow();
            let engine = self.cx.engine();
            let begun = self.queries.begin(engine).await;
            let position = engine.store().position().await;
            let (answer, reads) = asked(&self.cx, self.shape, self.operation, &self.payload).await;
            let mut is_sure = begun.is_ok() && answer.as_ref().err().is_none_or(|error| error.status() < 500);
            if self.read(reads) {
                // What was committed before it was known what is read has gone by unnoticed.
                match (position, engine.store().position().await) {
                    (Ok(position), Ok(now)) if position == now => {}
                    (_, Ok(now)) => self.touch(now),
                    (_, Err(_)) => is_sure = false,
                }
            }
            let answer = answer.and_then(|json| {
                String::from_utf8(json)
                    .map(LiveText::from)
                    .map_err(|_| Error::new(crate::model::Code::InternalError, "an answer that is not UTF-8"))
            });
            self.answer.send_if_modified(|last| {
                let is_other = !matches!((&*last, &answer), (Some(Ok(last)), Ok(answer)) if last == answer);
                if is_other {
                    *last = Some(answer);
                }
                is_other
            });
            if *self.dirty.borrow() == asked_at {
                self.asked.send_replace(Some(asked_at));
                return is_sure;
            }
            tokio::time::sleep(DEBOUNCE).await;
        }
    }
}

impl Drop for Reactive {
    fn drop(&mut self) {
        self.read(Vec::new());
        let mut all = lock(&self.queries.reactives.all);
        // Another one may have taken the place meanwhile.
        if all.get(&self.key).is_some_and(|other| other.strong_count() == 0) {
            all.remove(&self.key);
        }
    }
}

/// Asks a query at first, and whenever it has to be asked again.
async fn attend(reactive: Weak<Reactive>) {
    let Some(mut dirty) = reactive.upgrade().map(|reactive| reactive.dirty.subscribe()) else { return };
    // How often it was asked again for nothing but that it had failed.
    let mut tries = 0;
    loop {
        dirty.borrow_and_update();
        let Some(reactive) = reactive.upgrade() else { return };
        let is_sure = reactive.ask().await;
        drop(reactive);
        if is_sure {
            tries = 0;
        }
        // Once it has failed often enough, that is its answer.
        let again = tokio::time::sleep(PAUSE * 2_u32.pow(tries));
        tokio::select! {
            changed = dirty.changed() => {
                if changed.is_err() {
                    return;
                }
            }
            () = again, if !is_sure && tries + 1 < MOST_TRIES => tries += 1,
        }
        tokio::time::sleep(DEBOUNCE).await;
    }
}

/// The answers of a query that somebody listens to. Dropping it ends the subscription.
pub struct ReactiveStream {
    answers: watch::Receiver<Option<Answer>>,
    reactive: Arc<Reactive>,
    /// What it was told last.
    told: Option<Answer>,
}

/// Whether two answers say the same.
fn same(one: &Answer, other: &Answer) -> bool {
    match (one, other) {
        (Ok(one), Ok(other)) => one == other,
        (Err(one), Err(other)) => (one.code(), one.message()) == (other.code(), other.message()),
        _ => false,
    }
}

impl ReactiveStream {
    /// The same for all who ask the same with the same payload.
    pub fn id(&self) -> String {
        self.reactive.key.iter().take(12).map(|byte| format!("{byte:02x}")).collect()
    }

    /// Waits for the next answer: at first for the one there is, then for one that differs from what was told last. What lies between is left
    /// out when several come before it is asked for.
    ///
    /// # Errors
    /// Those of the query; the next answer may be none.
    pub async fn next(&mut self) -> Result<LiveText> {
        loop {
            // The sender is among what we hold.
            let _ = self.answers.changed().await;
            let answer = self.answers.borrow_and_update().clone();
            // What was left out may have been all that differed.
            if let Some(answer) =
                answer.filter(|answer| !self.told.as_ref().is_some_and(|told| same(told, answer)))
            {
                self.told = Some(answer.clone());
                return answer;
            }
        }
    }
}
