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
enum Node<K> {
    Leaf(Vec<Interval<K>>),
    Inner(Parts<K>),
}

/// Never empty, and all of one height.
struct Parts<K> {
    /// Of each where its first interval begins, and where its farthest one ends.
    ends: Vec<(u64, u64)>,
    parts: Vec<Part<K>>,
}

struct Part<K> {
    /// The least of its intervals.
    first: Interval<K>,
    node: Node<K>,
}

impl<K: Copy + Ord> Intervals<K> {
    pub(super) fn new() -> Self {
        Intervals { root: Node::Leaf(Vec::new()) }
    }

    /// Whether it was not there.
    pub(super) fn insert(&mut self, interval: Interval<K>) -> bool {
        let (is_new, split) = self.root.insert(interval);
        if let Some(right) = split {
            let left = std::mem::replace(&mut self.root, Node::Leaf(Vec::new()));
            let parts: Vec<Part<K>> = [left, right].into_iter().filter_map(Part::of).collect();
            self.root = Node::Inner(Parts { ends: parts.iter().map(Part::ends).collect(), parts });
        }
        is_new
    }

    /// Whether it was there.
    pub(super) fn remove(&mut self, interval: &Interval<K>) -> bool {
        let removed = self.root.remove(interval);
        while let Node::Inner(Parts { parts, .. }) = &mut self.root
            && parts.len() <= 1
        {
            self.root = parts.pop().map_or(Node::Leaf(Vec::new()), |part| part.node);
        }
        removed
    }

    pub(super) fn is_empty(&self) -> bool {
        self.root.len() == 0
    }

    /// Those that hold the point.
    pub(super) fn at(&self, point: u64, found: &mut impl FnMut(K)) {
        self.root.at(point, found);
    }

    /// All of them.
    pub(super) fn all(&self, found: &mut impl FnMut(K)) {
        self.root.all(found);
    }
}

impl<K: Copy + Ord> Node<K> {
    fn len(&self) -> usize {
        match self {
            Node::Leaf(intervals) => intervals.len(),
            Node::Inner(inner) => inner.parts.len(),
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
            Node::Inner(Parts { ends, parts }) => {
                let at = parts.partition_point(|part| part.first <= interval).saturating_sub(1);
                let Some(part) = parts.get_mut(at) else { return (false, None) };
                let (is_new, split) = part.node.insert(interval);
                part.refresh();
                ends[at] = part.ends();
                let Some(right) = split.and_then(Part::of) else { return (is_new, None) };
                ends.insert(at + 1, right.ends());
                parts.insert(at + 1, right);
                let split = (parts.len() > FULL)
                    .then(|| Parts { ends: ends.split_off(FULL / 2), parts: parts.split_off(FULL / 2) });
                (is_new, split.map(Node::Inner))
            }
        }
    }

    fn remove(&mut self, interval: &Interval<K>) -> bool {
        match self {
            Node::Leaf(intervals) => {
                let found = intervals.binary_search(interval);
                found.map(|at| intervals.remove(at)).is_ok()
            }
            Node::Inner(inner) => {
                let Parts { ends, parts } = inner;
                let at = parts.partition_point(|part| part.first <= *interval).saturating_sub(1);
                let Some(part) = parts.get_mut(at) else { return false };
                if !part.node.remove(interval) {
                    return false;
                }
                if part.node.len() == 0 {
                    parts.remove(at);
                    ends.remove(at);
                } else {
                    part.refresh();
                    ends[at] = part.ends();
                    inner.join(at.saturating_sub(1));
                    inner.join(at);
                }
                true
            }
        }
    }

    fn at(&self, point: u64, found: &mut impl FnMut(K)) {
        let holds = |(at, (low, high))| u64::from((low <= point) & (point <= high)) << at;
        match self {
            Node::Leaf(intervals) => {
                let ends = intervals.iter().map(|interval| (interval.low, interval.high));
                let holding = ends.enumerate().map(holds).fold(0, |all, one| all | one);
                each(holding, |at| found(intervals[at].key));
            }
            Node::Inner(Parts { ends, parts }) => {
                let holding = ends.iter().copied().enumerate().map(holds).fold(0, |all, one| all | one);
                each(holding, |at| parts[at].node.at(point, found));
            }
        }
    }

    fn all(&self, found: &mut impl FnMut(K)) {
        match self {
            Node::Leaf(intervals) => intervals.iter().for_each(|interval| found(interval.key)),
            Node::Inner(inner) => inner.parts.iter().for_each(|part| part.node.all(found)),
        }
    }
}

/// The places of the bits.
fn each(mut bits: u64, mut found: impl FnMut(usize)) {
    while bits != 0 {
        found(bits.trailing_zeros() as usize);
        bits &= bits - 1;
    }
}

impl<K: Copy + Ord> Parts<K> {
    /// Makes one of two neighbours that are half empty together.
    fn join(&mut self, at: usize) {
        let Some([left, right]) = self.parts.get_mut(at..).and_then(|parts| parts.get_mut(..2)) else {
            return;
        };
        if left.node.len() + right.node.len() > left.node.full() / 2 {
            return;
        }
        match (&mut left.node, &mut right.node) {
            (Node::Leaf(left), Node::Leaf(right)) => left.append(right),
            (Node::Inner(left), Node::Inner(right)) => {
                left.ends.append(&mut right.ends);
                left.parts.append(&mut right.parts);
            }
            _ => return,
        }
        self.ends[at] = left.ends();
        self.ends.remove(at + 1);
        self.parts.remove(at + 1);
    }
}

impl<K: Copy + Ord> Part<K> {
    fn of(node: Node<K>) -> Option<Self> {
        let first = Self::first(&node)?;
        Some(Part { first, node })
    }

    fn first(node: &Node<K>) -> Option<Interval<K>> {
        match node {
            Node::Leaf(intervals) => intervals.first().copied(),
            Node::Inner(inner) => inner.parts.first().map(|part| part.first),
        }
    }

    /// Looks again where it begins.
    fn refresh(&mut self) {
        self.first = Self::first(&self.node).unwrap_or(self.first);
    }

    fn ends(&self) -> (u64, u64) {
        let high = match &self.node {
            Node::Leaf(intervals) => intervals.iter().map(|interval| interval.high).max(),
            Node::Inner(inner) => inner.ends.iter().map(|&(_, high)| high).max(),
        };
        (self.first.low, high.unwrap_or(self.first.high))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn check(node: &Node<u32>, is_root: bool) -> usize {
        assert!(node.len() <= node.full() && (is_root || node.len() > 0));
        let Node::Inner(Parts { ends, parts }) = node else { return 0 };
        assert_eq!(*ends, Vec::from_iter(parts.iter().map(Part::ends)));
        let heights: BTreeSet<usize> = parts.iter().map(|part| check(&part.node, false)).collect();
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
                tree.at(point, &mut |key| found.push(key));
                let holds = |interval: &&Interval<u32>| (interval.low..=interval.high).contains(&point);
                let expected: Vec<u32> = plain.iter().filter(holds).map(|interval| interval.key).collect();
                prop_assert_eq!(found, expected);
            }
            let mut all = 0;
            tree.all(&mut |_| all += 1);
            prop_assert_eq!(all, plain.len());
            for interval in &plain {
                prop_assert!(tree.remove(interval));
            }
            prop_assert!(tree.is_empty() && matches!(tree.root, Node::Leaf(_)));
        }
    }
}
