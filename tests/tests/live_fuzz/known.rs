//! What a client knows of an answer, by what it was told: everything has to make sense, one after the other.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value as Json;

use super::queries::{ACCOUNTS, BALANCE, Query};

/// What went wrong: the kinds that are counted, and the first ones in words.
#[derive(Debug, Default)]
pub struct Faults {
    pub missing: AtomicU64,
    pub duplicate: AtomicU64,
    pub out_of_order: AtomicU64,
    pub other: AtomicU64,
    pub told: Mutex<Vec<String>>,
}

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    Missing,
    Duplicate,
    OutOfOrder,
    Other,
}

impl Faults {
    pub fn add(&self, fault: Fault, told: String) {
        let counter = match fault {
            Fault::Missing => &self.missing,
            Fault::Duplicate => &self.duplicate,
            Fault::OutOfOrder => &self.out_of_order,
            Fault::Other => &self.other,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        let mut all = self.told.lock().unwrap();
        if all.len() < 10 {
            all.push(format!("{fault:?}: {told}"));
        }
    }

    /// # Panics
    /// If there are any.
    pub fn none(&self, context: impl Fn() -> String) {
        let all = self.told.lock().unwrap();
        assert!(all.is_empty(), "{}\n{}", all.join("\n"), context());
    }
}

/// What has come of asking.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Begun {
    Anew,
    /// Behind the position that was given.
    Resumed,
    /// As a whole, though a position was given.
    Reset,
}

/// An answer as a client knows it.
#[derive(Debug)]
pub struct Known {
    query: Query,
    documents: HashMap<String, Json>,
    /// The documents of a window, in their order.
    order: Vec<String>,
    /// The answer of a query by name.
    answer: Option<Json>,
    pub position: Option<String>,
    seq: u64,
    /// How often something was told.
    pub told: u64,
}

type Checked<T = ()> = Result<T, (Fault, String)>;

fn check(holds: bool, fault: Fault, why: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err((fault, why())) }
}

fn id(json: &Json) -> Checked<String> {
    json["_id"].as_str().map(str::to_owned).ok_or_else(|| (Fault::Other, format!("no _id: {json}")))
}

impl Known {
    pub fn new(query: Query) -> Self {
        Known {
            query,
            documents: HashMap::new(),
            order: Vec::new(),
            answer: None,
            position: None,
            seq: 0,
            told: 0,
        }
    }

    /// Takes the answer to a subscription.
    pub fn begin(&mut self, data: &Json) -> Checked<Begun> {
        self.told += 1;
        if matches!(self.query, Query::Sums(_)) {
            self.answer = Some(data.clone());
            return Ok(Begun::Anew);
        }
        let had_position = self.position.is_some();
        let before = self.move_to(data)?;
        check(self.seq >= before, Fault::OutOfOrder, || format!("begun at {} after {before}", self.seq))?;
        if data["changes"].is_array() {
            check(had_position, Fault::Other, || "changes without a position".to_owned())?;
            self.change(data)?;
            return Ok(Begun::Resumed);
        }
        let is_reset = data["reset"] == true;
        check(is_reset == had_position, Fault::Other, || format!("reset: {is_reset}, not {had_position}"))?;
        self.replace(data)?;
        Ok(if is_reset { Begun::Reset } else { Begun::Anew })
    }

    /// Takes what is told later. Answers whether it was the whole answer.
    pub fn take(&mut self, data: &Json) -> Checked<bool> {
        self.told += 1;
        if matches!(self.query, Query::Sums(_)) {
            let is_new = self.answer.as_ref() != Some(data);
            check(is_new, Fault::Duplicate, || format!("the same answer once more: {data}"))?;
            self.answer = Some(data.clone());
            return Ok(false);
        }
        let before = self.move_to(data)?;
        if data["changes"].is_array() {
            // One transaction is told at once, and each once.
            check(self.seq > before, Fault::OutOfOrder, || format!("{} after {before}", self.seq))?;
            self.change(data)?;
            return Ok(false);
        }
        check(self.seq >= before, Fault::OutOfOrder, || format!("reset to {} after {before}", self.seq))?;
        check(data["reset"] == true, Fault::Other, || "all of it, and no reset".to_owned())?;
        self.replace(data)?;
        Ok(true)
    }

    /// Answers where it was.
    fn move_to(&mut self, data: &Json) -> Checked<u64> {
        let position =
            data["position"].as_str().ok_or_else(|| (Fault::Other, format!("no position: {data}")))?;
        let before = self.seq;
        self.seq = place(position).ok_or_else(|| (Fault::Other, format!("not a position: {position}")))?;
        self.position = Some(position.to_owned());
        Ok(before)
    }

    fn replace(&mut self, data: &Json) -> Checked {
        let documents = data["documents"].as_array().into_iter().flatten();
        self.documents.clear();
        self.order.clear();
        for document in documents {
            let id = id(document)?;
            self.order.push(id.clone());
            let twice = self.documents.insert(id, document.clone());
            check(twice.is_none(), Fault::Duplicate, || format!("twice in one answer: {document}"))?;
        }
        self.hold_together()
    }

    fn change(&mut self, data: &Json) -> Checked {
        for change in data["changes"].as_array().into_iter().flatten() {
            self.apply(change)?;
        }
        self.hold_together()
    }

    fn apply(&mut self, change: &Json) -> Checked {
        let (kind, id) = (change["type"].as_str().unwrap_or_default(), id(change)?);
        let (new, index) = (&change["document"], change["index"].as_u64().map(|index| index as usize));
        let is_window = self.query.window().is_some();
        let old = self.documents.get(&id);
        let there = format!("what is there: {}", old.unwrap_or(&Json::Null));
        match kind {
            "enter" => check(old.is_none(), Fault::Duplicate, || format!("{change}; {there}"))?,
            _ => check(old.is_some(), Fault::Missing, || format!("{change}; {there}"))?,
        }
        if kind == "leave" {
            self.documents.remove(&id);
            self.order.retain(|other| *other != id);
            return Ok(());
        }
        let is_whole = new["_id"] == *id && index.is_some() == is_window;
        check(is_whole, Fault::Other, || format!("not whole: {change}"))?;
        // Somebody else may have come by the same key.
        let is_same = |old: &&Json| old["_createdAt"] == new["_createdAt"] && new["_version"].is_i64();
        if let Some(old) = old.filter(is_same) {
            let (then, now) = (old["_version"].as_i64(), new["_version"].as_i64());
            let is_later = if kind == "move" { then <= now } else { then < now };
            check(is_later, Fault::OutOfOrder, || format!("it is old: {change}; {there}"))?;
        }
        if let Some(index) = index {
            let at = self.order.iter().position(|other| *other == id);
            match kind {
                "update" => {
                    check(at == Some(index), Fault::OutOfOrder, || format!("{change} is at {at:?}"))?;
                }
                _ => {
                    at.map(|at| self.order.remove(at));
                    let fits = index <= self.order.len();
                    check(fits, Fault::OutOfOrder, || format!("{change} behind {}", self.order.len()))?;
                    self.order.insert(index, id.clone());
                }
            }
        }
        let is_known = matches!(kind, "enter" | "update") || (kind == "move" && is_window);
        check(is_known, Fault::Other, || format!("no such change here: {change}"))?;
        self.documents.insert(id, new.clone());
        Ok(())
    }

    /// What holds after each transaction.
    fn hold_together(&self) -> Checked {
        if let Some(window) = self.query.window() {
            let count = self.order.len();
            check(count as u64 <= window.count, Fault::OutOfOrder, || format!("{count} in {window:?}"))?;
            self.in_order(window.sort)?;
        }
        if self.query == Query::accounts() && self.documents.len() as u64 == ACCOUNTS {
            let all: i64 = self.documents.values().filter_map(|account| account["balance"].as_i64()).sum();
            let expected = BALANCE * ACCOUNTS as i64;
            // LIV-18
            check(all == expected, Fault::Missing, || format!("half a transfer: {all} at {}", self.seq))?;
        }
        Ok(())
    }

    /// Whether the window is in the order of its first key, where that is a number that each document has.
    fn in_order(&self, sort: &str) -> Checked {
        let key = sort.split(',').next().unwrap_or_default();
        let name = key.trim_start_matches('-');
        let values: Option<Vec<i64>> =
            self.order.iter().map(|id| self.documents[id][name].as_i64()).collect();
        let Some(mut values) = values else { return Ok(()) };
        if key.starts_with('-') {
            values.reverse();
        }
        check(values.is_sorted(), Fault::OutOfOrder, || format!("by {sort} at {}: {values:?}", self.seq))
    }

    /// What it has is what the query answers; otherwise what is different.
    pub fn compare(&self, truth: &Json) -> Result<(), String> {
        if matches!(self.query, Query::Sums(_)) {
            return match self.answer.as_ref() == Some(truth) {
                true => Ok(()),
                false => Err(format!("{:?}, and not {truth}", self.answer)),
            };
        }
        let truth = truth.as_array().ok_or("the query has no answer")?;
        let ids: Vec<&str> = truth.iter().filter_map(|document| document["_id"].as_str()).collect();
        let mut wrong = Vec::new();
        for (id, document) in ids.iter().zip(truth) {
            match self.documents.get(*id) {
                None => wrong.push(format!("missing: {document}")),
                Some(known) if known != document => wrong.push(format!("{known}, and not {document}")),
                Some(_) => {}
            }
        }
        let more = self.documents.keys().filter(|id| !ids.contains(&id.as_str()));
        wrong.extend(more.map(|id| format!("too many: {}", self.documents[id])));
        if self.query.window().is_some() && wrong.is_empty() && self.order != ids {
            wrong.push(format!("out of order: {:?}, and not {ids:?}", self.order));
        }
        if wrong.is_empty() {
            return Ok(());
        }
        let count = wrong.len();
        wrong.truncate(3);
        Err(format!("at {}, {count} of {}:\n  {}", self.seq, ids.len(), wrong.join("\n  ")))
    }

    /// Where in the change log it is.
    pub fn seq(&self) -> u64 {
        self.seq
    }
}

/// The place in the change log that a position names; only a test may look into it.
fn place(position: &str) -> Option<u64> {
    let digit = |byte: u8| {
        Some(match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'-' => 62,
            b'_' => 63,
            _ => return None,
        })
    };
    // 8 bytes are 64 bits, of the 66 of 11 characters.
    let bits = position
        .bytes()
        .take(11)
        .try_fold(0_u128, |bits, byte| Some((bits << 6) | u128::from(digit(byte)?)))?;
    (position.len() == 32).then_some((bits >> 2) as u64)
}
