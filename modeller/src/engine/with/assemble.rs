//! The pieces put together: each document with what belongs to it.

use super::rows::Children;
use super::{Level, With};
use crate::engine::read::JsonRows;
use crate::engine::scope::MAX_BYTES;

/// The rows' JSON with all levels in it; `None` if that is larger than an answer may be.
pub(super) fn json(rows: &JsonRows, with: &[With], levels: &[Level]) -> Option<Vec<u8>> {
    let members: Vec<Members<'_>> = with.iter().map(Members::of).collect();
    let mut writer = Writer { out: Vec::with_capacity(rows.written() * 2), is_full: false };
    let list = rows.is_list();
    if list {
        writer.out.push(b'[');
    }
    let documents = usize::try_from(rows.rows()).unwrap_or(usize::MAX);
    for index in 0..documents {
        if index > 0 {
            writer.out.push(b',');
        }
        writer.document(rows.document(index), &members, levels, index);
    }
    if list {
        writer.out.push(b']');
    } else if documents == 0 {
        writer.out.extend_from_slice(b"null");
    }
    (!writer.is_full).then_some(writer.out)
}

/// Each of the rows' documents by itself with all levels in it; `None` if they are larger than an answer may be.
#[cfg(feature = "live")]
pub(super) fn each(rows: &JsonRows, with: &[With], levels: &[Level]) -> Option<Vec<Vec<u8>>> {
    let members: Vec<Members<'_>> = with.iter().map(Members::of).collect();
    let documents = usize::try_from(rows.rows()).unwrap_or(usize::MAX);
    let (mut all, mut bytes) = (Vec::with_capacity(documents), 0);
    for index in 0..documents {
        let mut writer = Writer { out: Vec::new(), is_full: false };
        writer.document(rows.document(index), &members, levels, index);
        bytes += writer.out.len();
        if writer.is_full || bytes > MAX_BYTES {
            return None;
        }
        all.push(writer.out);
    }
    Some(all)
}

/// A relation with the names of its members as JSON.
struct Members<'w> {
    with: &'w With,
    /// `,"comments":`
    name: String,
    /// `,"commentsAggregate":`
    totals: String,
    below: Vec<Members<'w>>,
}

impl<'w> Members<'w> {
    fn of(with: &'w With) -> Self {
        let name = &with.relation.name;
        let member = |name: String| format!(",{}:", serde_json::Value::from(name));
        Members {
            with,
            name: member(name.clone()),
            totals: member(format!("{name}Aggregate")),
            below: with.with.iter().map(Members::of).collect(),
        }
    }
}

struct Writer {
    out: Vec<u8>,
    is_full: bool,
}

impl Writer {
    /// A document that is written already, with what belongs to it before its closing brace.
    fn document(&mut self, written: &[u8], members: &[Members<'_>], levels: &[Level], index: usize) {
        self.is_full |= self.out.len() > MAX_BYTES;
        if self.is_full {
            return;
        }
        let Some((_, open)) = written.split_last() else { return };
        self.out.extend_from_slice(open);
        for (member, level) in members.iter().zip(levels) {
            self.out.extend_from_slice(member.name.as_bytes());
            self.related(member, level, index);
            if let Some(totals) = &member.with.totals {
                self.out.extend_from_slice(member.totals.as_bytes());
                let sums = level.keys.of(index).iter().map(|&number| &level.rows.sums[number as usize]);
                totals.write(sums, &mut self.out);
            }
        }
        self.out.push(b'}');
    }

    fn related(&mut self, member: &Members<'_>, level: &Level, index: usize) {
        let groups = &level.rows.groups;
        let keys = level.keys.of(index);
        match (member.with.relation.many, keys) {
            (false, keys) => match keys.first().and_then(|&key| groups[key as usize].first()) {
                Some(&child) => self.child(member, level, child),
                None => self.out.extend_from_slice(b"null"),
            },
            (true, [key]) => self.list(member, level, &groups[*key as usize]),
            // The elements of a list, in its order, or in that of the sort.
            (true, keys) => {
                let mut children: Vec<u32> =
                    keys.iter().flat_map(|&key| &groups[key as usize]).copied().collect();
                if !member.with.order.is_empty() {
                    children.sort_unstable();
                }
                self.list(member, level, &children);
            }
        }
    }

    fn list(&mut self, member: &Members<'_>, level: &Level, children: &[u32]) {
        let most = member.with.count.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX));
        self.out.push(b'[');
        for (at, &child) in children.iter().take(most).enumerate() {
            if self.is_full {
                return;
            }
            if at > 0 {
                self.out.push(b',');
            }
            self.child(member, level, child);
        }
        self.out.push(b']');
    }

    fn child(&mut self, member: &Members<'_>, level: &Level, child: u32) {
        let rows: &Children = &level.rows;
        let child = child as usize;
        self.document(rows.document(child), &member.below, &level.below, child);
    }
}
