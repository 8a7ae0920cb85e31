//! The related rows, as they come by.

use std::ops::ControlFlow;

use super::keys::{Kept, Keys};
use super::totals::{Sums, Totals};
use super::{With, too_large, too_many};
use crate::model::{Result, RowView, Shape, View, write_row};
use crate::query::limits::MAX_RELATED;
use crate::store::Sink;

/// Writes related rows, and keeps to which keys they belong.
pub(super) struct Children {
    shape: &'static Shape,
    view: View,
    /// The column that is matched, and whether it holds lists.
    target: (usize, bool),
    /// How many documents a key is given.
    most: usize,
    totals: Option<Totals>,
    /// Whether the rows are added up.
    counting: bool,
    /// Whether the rows are written.
    writing: bool,
    pub(super) keys: Keys,
    /// The documents of each key, in the order in which they came.
    pub(super) groups: Vec<Vec<u32>>,
    /// The sums of each key.
    pub(super) sums: Vec<Sums>,
    pub(super) out: Vec<u8>,
    pub(super) kept: Kept,
    /// How many bytes may be written.
    left: usize,
    too_large: bool,
    too_many: bool,
    /// Space for the numbers of a row's keys.
    numbers: Vec<u32>,
}

impl Children {
    /// For these keys. `counting`: the rows that come first are all that belong to them.
    pub(super) fn new(with: &With, keys: Keys, left: usize, counting: bool) -> Box<Self> {
        let link = with.relation.link();
        let values = keys.values().len();
        // Where the keys are elements of a list, each leads to one document, and the list is cut later.
        let most = if with.relation.reverse { with.count } else { None };
        let sums = with.totals.as_ref().map_or_else(Vec::new, |totals| vec![totals.nothing(); values]);
        Box::new(Children {
            shape: link.to,
            view: super::replaced(link.to, with.view.clone(), &with.with),
            target: (link.target, link.to.columns[link.target].array),
            most: most.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX)),
            totals: with.totals.clone(),
            counting: counting && with.totals.is_some(),
            writing: with.count != Some(0),
            keys,
            groups: vec![Vec::new(); values],
            sums,
            out: Vec::with_capacity(4096),
            kept: Kept::of(&with.with),
            left,
            too_large: false,
            too_many: false,
            numbers: Vec::new(),
        })
    }

    /// From now on rows are added up and no more.
    pub(super) fn into_counting(mut self: Box<Self>) -> Box<Self> {
        self.counting = true;
        self.writing = false;
        self
    }

    /// How many bytes were written.
    pub(super) fn written(&self) -> usize {
        self.out.len()
    }

    /// The document with this number, as JSON.
    pub(super) fn document(&self, number: usize) -> &[u8] {
        let begin = number.checked_sub(1).map_or(0, |before| self.kept.ends[before]);
        &self.out[begin..self.kept.ends[number]]
    }

    /// Whether all that was wanted is there.
    pub(super) fn check(&self, with: &With) -> Result<()> {
        if self.too_many {
            return Err(too_many(with, &format!("are more than {MAX_RELATED}")));
        }
        if self.too_large { Err(too_large()) } else { Ok(()) }
    }
}

impl Sink for Children {
    fn row(&mut self, row: &dyn RowView) -> ControlFlow<()> {
        let (target, is_list) = self.target;
        let numbers = &mut self.numbers;
        numbers.clear();
        self.keys.find(is_list, row.cell(target), |number| numbers.push(number));
        if let (Some(totals), true) = (&self.totals, self.counting) {
            for &number in &self.numbers {
                self.sums[number as usize].add(totals, row);
            }
        }
        if !self.writing {
            return ControlFlow::Continue(());
        }
        let document = self.kept.ends.len();
        let mut is_wanted = false;
        for &number in &self.numbers {
            let group = &mut self.groups[number as usize];
            if group.len() < self.most {
                // There are no more than `MAX_RELATED`.
                group.push(document as u32);
                is_wanted = true;
            }
        }
        if !is_wanted {
            return ControlFlow::Continue(());
        }
        self.too_many = document == MAX_RELATED;
        self.too_large = self.out.len() > self.left;
        if self.too_many || self.too_large {
            return ControlFlow::Break(());
        }
        write_row(self.shape, row, &self.view, &mut self.out);
        self.kept.row(row, self.out.len());
        ControlFlow::Continue(())
    }
}
