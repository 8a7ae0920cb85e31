//! Which standing filters may match a row, without a look at each of them.
//!
//! Filters are grouped by their [form](plan::Form): which columns they compare for equality, and of which column they want a
//! range. One lookup a form finds those whose values the row has, however many others there are. A filter without such a
//! condition stands in a list that every row goes through.

use std::collections::{BTreeSet, HashMap};
use std::hash::BuildHasherDefault;

use crate::model::{Cell, Row, RowView as _, Shape};
use crate::query::{Filter, Path, json};

use self::intervals::{Interval, Intervals};
use self::keys::Keys;
use self::plan::{By, Form, Place};
use self::value::{AsIs, EMPTY, Seed, chain};

mod intervals;
mod keys;
mod plan;
mod value;

#[cfg(test)]
mod tests;

/// How many forms there may be besides the plain ones (one column each), so that nobody makes writes slow by thinking of
/// new ones.
const FORMS: usize = 16;
/// How many of them may look inside JSON.
const INSIDE: usize = 6;
/// The hashes of as many columns are worked out once a row.
const REMEMBERED: usize = 32;
/// So many forms are looked up side by side.
const AT_ONCE: usize = 8;

/// Which standing filters of one model may match a row.
pub struct Index<K> {
    shape: &'static Shape,
    seed: Seed,
    forms: Vec<Group<K>>,
    /// Those that nothing is known of.
    others: BTreeSet<K>,
    len: usize,
}

/// The filters of one form, by the hash of what they compare for equality.
struct Group<K> {
    form: Form,
    filed: Filed<K>,
}

type Map<V> = HashMap<u64, V, BuildHasherDefault<AsIs>>;

enum Filed<K> {
    Equal(Map<Keys<K>>),
    Ranged(Map<Intervals<K>>),
}

/// What is filed under one hash.
enum Here<'a, K> {
    Equal(&'a Keys<K>),
    Ranged(&'a Intervals<K>),
}

impl<K> Clone for Here<'_, K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K> Copy for Here<'_, K> {}

impl<K: Copy + Ord> Index<K> {
    /// For the filters of this model.
    pub fn new(shape: &'static Shape) -> Self {
        Index { shape, seed: Seed::new(), forms: Vec::new(), others: BTreeSet::new(), len: 0 }
    }

    /// Files a filter under a key that is not there yet. One that no row fulfils is not kept.
    pub fn insert(&mut self, key: K, filter: &Filter) {
        let branches = plan::branches(self.shape, filter, &self.seed);
        // One branch of which nothing is known brings the key before each row already.
        let known =
            if branches.iter().all(|branch| !branch.is_empty()) { branches } else { vec![Vec::new()] };
        let mut is_new = false;
        for branch in &known {
            is_new |= match branch.iter().find_map(|place| Some((self.group(&place.form)?, place))) {
                Some((group, place)) => self.forms[group].filed.insert(place, key),
                None => self.others.insert(key),
            };
        }
        self.len += usize::from(is_new);
    }

    /// Takes out a key and the filter that it was filed with. Nothing happens if it is not there.
    pub fn remove(&mut self, key: K, filter: &Filter) {
        let branches = plan::branches(self.shape, filter, &self.seed);
        let mut removed = self.others.remove(&key);
        // Where it was filed depends on which forms there were: it is looked for everywhere.
        for place in branches.iter().flatten() {
            if let Some(at) = self.forms.iter().position(|group| group.form == place.form) {
                let filed = &mut self.forms[at].filed;
                removed |= filed.remove(place, key);
                if filed.is_empty() {
                    self.forms.swap_remove(at);
                }
            }
        }
        self.len = self.len.saturating_sub(removed.into());
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Calls `found` at least once for each key whose filter matches the row, and for few others. Whether it does match is
    /// [`Filter::matches`]'s to say; a key may come twice.
    pub fn candidates(&self, row: &Row, mut found: impl FnMut(K)) {
        let mut hashes =
            Hashes { shape: self.shape, seed: &self.seed, row, known: 0, hashes: [0; REMEMBERED] };
        for groups in self.forms.chunks(AT_ONCE) {
            // First all places that memory has to be waited for, and then what is there: the waits overlap.
            let mut wanted = [EMPTY; AT_ONCE];
            for (group, wanted) in groups.iter().zip(&mut wanted) {
                if let By::Columns(columns) = &group.form.by {
                    *wanted = columns.iter().fold(EMPTY, |hash, &column| chain(hash, hashes.of(column)));
                }
            }
            let mut here = [None; AT_ONCE];
            for ((group, wanted), here) in groups.iter().zip(wanted).zip(&mut here) {
                if let By::Columns(_) = group.form.by {
                    *here = group.filed.get(wanted);
                }
            }
            for (group, here) in groups.iter().zip(here) {
                match (&group.form.by, here) {
                    (By::Inside(path), _) => self.look_inside(group, path, row, &mut found),
                    (By::Columns(_), Some(here)) => self.look(group, here, row, &mut found),
                    (By::Columns(_), None) => {}
                }
            }
        }
        self.others.iter().copied().for_each(found);
    }

    /// Those of a form whose value, or one element of it, is inside JSON.
    fn look_inside(&self, group: &Group<K>, path: &Path, row: &Row, found: &mut impl FnMut(K)) {
        let Cell::Text(text) = row.cell(path.column) else { return };
        let json = json::find(text, &path.steps);
        let elements = json.as_array().map_or(std::slice::from_ref(&json), Vec::as_slice);
        for hash in elements.iter().filter_map(|element| self.seed.json(element)) {
            if let Some(here) = group.filed.get(hash) {
                self.look(group, here, row, found);
            }
        }
    }

    /// Those of a form that have one hash.
    fn look(&self, group: &Group<K>, here: Here<'_, K>, row: &Row, found: &mut impl FnMut(K)) {
        match here {
            Here::Equal(keys) => keys.each(found),
            Here::Ranged(intervals) => {
                let Some(column) = group.form.range else { return };
                let cell = row.cell(column);
                // What is absent lies in no range.
                if cell == Cell::Null {
                    return;
                }
                let kind = self.shape.columns.get(column).map(|column| column.kind);
                match kind.and_then(|kind| value::rank(kind, cell)) {
                    Some(point) => intervals.at(point, found),
                    None => intervals.all(found),
                }
            }
        }
    }

    /// Where the filters of this form are; `None` if there are too many forms.
    fn group(&mut self, form: &Form) -> Option<usize> {
        if let Some(at) = self.forms.iter().position(|group| group.form == *form) {
            return Some(at);
        }
        let count =
            |counts: &dyn Fn(&Form) -> bool| self.forms.iter().filter(|group| counts(&group.form)).count();
        let is_inside = |form: &Form| matches!(form.by, By::Inside(_));
        let is_allowed = form.is_plain()
            || (count(&|form| !form.is_plain()) < FORMS && (!is_inside(form) || count(&is_inside) < INSIDE));
        is_allowed.then(|| {
            let filed = match form.range {
                Some(_) => Filed::Ranged(Map::default()),
                None => Filed::Equal(Map::default()),
            };
            self.forms.push(Group { form: form.clone(), filed });
            self.forms.len() - 1
        })
    }
}

impl<K> std::fmt::Debug for Index<K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let forms: Vec<&Form> = self.forms.iter().map(|group| &group.form).collect();
        f.debug_struct("Index")
            .field("model", &self.shape.path)
            .field("len", &self.len)
            .field("forms", &forms)
            .field("others", &self.others.len())
            .finish()
    }
}

impl<K: Copy + Ord> Filed<K> {
    fn get(&self, hash: u64) -> Option<Here<'_, K>> {
        match self {
            Filed::Equal(map) => map.get(&hash).map(Here::Equal),
            Filed::Ranged(map) => map.get(&hash).map(Here::Ranged),
        }
    }

    /// Whether it is new in some place.
    fn insert(&mut self, place: &Place, key: K) -> bool {
        let (low, high) = place.between;
        let mut is_new = false;
        for &hash in &place.hashes {
            is_new |= match self {
                Filed::Equal(map) => match map.get_mut(&hash) {
                    Some(keys) => keys.insert(key),
                    None => map.insert(hash, Keys::One(key)).is_none(),
                },
                Filed::Ranged(map) => {
                    map.entry(hash).or_insert_with(Intervals::new).insert(Interval { low, high, key })
                }
            };
        }
        is_new
    }

    /// Whether it was in some place.
    fn remove(&mut self, place: &Place, key: K) -> bool {
        let (low, high) = place.between;
        let mut removed = false;
        for hash in &place.hashes {
            let (found, is_empty) = match self {
                Filed::Equal(map) => map.get_mut(hash).map_or((false, false), |keys| keys.remove(key)),
                Filed::Ranged(map) => map.get_mut(hash).map_or((false, false), |intervals| {
                    (intervals.remove(&Interval { low, high, key }), intervals.is_empty())
                }),
            };
            removed |= found;
            if is_empty {
                self.drop(*hash);
            }
        }
        removed
    }

    fn drop(&mut self, hash: u64) {
        match self {
            Filed::Equal(map) => {
                map.remove(&hash);
                shrink(map);
            }
            Filed::Ranged(map) => {
                map.remove(&hash);
                shrink(map);
            }
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Filed::Equal(map) => map.is_empty(),
            Filed::Ranged(map) => map.is_empty(),
        }
    }
}

/// Gives room back that is far too much by now.
fn shrink<V>(map: &mut Map<V>) {
    if map.capacity() > 64 && map.len() < map.capacity() / 8 {
        map.shrink_to(map.len() * 2);
    }
}

/// The hashes of a row's cells, each worked out when it is first needed.
struct Hashes<'a> {
    shape: &'a Shape,
    seed: &'a Seed,
    row: &'a Row,
    /// A bit for each column that is worked out.
    known: u32,
    hashes: [u64; REMEMBERED],
}

impl Hashes<'_> {
    fn of(&mut self, column: usize) -> u64 {
        let work_out = || {
            let kind = self.shape.columns.get(column).map(|column| column.kind);
            kind.map_or(EMPTY, |kind| self.seed.cell(kind, self.row.cell(column)))
        };
        let Some(slot) = self.hashes.get_mut(column) else { return work_out() };
        if self.known & (1 << column) == 0 {
            *slot = work_out();
            self.known |= 1 << column;
        }
        *slot
    }
}
