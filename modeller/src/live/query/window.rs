//! The window of a live query with a `count`: the documents that decide what it shows, in their order.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::event::{LiveChange, LiveChangeKind};
use crate::engine::Standing;
use crate::model::{Row, Shape, write_row};
use crate::query;
use crate::store::RowChange;

/// So many documents behind the window are kept too: when one leaves, the next one is at hand.
const SPARE: usize = 32;

/// Something that is shown, be it a row or its JSON.
#[derive(Debug)]
pub(super) struct Shown<T: ?Sized> {
    pub(super) id: Arc<str>,
    pub(super) what: Arc<T>,
}

impl<T: ?Sized> Clone for Shown<T> {
    fn clone(&self) -> Self {
        Shown { id: Arc::clone(&self.id), what: Arc::clone(&self.what) }
    }
}

/// The documents from the first one on, as far as they are known.
#[derive(Clone, Debug, Default)]
pub(super) struct Window {
    rows: Vec<Shown<Row>>,
    /// Whether there are no others behind them.
    is_whole: bool,
}

/// How many documents a window is read with.
pub(super) fn limit(prefix: u64) -> u64 {
    prefix.saturating_add(SPARE as u64)
}

pub(super) fn id_of(row: &Row) -> Arc<str> {
    row[Shape::ID].as_text().unwrap_or_default().into()
}

/// A document as its readers see it.
pub(super) fn json_of(standing: &Standing, row: &Row) -> Arc<str> {
    let mut json = Vec::with_capacity(256);
    write_row(standing.shape, row, &standing.view, &mut json);
    // JSON is always UTF-8.
    String::from_utf8(json).unwrap_or_default().into()
}

impl Window {
    /// Of rows that were read, `limit` of them at most.
    pub(super) fn new(rows: Vec<Row>, limit: u64) -> Self {
        let is_whole = (rows.len() as u64) < limit;
        let rows = rows.into_iter().map(|row| Shown { id: id_of(&row), what: Arc::new(row) }).collect();
        Window { rows, is_whole }
    }

    /// What it shows.
    fn shown(&self, standing: &Standing) -> &[Shown<Row>] {
        let end = usize::try_from(standing.prefix().unwrap_or(u64::MAX)).unwrap_or(usize::MAX);
        let start = usize::try_from(standing.start).unwrap_or(usize::MAX);
        let end = end.min(self.rows.len());
        &self.rows[start.min(end)..end]
    }

    /// The documents that it shows, as JSON.
    pub(super) fn documents(&self, standing: &Standing) -> Vec<Arc<str>> {
        self.shown(standing).iter().map(|kept| json_of(standing, &kept.what)).collect()
    }

    /// Takes in the changes of one transaction. Answers what becomes of what it shows, or `None` if that has to be read anew.
    pub(super) fn apply(
        &mut self,
        standing: &Standing,
        changes: &[Arc<RowChange>],
    ) -> Option<Vec<LiveChange>> {
        let before = self.clone();
        for change in changes {
            self.take_in(standing, change);
        }
        let needed = usize::try_from(standing.prefix().unwrap_or(u64::MAX)).unwrap_or(usize::MAX);
        if self.rows.len() < needed && !self.is_whole {
            // What is read will be told as the difference to what was told last.
            *self = before;
            return None;
        }
        if self.rows.len() > needed.saturating_add(2 * SPARE) {
            self.rows.truncate(needed + SPARE);
            self.is_whole = false;
        }
        let json = |row: &Arc<Row>| json_of(standing, row);
        Some(difference(before.shown(standing), self.shown(standing), json))
    }

    fn take_in(&mut self, standing: &Standing, change: &RowChange) {
        let Some(row) = change.new.as_ref().or(change.old.as_ref()) else { return };
        let id = row[Shape::ID].as_text().unwrap_or_default();
        if let Some(at) = self.rows.iter().position(|kept| &*kept.id == id) {
            self.rows.remove(at);
        }
        let Some(new) = change.new.as_ref().filter(|new| standing.matches(*new)) else { return };
        let at = self.rows.partition_point(|kept| {
            query::compare(standing.shape, &standing.order, &*kept.what, new) == Ordering::Less
        });
        // What comes behind the last known one may come behind others, too.
        if at < self.rows.len() || self.is_whole {
            self.rows.insert(at, Shown { id: id.into(), what: Arc::new(new.clone()) });
        }
    }

    /// Becomes another one that was read anew, and answers what that changes.
    pub(super) fn replace(&mut self, standing: &Standing, with: Window) -> Vec<LiveChange> {
        let before = std::mem::replace(self, with);
        difference(before.shown(standing), self.shown(standing), |row| json_of(standing, row))
    }
}

/// What makes one list of the other.
pub(super) fn difference<T: PartialEq + ?Sized>(
    before: &[Shown<T>],
    after: &[Shown<T>],
    json: impl Fn(&Arc<T>) -> Arc<str>,
) -> Vec<LiveChange> {
    let ids: HashSet<&str> = after.iter().map(|kept| &*kept.id).collect();
    let known: HashMap<&str, &Shown<T>> = before.iter().map(|kept| (&*kept.id, kept)).collect();
    let mut changes = Vec::new();
    let mut now: Vec<&str> = Vec::with_capacity(before.len());
    for kept in before {
        match ids.contains(&*kept.id) {
            true => now.push(&kept.id),
            false => changes.push(LiveChange {
                kind: LiveChangeKind::Leave,
                id: Arc::clone(&kept.id),
                document: None,
                index: None,
            }),
        }
    }
    for (index, kept) in after.iter().enumerate() {
        let id = &*kept.id;
        let is_there = now.get(index) == Some(&id);
        let kind = match known.get(id) {
            None => LiveChangeKind::Enter,
            Some(_) if !is_there => LiveChangeKind::Move,
            Some(old) if old.what != kept.what => LiveChangeKind::Update,
            Some(_) => continue,
        };
        if !is_there {
            if kind == LiveChangeKind::Move
                && let Some(at) = now.iter().position(|other| *other == id)
            {
                now.remove(at);
            }
            now.insert(index, id);
        }
        let (id, document) = (Arc::clone(&kept.id), Some(json(&kept.what)));
        changes.push(LiveChange { kind, id, document, index: Some(index) });
    }
    changes
}

/// What makes one set of the other.
pub(super) fn difference_of_sets<T: PartialEq + ?Sized>(
    before: &[Shown<T>],
    after: &[Shown<T>],
    json: impl Fn(&Arc<T>) -> Arc<str>,
) -> Vec<LiveChange> {
    let mut gone: HashMap<&str, &Shown<T>> = before.iter().map(|shown| (&*shown.id, shown)).collect();
    let mut changes = Vec::new();
    for shown in after {
        let kind = match gone.remove(&*shown.id) {
            None => LiveChangeKind::Enter,
            Some(old) if old.what != shown.what => LiveChangeKind::Update,
            Some(_) => continue,
        };
        let (id, document) = (Arc::clone(&shown.id), Some(json(&shown.what)));
        changes.push(LiveChange { kind, id, document, index: None });
    }
    let leaves = before.iter().filter(|shown| gone.contains_key(&*shown.id));
    changes.extend(leaves.map(|shown| LiveChange {
        kind: LiveChangeKind::Leave,
        id: Arc::clone(&shown.id),
        document: None,
        index: None,
    }));
    changes
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use modeller::Model;
    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};
    use serde_json::json;
    use std::sync::Arc;
    use validator::Validate;

    use super::*;
    use crate::engine::{Arguments, Clock, Engine, Operation, Records as _};
    use crate::registry::Registry;
    use crate::store::sqlite::{Sqlite, SqliteOptions};
    use crate::store::{Apply, ChangeOp};

    #[derive(Clone, Serialize, Deserialize, JsonSchema, Validate, Model)]
    #[model(scope = "test", name = "framed", crate = crate)]
    struct Framed {
        at: i64,
    }

    fn change(old: Option<&Row>, new: Option<&Row>) -> Arc<RowChange> {
        let op = if new.is_some() { ChangeOp::Insert } else { ChangeOp::Delete };
        let shape = Framed::descriptor().shape();
        Arc::new(RowChange { shape, op, old: old.cloned(), new: new.cloned() })
    }

    #[tokio::test]
    async fn a_window_that_has_let_documents_go_knows_that_there_are_others() {
        const SHOWN: usize = 2;
        let registry = Registry::of(&[Framed::descriptor()]).unwrap();
        let engine =
            Engine::new(registry, Arc::new(Sqlite::open(SqliteOptions::memory()).unwrap()), Clock::system());
        engine.migrate(Apply::Safe).await.unwrap();
        let cx = engine.cx();
        let arguments = Arguments::Json(json!({ "sort": "at", "count": SHOWN }));
        let shape = Framed::descriptor().shape();
        let standing = Standing::parse(&cx, shape, Operation::List, arguments).await.unwrap();
        let all = i64::try_from(SHOWN + 2 * SPARE + 1).unwrap();
        Framed::insert_many(&cx, (0..all).map(|at| Framed { at }).collect()).await.unwrap();
        let (_, rows) = standing.read(&engine, None).await.unwrap();
        assert_eq!(rows.len(), SHOWN + 2 * SPARE + 1);

        // It was read when there was nothing, and so it was whole.
        let mut window = Window::new(Vec::new(), limit(SHOWN as u64));
        for row in &rows {
            assert!(window.is_whole);
            assert!(window.apply(&standing, &[change(None, Some(row))]).is_some());
        }
        assert_eq!(window.rows.len(), SHOWN + SPARE);
        for row in &rows[..SPARE] {
            let changes = window.apply(&standing, &[change(Some(row), None)]).unwrap();
            assert_eq!(changes.len(), 2, "one goes, and the next one comes");
        }
        assert_eq!(window.documents(&standing).len(), SHOWN);
        let told = window.apply(&standing, &[change(Some(&rows[SPARE]), None)]);
        assert!(told.is_none(), "what comes next is not known, and has to be read");
    }
}
