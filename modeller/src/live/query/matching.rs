//! Matching what is committed with all standing queries.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;

use super::Queries;
use super::feed::Waiting;
use super::standings::{Place, Standings};
use crate::engine::{Engine, panic_message};
use crate::live::index::Index;
use crate::store::{Batch, Commit, RowChange};

/// About so many changes are matched before others have their turn: those who write wait for nothing else on this thread meanwhile, and
/// those who subscribe for the lock. Those of one transaction are matched together.
const AT_ONCE: usize = 32;

/// How long it takes at most until what this process has committed is told.
const PAUSE: Duration = Duration::from_millis(200);

impl Queries {
    /// Takes in a batch.
    pub(super) async fn take_in(&self, engine: &Engine, waiting: Waiting) {
        let Waiting { batch, size } = waiting;
        self.take_in_batch(engine, batch).await;
        self.feed.done(size);
    }

    async fn take_in_batch(&self, engine: &Engine, mut batch: Batch) {
        let until = batch.until;
        let mut commits = std::mem::take(&mut batch.commits).into_iter();
        let mut is_sure = self.guarded(engine, until, || {
            self.begin_batch(engine, &batch);
            self.reactives.take_in(&batch, commits.as_slice());
        });
        while is_sure {
            let mut changes = 0;
            let mut is_room = |commit: &Commit| {
                changes += commit.changes.len();
                changes < AT_ONCE
            };
            let several = commits.as_slice().iter().take_while(|commit| is_room(commit)).count() + 1;
            let part: Vec<Commit> = commits.by_ref().take(several).collect();
            let is_last = commits.as_slice().is_empty();
            let until = if is_last { until } else { part.last().map_or(0, |commit| commit.seq) };
            is_sure = self.guarded(engine, batch.until, || self.match_commits(engine, part, until));
            if changes >= AT_ONCE {
                tokio::task::yield_now().await;
            }
            if is_last {
                return;
            }
        }
    }

    /// Does a part of it. If that breaks, nothing that is known of the answers is sure any more: all begin anew.
    fn guarded(&self, engine: &Engine, until: u64, body: impl FnOnce()) -> bool {
        let Err(panic) = catch_unwind(AssertUnwindSafe(body)) else { return true };
        tracing::error!(panic = panic_message(&*panic), "matching live queries panicked; they begin anew");
        let mut state = self.state();
        state.position = state.position.max(Some(until));
        state.nodes.all_mut().for_each(|node| node.forget(until));
        drop(state);
        self.reactives.missed(0, until);
        engine.channels().missed(0, engine.clock().now());
        false
    }

    /// Says to whom it concerns what is not told: what is before a batch, and what its transactions did not note.
    fn begin_batch(&self, engine: &Engine, batch: &Batch) {
        let mut state = self.state();
        // Another process has written meanwhile, and told nobody.
        let has_gap = state.position.is_some_and(|position| batch.after > position);
        let generation = if has_gap { 0 } else { batch.generation };
        let stale = state.missed(generation, batch.until);
        drop(state);
        if has_gap {
            self.reactives.missed(0, batch.until);
        }
        // A mere nudge tells of nothing.
        if has_gap || batch.until > batch.after {
            engine.channels().missed(generation, engine.clock().now());
        }
        stale.into_iter().for_each(|key| self.refresh(key));
    }

    /// Matches transactions, the last of which leads to this position.
    fn match_commits(&self, engine: &Engine, commits: Vec<Commit>, until: u64) {
        let mut state = self.state();
        let touched = touched(&state, &commits);
        state.nodes.warm(touched.iter().map(|touch| touch.place));
        let mut rest = touched.as_slice();
        let (mut stale, mut all) = (Vec::new(), Vec::with_capacity(commits.len()));
        for (number, Commit { seq, changes }) in (0..).zip(commits) {
            let (mine, others) = rest.split_at(rest.partition_point(|touch| touch.commit <= number));
            rest = others;
            let changes: Vec<Arc<RowChange>> = changes.into_iter().map(Arc::new).collect();
            for touches in mine.chunk_by(|one, other| one.place == other.place) {
                let Some(node) = state.nodes.at(touches[0].place) else { continue };
                let is_stale = match touches {
                    // Most write one document.
                    _ if touches.len() == changes.len() => node.apply(engine, seq, &changes),
                    _ => {
                        let those = touches.iter().map(|touch| Arc::clone(&changes[touch.change as usize]));
                        node.apply(engine, seq, &those.collect::<Vec<_>>())
                    }
                };
                if is_stale {
                    stale.push(node.asked.key);
                }
            }
            all.push(changes);
        }
        // A mere nudge is of no position.
        if until > 0 {
            state.position = state.position.max(Some(until));
        }
        drop(state);
        stale.into_iter().for_each(|key| self.refresh(key));
        let (channels, now) = (engine.channels(), engine.clock().now());
        all.iter().flatten().for_each(|change| channels.changed(change, now));
    }

    /// Notices what other processes have written, of which nobody is told.
    pub(super) async fn look_round(&self, engine: &Engine, batches: &mut UnboundedReceiver<Waiting>) {
        let known = self.state().position;
        let Ok(position) = engine.store().position().await else { return };
        if known.is_none_or(|known| position <= known) {
            return;
        }
        // What this process has just committed is about to be told.
        match tokio::time::timeout(PAUSE, batches.recv()).await {
            Ok(Some(waiting)) => self.take_in(engine, waiting).await,
            Ok(None) => {}
            Err(_) => {
                let until = position;
                let batch = Batch { after: until, until, generation: u64::MAX, commits: Vec::new() };
                self.take_in_batch(engine, batch).await;
            }
        }
    }
}

/// A change that may concern a query.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Touch {
    commit: u32,
    place: Place,
    change: u32,
}

/// What may concern whom, commit by commit.
fn touched(state: &Standings, commits: &[Commit]) -> Vec<Touch> {
    let mut touched = Vec::with_capacity(commits.len());
    candidates(&state.models, commits, |commit, change, place| touched.push(Touch { commit, place, change }));
    // A place may come twice, for one row and for both.
    touched.sort_unstable();
    touched.dedup();
    touched
}

/// Calls `found` for the changes that may concern somebody, by the numbers of the commit and of the change in it; in no order.
pub(super) fn candidates<K: Copy + Ord>(
    models: &HashMap<&'static str, Index<K>>,
    commits: &[Commit],
    mut found: impl FnMut(u32, u32, K),
) {
    let changes = (0..).zip(commits).flat_map(|(commit, Commit { changes, .. })| {
        (0..).zip(changes).map(move |(number, change)| ((commit, number), change))
    });
    let mut changes: Vec<((u32, u32), &RowChange)> = changes.collect();
    // Those of one model are looked up together.
    changes.sort_by_key(|(_, change)| std::ptr::from_ref(change.shape));
    for changes in changes.chunk_by(|(_, one), (_, other)| std::ptr::eq(one.shape, other.shape)) {
        let Some(index) = models.get(changes[0].1.shape.path.as_str()) else { continue };
        let rows = changes.iter().flat_map(|&(at, change)| {
            let rows = [&change.old, &change.new].into_iter().flatten();
            rows.map(move |row| (at, row))
        });
        index.candidates(rows, |(commit, change), key| found(commit, change, key));
    }
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use std::time::Duration;

    use modeller::Model;
    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};
    use serde_json::json;
    use validator::Validate;

    use super::*;
    use crate::engine::{Arguments, Clock, Operation, Records as _};
    use crate::live::query::LiveEvent;
    use crate::registry::Registry;
    use crate::store::sqlite::{Sqlite, SqliteOptions};
    use crate::store::{Apply, Watcher as _};

    #[derive(Clone, Serialize, Deserialize, JsonSchema, Validate, Model)]
    #[model(scope = "test", name = "matched", crate = crate)]
    struct Matched {
        name: String,
    }

    #[tokio::test]
    async fn a_batch_that_does_not_know_of_a_query_makes_that_one_begin_anew_and_no_other() {
        let registry = Registry::of(&[Matched::descriptor()]).unwrap();
        let store = Sqlite::open(SqliteOptions::memory()).unwrap();
        let engine = Engine::new(registry, Arc::new(store), Clock::system());
        engine.migrate(Apply::Safe).await.unwrap();
        let (cx, queries) = (engine.cx(), Queries::of(&engine));
        let subscribe = async |name: &str| {
            let arguments = Arguments::Json(json!({ "query": { "name": name } }));
            let shape = Matched::descriptor().shape();
            queries.subscribe(&cx, shape, Operation::List, arguments, None).await.unwrap()
        };
        // Whoever comes first leaves a place that another one takes.
        drop(subscribe("gone").await);
        let mut before = subscribe("before").await;
        let generation = queries.feed.generation();
        let mut later = subscribe("later").await;
        Matched::insert(&cx, Matched { name: "another".into() }).await.unwrap();
        queries.settle(&engine).await.unwrap();
        let after = engine.store().position().await.unwrap();
        queries.feed.committed(Batch { after, until: after, generation, commits: Vec::new() });
        // More of them than are matched at once.
        let names = ["before", "later"].into_iter().cycle().take(3 * AT_ONCE);
        for name in names {
            Matched::insert(&cx, Matched { name: name.into() }).await.unwrap();
        }
        let wait = Duration::from_secs(30);
        let told = tokio::time::timeout(wait, before.next()).await.unwrap();
        assert!(matches!(&told, LiveEvent::Changes(text) if text.contains("enter")), "{told:?}");
        assert!(matches!(tokio::time::timeout(wait, later.next()).await.unwrap(), LiveEvent::Reset(_)));
        queries.settle(&engine).await.unwrap();
        assert_eq!(before.setbacks().1, 0);
    }
}
