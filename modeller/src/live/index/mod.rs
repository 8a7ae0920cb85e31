//! Which standing filters may match a row, without a look at each of them.
//!
//! Filters are grouped by their [form](plan::Form): which columns they compare for equality, and of which column they want a
//! range. One lookup a form finds those whose values the row has, however many others there are. A filter without such a
//! condition stands in a list that every row goes through.

use std::collections::{BTreeSet, HashMap};
use std::hash::BuildHasherDefault;

use crate::model::{Cell, Row, RowView as _, Shape};
use crate::query::{Filter, json};

use self::buckets::Buckets;
use self::intervals::{Interval, Intervals, Node};
use self::plan::{By, Form, Place};
use self::value::{AsIs, EMPTY, Seed, chain};

mod buckets;
mod intervals;
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
/// So many places are looked at side by side.
const AT_ONCE: usize = 48;
/// As many of them are kept free for where others lead to.
const SPARE: usize = 16;

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

enum Filed<K> {
    Equal(Buckets<K>),
    Ranged(Map<K>),
}

type Map<K> = HashMap<u64, Intervals<K>, BuildHasherDefault<AsIs>>;

/// Where keys may be that are wanted.
#[derive(Clone, Copy)]
enum Wanted<'a, K> {
    /// Those under this hash.
    Equal(&'a Buckets<K>, u64),
    /// Those that hold this point.
    Ranged(&'a Node<K>, u64),
}

/// What is wanted, and of which row. To look at any of it is to wait for memory: all are reached for before the first is looked at, so
/// that the waits overlap.
struct Batch<'a, K, T> {
    wanted: [Option<(T, Wanted<'a, K>)>; AT_ONCE],
    len: usize,
}

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

    /// Calls `found` at least once for each of the rows and each key whose filter matches it, and for few others. Whether it does match
    /// is [`Filter::matches`]'s to say; a key may come twice. What a row goes by says which one is meant. Several rows at once cost less
    /// than each by itself.
    pub fn candidates<'r, T: Copy>(
        &self,
        rows: impl IntoIterator<Item = (T, &'r Row)>,
        mut found: impl FnMut(T, K),
    ) {
        let mut batch = Batch { wanted: [None; AT_ONCE], len: 0 };
        for (name, row) in rows {
            let mut hashes =
                Hashes { shape: self.shape, seed: &self.seed, row, known: 0, hashes: [0; REMEMBERED] };
            for group in &self.forms {
                let mut want = |hash| self.want(group, hash, name, row, &mut batch, &mut found);
                match &group.form.by {
                    By::Columns(columns) => {
                        want(columns.iter().fold(EMPTY, |hash, &column| chain(hash, hashes.of(column))));
                    }
                    // The value, or one element of it, is inside JSON.
                    By::Inside(path) => {
                        let Cell::Text(text) = row.cell(path.column) else { continue };
                        let json = json::find(text, &path.steps);
                        let elements = json.as_array().map_or(std::slice::from_ref(&json), Vec::as_slice);
                        elements.iter().filter_map(|element| self.seed.json(element)).for_each(want);
                    }
                }
            }
            self.others.iter().for_each(|&key| found(name, key));
        }
        batch.look(&mut found);
    }

    /// Adds where those of a form are that have one hash.
    fn want<'a, T: Copy>(
        &'a self,
        group: &'a Group<K>,
        hash: u64,
        name: T,
        row: &Row,
        batch: &mut Batch<'a, K, T>,
        found: &mut impl FnMut(T, K),
    ) {
        match &group.filed {
            Filed::Equal(buckets) => batch.add((name, Wanted::Equal(buckets, hash)), found),
            Filed::Ranged(map) => {
                let Some((intervals, column)) = map.get(&hash).zip(group.form.range) else { return };
                let cell = row.cell(column);
                // What is absent lies in no range.
                if cell == Cell::Null {
                    return;
                }
                let kind = self.shape.columns.get(column).map(|column| column.kind);
                match (kind.and_then(|kind| value::rank(kind, cell)), intervals) {
                    (Some(point), Intervals::Tree(root)) => {
                        batch.add((name, Wanted::Ranged(root, point)), found);
                    }
                    (Some(point), Intervals::One(one)) if !one.holds(point) => {}
                    _ => intervals.all(&mut |key| found(name, key)),
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
                None => Filed::Equal(Buckets::new()),
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
    /// Whether it is new in some place.
    fn insert(&mut self, place: &Place, key: K) -> bool {
        let (low, high) = place.between;
        let mut is_new = false;
        for &hash in &place.hashes {
            is_new |= match self {
                Filed::Equal(buckets) => buckets.insert(hash, key),
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
            removed |= match self {
                Filed::Equal(buckets) => buckets.remove(*hash, key),
                Filed::Ranged(map) => {
                    let Some(intervals) = map.get_mut(hash) else { continue };
                    let removed = intervals.remove(&Interval { low, high, key });
                    if intervals.is_empty() {
                        map.remove(hash);
                        shrink(map);
                    }
                    removed
                }
            };
        }
        removed
    }

    fn is_empty(&self) -> bool {
        match self {
            Filed::Equal(buckets) => buckets.is_empty(),
            Filed::Ranged(map) => map.is_empty(),
        }
    }
}

/// Gives room back that is far too much by now.
fn shrink<K>(map: &mut Map<K>) {
    if map.capacity() > 64 && map.len() < map.capacity() / 8 {
        map.shrink_to(map.len() * 2);
    }
}

impl<'a, K: Copy + Ord, T: Copy> Batch<'a, K, T> {
    fn add(&mut self, wanted: (T, Wanted<'a, K>), found: &mut impl FnMut(T, K)) {
        if self.len == AT_ONCE - SPARE {
            self.look(found);
        }
        self.wanted[self.len] = Some(wanted);
        self.len += 1;
    }

    /// Calls `found` for what is wanted.
    fn look(&mut self, found: &mut impl FnMut(T, K)) {
        let mut fresh: [u8; AT_ONCE] = std::array::from_fn(|at| at as u8);
        let mut count = self.len;
        while count > 0 {
            count = self.descend(&mut fresh, count, found);
        }
        for (name, wanted) in self.wanted[..std::mem::take(&mut self.len)].iter().flatten() {
            let mut found = |key| found(*name, key);
            match wanted {
                Wanted::Equal(buckets, hash) => buckets.each(*hash, &mut found),
                Wanted::Ranged(node, point) => node.here(*point, &mut found),
            }
        }
    }

    /// Reaches for what is wanted in so many fresh places, and puts in place of nodes those parts of them in which it is: the places
    /// that are fresh then, and how many.
    fn descend(&mut self, fresh: &mut [u8; AT_ONCE], count: usize, found: &mut impl FnMut(T, K)) -> usize {
        // Nothing depends on what is read here, so that nothing waits for it; and there is so little to do in between that the
        // processor comes to the last of them before it has the first.
        let reach = |&at: &u8| match &self.wanted[usize::from(at)] {
            Some((_, Wanted::Equal(buckets, hash))) => buckets.reach(*hash),
            Some((_, Wanted::Ranged(node, _))) => node.reach(),
            None => 0,
        };
        std::hint::black_box(fresh[..count].iter().fold(0, |reached, at| reached ^ reach(at)));
        let known = std::mem::replace(fresh, [0; AT_ONCE]);
        let mut next = 0;
        for at in known[..count].iter().map(|&at| usize::from(at)) {
            let Some((name, Wanted::Ranged(node, point))) = self.wanted[at] else { continue };
            if !node.is_inner() {
                continue;
            }
            self.wanted[at] = None;
            let mut place = at;
            node.parts(point, &mut |part| match self.wanted.get_mut(place) {
                Some(free) => {
                    *free = Some((name, Wanted::Ranged(part, point)));
                    fresh[next] = place as u8;
                    next += 1;
                    self.len = self.len.max(place + 1);
                    place = self.len;
                }
                None => part.at(point, &mut |key| found(name, key)),
            });
        }
        next
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
