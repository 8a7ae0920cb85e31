//! Going on behind a position: what has become of the answer since, from the change log.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use super::Subscriber;
use super::event::Change;
use super::node::decided;
use crate::model::{Code, Result, Row, Shape};
use crate::store::{Change as Logged, ChangeOp, RowChange};

/// How many changes are looked through, and how many documents; behind that it is cheaper to begin anew.
const MOST_CHANGES: usize = 20_000;
const MOST_DOCUMENTS: usize = 500;

/// The changes of the answer since a position, put together for each document, and the position that they lead to. `None` if that can't
/// be told.
pub(super) async fn missed(subscriber: &Subscriber, from: u64) -> Result<Option<(u64, Vec<Change>)>> {
    let Subscriber { asked, engine, queue, .. } = subscriber;
    let standing = &asked.standing;
    let model = &[standing.shape.path.as_str()];
    // Of these a row says too little: either nothing has changed in any of the models, or they are told as a whole.
    if standing.figures.is_some() || standing.is_related() {
        let watched = standing.watched(None);
        // What expires is hidden before the log says so.
        if standing.is_related() && watched.iter().any(|(shape, _)| shape.expires_at.is_some()) {
            return Ok(None);
        }
        let shown = subscriber.answer().await?.0;
        let models: Vec<&str> = watched.iter().map(|(shape, _)| shape.path.as_str()).collect();
        let log = changes(subscriber, from, &models).await?;
        let same = shown >= from && log.is_some_and(|log| log.is_empty());
        return Ok(same.then_some((shown, Vec::new())));
    }
    // A window begins with what it shows now: either nothing has changed in it, or it is told as a whole.
    let shown = match standing.count {
        Some(_) => Some(subscriber.answer().await?.0),
        None => None,
    };
    if shown.is_none() {
        queue.prepare();
    }
    let Some(mut log) = changes(subscriber, from, model).await? else { return Ok(None) };
    // A document that is changed while this goes on is read again.
    for _ in 0..4 {
        let ids: Vec<&str> = log.keys().map(String::as_str).collect();
        if ids.len() > MOST_DOCUMENTS {
            return Ok(None);
        }
        let (position, rows) = match standing.read_ids(engine, &ids).await {
            // So many documents are too large to be told.
            Err(error) if error.is(Code::InvalidQuery) => return Ok(None),
            read => read?,
        };
        let Some(again) = changes(subscriber, from, model).await? else { return Ok(None) };
        let complete = again
            .iter()
            .all(|(id, changes)| log.contains_key(id) || changes.iter().all(|change| change.seq > position));
        log = again;
        if !complete {
            continue;
        }
        let mut rows: HashMap<String, Row> = rows
            .into_iter()
            .map(|row| (row[Shape::ID].as_text().unwrap_or_default().to_owned(), row))
            .collect();
        // What a window shows may be older than what was read just now, and what has come since is told by itself: a document that came
        // before and has left since is shown.
        let until = shown.unwrap_or(position);
        let mut changed = Vec::new();
        for (id, changes) in &log {
            let now = rows.remove(id);
            let new = before(now.clone(), changes, until + 1..=position).unwrap_or(now);
            let Some(old) = before(new.clone(), changes, from + 1..=until) else { continue };
            changed.push(RowChange { shape: standing.shape, op: ChangeOp::Update, old, new });
        }
        let decide = |change| Some(Change::Row(decided(standing, &change)?, Arc::new(change)));
        let changes: Vec<Change> = changed.into_iter().filter_map(decide).collect();
        if let Some(shown) = shown {
            // Another process may have told of more than is known here yet.
            let same = changes.is_empty() && (from..=position).contains(&shown);
            return Ok(same.then_some((shown, changes)));
        }
        queue.start(position);
        return Ok(Some((position, changes)));
    }
    Ok(None)
}

/// The log of some models since a position, by document; `None` if it does not reach back that far, or is too long.
async fn changes(
    subscriber: &Subscriber,
    from: u64,
    models: &[&str],
) -> Result<Option<HashMap<String, Vec<Logged>>>> {
    let log = match subscriber.engine.store().changes(from, MOST_CHANGES).await {
        Ok(log) => log,
        Err(error) if error.is(Code::InvalidCursor) => return Ok(None),
        Err(error) => return Err(error),
    };
    if log.len() >= MOST_CHANGES {
        return Ok(None);
    }
    let mut by_id: HashMap<String, Vec<Logged>> = HashMap::new();
    for change in log {
        if models.contains(&change.model.as_str()) {
            by_id.entry(change.id.clone()).or_default().push(change);
        }
    }
    Ok(Some(by_id))
}

/// The row before those of these changes that are from these positions, the last of which led to `row`. `None` if there are none of them.
fn before(mut row: Option<Row>, changes: &[Logged], from: RangeInclusive<u64>) -> Option<Option<Row>> {
    let mut any = false;
    for change in changes.iter().rev().filter(|change| from.contains(&change.seq)) {
        any = true;
        row = match change.op {
            ChangeOp::Insert => None,
            ChangeOp::Delete => Some(Row(change.old.iter().map(|(_, value)| value.clone()).collect())),
            ChangeOp::Update => row.map(|mut row| {
                for (index, value) in &change.old {
                    if let Some(cell) = row.0.get_mut(*index) {
                        cell.clone_from(value);
                    }
                }
                row
            }),
        };
    }
    any.then_some(row)
}
