//! Figures that are kept up to date from the rows that come and go.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::event::{LiveChange, LiveChangeKind};
use super::window::{Shown, difference, difference_of_sets};
use crate::engine::{Figured, Standing};
use crate::model::Row;
use crate::query::aggregate::{GroupKey, Running, Unsettled};
use crate::store::RowChange;

/// Figures, as they are told.
#[derive(Debug)]
pub(super) struct Figures {
    /// What they are worked out from; `None` if they are read anew each time.
    running: Option<Running>,
    told: Told,
}

/// Groups by their keys.
type Groups = HashMap<Vec<GroupKey>, Arc<Row>>;

/// What is known to those who are told.
#[derive(Debug)]
enum Told {
    /// The groups, in no order.
    Groups(Groups),
    /// All groups, and in their order, of which a page is shown.
    Sorted(Groups, Vec<Arc<Row>>),
    /// What is shown.
    Page(Vec<Arc<Row>>),
}

impl Figures {
    /// Kept up to date from rows.
    pub(super) fn new(standing: &Standing, running: Running) -> Result<Self, Unsettled> {
        let mut rows = HashMap::new();
        for keys in running.groups() {
            let Some(row) = running.answer(keys)? else { continue };
            rows.insert(keys.clone(), Arc::new(row));
        }
        let told = match standing.count {
            None => Told::Groups(rows),
            Some(_) => {
                let mut sorted: Vec<Arc<Row>> = rows.values().cloned().collect();
                sorted.sort_unstable_by(|left, right| running.compare(left, right));
                Told::Sorted(rows, sorted)
            }
        };
        Ok(Figures { running: Some(running), told })
    }

    /// As they were read, in their order.
    pub(super) fn read(rows: Vec<Row>) -> Self {
        Figures { running: None, told: Told::Page(rows.into_iter().map(Arc::new).collect()) }
    }

    /// What is shown, in its order where it has one.
    fn shown(&self, standing: &Standing, figured: &Figured) -> Vec<Shown<Row>> {
        match &self.told {
            Told::Groups(rows) => show(figured, rows.values()),
            Told::Page(rows) => show(figured, rows),
            Told::Sorted(_, rows) => show(figured, &rows[page(standing, rows.len())]),
        }
    }

    /// What is shown, as JSON.
    pub(super) fn documents(&self, standing: &Standing, figured: &Figured) -> Vec<Arc<str>> {
        match (&self.told, &self.running) {
            (Told::Groups(rows), Some(running)) => {
                let mut rows: Vec<&Arc<Row>> = rows.values().collect();
                rows.sort_unstable_by(|left, right| running.compare(left, right));
                rows.into_iter().map(|row| figured.json(row)).collect()
            }
            _ => self.shown(standing, figured).iter().map(|shown| figured.json(&shown.what)).collect(),
        }
    }

    /// Takes in the changes of one transaction. Answers what becomes of what is shown.
    ///
    /// # Errors
    /// If the rows have to be read anew, or there is no answer any more. What was told last is still known.
    pub(super) fn apply(
        &mut self,
        standing: &Standing,
        figured: &Figured,
        changes: &[Arc<RowChange>],
    ) -> Result<Vec<LiveChange>, Unsettled> {
        let running = self.running.as_mut().ok_or(Unsettled::Lost)?;
        let mut touched = HashSet::new();
        for change in changes {
            let belongs = |row: &&Row| standing.matches(*row);
            // First what comes: a value that another one replaces is not missed for a moment.
            if let Some(new) = change.new.as_ref().filter(belongs) {
                touched.insert(running.add(new)?);
            }
            if let Some(old) = change.old.as_ref().filter(belongs) {
                touched.insert(running.remove(old)?);
            }
        }
        let mut answers = Vec::with_capacity(touched.len());
        for keys in touched {
            let answer = running.answer(&keys)?;
            answers.push((keys, answer));
        }
        Ok(match &mut self.told {
            Told::Groups(rows) => told(figured, rows, answers),
            Told::Sorted(rows, sorted) => {
                let places = page(standing, sorted.len());
                let before: Vec<Arc<Row>> = sorted[places].to_vec();
                let mut first = usize::MAX;
                for (keys, answer) in answers {
                    let place = |sorted: &[Arc<Row>], row: &Row| {
                        sorted.partition_point(|known| running.compare(known, row).is_lt())
                    };
                    if let Some(old) = rows.remove(&keys) {
                        let at = place(sorted, &old);
                        sorted.remove(at);
                        first = first.min(at);
                    }
                    let Some(row) = answer.map(Arc::new) else { continue };
                    let at = place(sorted, &row);
                    sorted.insert(at, Arc::clone(&row));
                    first = first.min(at);
                    rows.insert(keys, row);
                }
                let places = page(standing, sorted.len());
                // What changes behind the page changes nothing in it.
                if first >= places.end && before.len() == places.len() {
                    return Ok(Vec::new());
                }
                let (before, after) = (show(figured, &before), show(figured, &sorted[places]));
                difference(&before, &after, |row| figured.json(row))
            }
            Told::Page(_) => return Err(Unsettled::Lost),
        })
    }

    /// Becomes others that were read anew, and answers what that changes.
    pub(super) fn replace(
        &mut self,
        standing: &Standing,
        figured: &Figured,
        with: Figures,
    ) -> Vec<LiveChange> {
        let before = std::mem::replace(self, with).shown(standing, figured);
        let after = self.shown(standing, figured);
        let json = |row: &Arc<Row>| figured.json(row);
        match standing.count {
            Some(_) => difference(&before, &after, json),
            None => difference_of_sets(&before, &after, json),
        }
    }
}

fn show<'a>(figured: &Figured, rows: impl IntoIterator<Item = &'a Arc<Row>>) -> Vec<Shown<Row>> {
    rows.into_iter().map(|row| Shown { id: figured.key(row), what: Arc::clone(row) }).collect()
}

/// Which places of so many are shown.
fn page(standing: &Standing, rows: usize) -> std::ops::Range<usize> {
    let index = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(rows);
    let end = index(standing.prefix().unwrap_or(u64::MAX));
    index(standing.start).min(end)..end
}

/// Takes in what becomes of some groups, and tells what is another one.
fn told(figured: &Figured, rows: &mut Groups, answers: Vec<(Vec<GroupKey>, Option<Row>)>) -> Vec<LiveChange> {
    let mut changes = Vec::new();
    for (keys, answer) in answers {
        let kind = match (rows.get(&keys), &answer) {
            (Some(old), Some(new)) if **old == *new => continue,
            (Some(_), Some(_)) => LiveChangeKind::Update,
            (None, Some(_)) => LiveChangeKind::Enter,
            (Some(_), None) => LiveChangeKind::Leave,
            (None, None) => continue,
        };
        let before = match answer {
            Some(row) => {
                let (id, document) = (figured.key(&row), Some(figured.json(&row)));
                changes.push(LiveChange { kind, id, document, index: None });
                rows.insert(keys, Arc::new(row));
                continue;
            }
            None => rows.remove(&keys),
        };
        let Some(before) = before else { continue };
        changes.push(LiveChange { kind, id: figured.key(&before), document: None, index: None });
    }
    changes
}
