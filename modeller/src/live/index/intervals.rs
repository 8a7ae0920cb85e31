//! Intervals, and which of them hold a point: a B+ tree by where they begin, which knows of each part the farthest end.

/// How many parts an inner node has; a bit for each must fit into a number.
const FULL: usize = 64;

/// How many intervals a leaf holds. Leaves are what memory is waited for: a small one is few lines of it.
const LEAF: usize = 16;

/// From one number to another, both included, and what it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Interval<K> {
    pub(super) low: u64,
    pub(super) high: u64,
    pub(super) key: K,
}

/// A set of intervals. A part that lies left of a point and reaches it holds an interval that does, so that the search for those
/// that hold the point goes astray along one path at most.
pub(super) struct Intervals<K> {
    root: Node<K>,
}

/// A node has its numbers in a row: a search looks at them all without waiting for what one says.
pub(super) enum Node<K> {
    Leaf(Vec<Interval<K>>),
    // In a box, as nodes lie side by side, of which most are leaves.
    Inner(Box<Parts<K>>),
}

/// Never empty, and all of one height.
pub(super) struct Parts<K> {
    /// Of each where its first interval begins, and where its farthest one ends.
    ends: Vec<(u64, u64)>,
    nodes: Vec<Node<K>>,
    /// Of each the least interval.
    firsts: Vec<Interval<K>>,
}

impl<K: Copy + Ord> Intervals<K> {
    pub(super) fn new() -> Self {
        Intervals { root: Node::Leaf(Vec::new()) }
    }

    /// Whether it was not there.
    pub(super) fn insert(&mut self, interval: Interval<K>) -> bool {
        let (is_new, split) = self.root.insert(interval);
        if let Some(right) = split {
            let mut parts = Box::new(Parts { ends: Vec::new(), nodes: Vec::new(), firsts: Vec::new() });
            parts.put(0, std::mem::replace(&mut self.root, Node::Leaf(Vec::new())));
            parts.put(1, right);
            self.root = Node::Inner(parts);
        }
        is_new
    }

    /// Whether it was there.
    pub(super) fn remove(&mut self, interval: &Interval<K>) -> bool {
        let removed = self.root.remove(interval);
        while let Node::Inner(parts) = &mut self.root
            && parts.nodes.len() <= 1
        {
            self.root = parts.nodes.pop().unwrap_or(Node::Leaf(Vec::new()));
        }
        removed
    }

    pub(super) fn is_empty(&self) -> bool {
        self.root.len() == 0
    }

    /// Where to look for them.
    pub(super) fn root(&self) -> &Node<K> {
        &self.root
    }
}

impl<K: Copy + Ord> Node<K> {
    fn len(&self) -> usize {
        match self {
            Node::Leaf(intervals) => intervals.len(),
            Node::Inner(parts) => parts.nodes.len(),
        }
    }

    /// How long it may become.
    fn full(&self) -> usize {
        match self {
            Node::Leaf(_) => LEAF,
            Node::Inner(_) => FULL,
        }
    }

    /// Whether it was not there; and the right half, if there was no room.
    fn insert(&mut self, interval: Interval<K>) -> (bool, Option<Node<K>>) {
        match self {
            Node::Leaf(intervals) => {
                let Err(at) = intervals.binary_search(&interval) else { return (false, None) };
                if intervals.len() < LEAF {
                    intervals.insert(at, interval);
                    return (true, None);
                }
                let mut right = intervals.split_off(LEAF / 2);
                match at.checked_sub(LEAF / 2) {
                    Some(at) => right.insert(at, interval),
                    None => intervals.insert(at, interval),
                }
                (true, Some(Node::Leaf(right)))
            }
            Node::Inner(parts) => {
                let at = parts.place(&interval);
                let Some(node) = parts.nodes.get_mut(at) else { return (false, None) };
                let (is_new, split) = node.insert(interval);
                parts.refresh(at);
                if let Some(right) = split {
                    parts.put(at + 1, right);
                }
                let split = (parts.nodes.len() > FULL).then(|| {
                    let ends = parts.ends.split_off(FULL / 2);
                    let nodes = parts.nodes.split_off(FULL / 2);
                    let firsts = parts.firsts.split_off(FULL / 2);
                    Node::Inner(Box::new(Parts { ends, nodes, firsts }))
                });
                (is_new, split)
            }
        }
    }

    fn remove(&mut self, interval: &Interval<K>) -> bool {
        match self {
            Node::Leaf(intervals) => {
                let found = intervals.binary_search(interval);
                found.map(|at| intervals.remove(at)).is_ok()
            }
            Node::Inner(parts) => {
                let at = parts.place(interval);
                let Some(node) = parts.nodes.get_mut(at) else { return false };
                if !node.remove(interval) {
                    return false;
                }
                if node.len() == 0 {
                    parts.take(at);
                } else {
                    parts.refresh(at);
                    parts.join(at.saturating_sub(1));
                    parts.join(at);
                }
                true
            }
        }
    }

    /// The least interval, and where the farthest one ends.
    fn reaches(&self) -> Option<(Interval<K>, u64)> {
        match self {
            Node::Leaf(intervals) => {
                Some((*intervals.first()?, intervals.iter().map(|interval| interval.high).max()?))
            }
            Node::Inner(parts) => {
                Some((*parts.firsts.first()?, parts.ends.iter().map(|&(_, high)| high).max()?))
            }
        }
    }

    /// Calls `found` for those that hold the point.
    pub(super) fn at(&self, point: u64, found: &mut impl FnMut(K)) {
        self.here(point, found);
        self.parts(point, &mut |part| part.at(point, found));
    }

    /// Calls `found` for those that hold the point and are in no part.
    pub(super) fn here(&self, point: u64, found: &mut impl FnMut(K)) {
        if let Node::Leaf(intervals) = self {
            let ends = intervals.iter().map(|interval| (interval.low, interval.high));
            bits(holds(ends, point), |at| found(intervals[at].key));
        }
    }

    /// Calls `found` for the parts in which there are some that hold the point.
    pub(super) fn parts<'a>(&'a self, point: u64, found: &mut impl FnMut(&'a Node<K>)) {
        if let Node::Inner(parts) = self {
            bits(holds(parts.ends.iter().copied(), point), |at| found(&parts.nodes[at]));
        }
    }

    /// Reads a bit of all that is asked next, so that it is at hand.
    pub(super) fn reach(&self) -> u64 {
        match self {
            Node::Leaf(intervals) => intervals.iter().step_by(2).fold(0, |all, interval| all ^ interval.low),
            Node::Inner(parts) => parts.ends.iter().step_by(4).fold(0, |all, (low, _)| all ^ low),
        }
    }

    /// Calls `found` for all of them.
    pub(super) fn all(&self, found: &mut impl FnMut(K)) {
        match self {
            Node::Leaf(intervals) => intervals.iter().for_each(|interval| found(interval.key)),
            Node::Inner(parts) => parts.nodes.iter().for_each(|node| node.all(found)),
        }
    }
}

/// A bit for each pair of ends that the point is between. There is no branch that would have to be guessed.
fn holds(ends: impl Iterator<Item = (u64, u64)>, point: u64) -> u64 {
    let bit = |(at, (low, high))| u64::from((low <= point) & (point <= high)) << at;
    ends.enumerate().map(bit).fold(0, |all, one| all | one)
}

/// The places of the bits.
fn bits(mut bits: u64, mut found: impl FnMut(usize)) {
    while bits != 0 {
        found(bits.trailing_zeros() as usize);
        bits &= bits - 1;
    }
}

impl<K: Copy + Ord> Parts<K> {
    /// Which part the interval belongs to.
    fn place(&self, interval: &Interval<K>) -> usize {
        self.firsts.partition_point(|first| first <= interval).saturating_sub(1)
    }

    /// Puts a part there, unless it is empty.
    fn put(&mut self, at: usize, node: Node<K>) {
        if let Some((first, high)) = node.reaches() {
            self.ends.insert(at, (first.low, high));
            self.nodes.insert(at, node);
            self.firsts.insert(at, first);
        }
    }

    fn take(&mut self, at: usize) {
        self.ends.remove(at);
        self.nodes.remove(at);
        self.firsts.remove(at);
    }

    /// Looks again where a part begins and ends.
    fn refresh(&mut self, at: usize) {
        if let Some((first, high)) = self.nodes[at].reaches() {
            self.ends[at] = (first.low, high);
            self.firsts[at] = first;
        }
    }

    /// Makes one of two neighbours that are half empty together.
    fn join(&mut self, at: usize) {
        let Some([left, right]) = self.nodes.get_mut(at..).and_then(|nodes| nodes.get_mut(..2)) else {
            return;
        };
        if left.len() + right.len() > left.full() / 2 {
            return;
        }
        match (left, right) {
            (Node::Leaf(left), Node::Leaf(right)) => left.append(right),
            (Node::Inner(left), Node::Inner(right)) => {
                left.ends.append(&mut right.ends);
                left.nodes.append(&mut right.nodes);
                left.firsts.append(&mut right.firsts);
            }
            _ => return,
        }
        self.refresh(at);
        self.take(at + 1);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn check(node: &Node<u32>, is_root: bool) -> usize {
        assert!(node.len() <= node.full() && (is_root || node.len() > 0));
        let Node::Inner(parts) = node else { return 0 };
        let reaches: Vec<_> = parts.nodes.iter().filter_map(Node::reaches).collect();
        let ends = reaches.iter().map(|(first, high)| (first.low, *high));
        assert_eq!(parts.ends, Vec::from_iter(ends));
        assert_eq!(parts.firsts, Vec::from_iter(reaches.iter().map(|(first, _)| *first)));
        let heights: BTreeSet<usize> = parts.nodes.iter().map(|part| check(part, false)).collect();
        assert_eq!(heights.len(), 1, "all paths are of one length");
        heights.first().unwrap() + 1
    }

    proptest! {
        #[test]
        fn a_point_is_held_by_those_that_a_scan_finds(
            steps in prop::collection::vec((any::<bool>(), 0..300_u64, 0..40_u64, 0..6_u32), 0..3_000),
            points in prop::collection::vec(0..350_u64, 1..20),
        ) {
            let (mut tree, mut plain) = (Intervals::new(), BTreeSet::new());
            for (at, (inserts, low, width, key)) in steps.into_iter().enumerate() {
                let interval = Interval { low, high: low + width * width / 8, key };
                // First it grows, and then it shrinks.
                if inserts || at < 800 {
                    prop_assert_eq!(tree.insert(interval), plain.insert(interval));
                } else {
                    let interval = plain.range(interval..).next().copied().unwrap_or(interval);
                    prop_assert_eq!(tree.remove(&interval), plain.remove(&interval));
                }
            }
            check(&tree.root, true);
            for point in points {
                let mut found = Vec::new();
                tree.root().at(point, &mut |key| found.push(key));
                let holds = |interval: &&Interval<u32>| (interval.low..=interval.high).contains(&point);
                let expected: Vec<u32> = plain.iter().filter(holds).map(|interval| interval.key).collect();
                prop_assert_eq!(found, expected);
            }
            let mut all = Vec::new();
            tree.root().all(&mut |key| all.push(key));
            prop_assert_eq!(all, Vec::from_iter(plain.iter().map(|interval| interval.key)));
            for interval in &plain {
                prop_assert!(tree.remove(interval));
            }
            prop_assert!(tree.is_empty() && matches!(tree.root, Node::Leaf(_)));
        }
    }
}
