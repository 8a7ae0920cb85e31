//! Intervals, and which of them hold a point: a B+ tree by where they begin, which knows of each part the farthest end.

/// How many intervals a leaf holds, and how many parts an inner node has; a bit for each must fit into a number.
const FULL: usize = 32;

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

/// A node has its numbers in a row, apart from all else: a search looks at them all without waiting for what one says.
struct Node<K> {
    /// Of each interval its ends; of each part where its first one begins, and where its farthest one ends.
    ends: Vec<(u64, u64)>,
    below: Below<K>,
}

enum Below<K> {
    Keys(Vec<K>),
    /// Never empty, and all of one height.
    Parts(Vec<Part<K>>),
}

struct Part<K> {
    /// The least of its intervals.
    first: Interval<K>,
    node: Node<K>,
}

impl<K: Copy + Ord> Intervals<K> {
    pub(super) fn new() -> Self {
        Intervals { root: Node::new() }
    }

    /// Whether it was not there.
    pub(super) fn insert(&mut self, interval: Interval<K>) -> bool {
        let (is_new, split) = self.root.insert(interval);
        if let Some(right) = split {
            let left = std::mem::replace(&mut self.root, Node::new());
            let parts: Vec<Part<K>> = [left, right].into_iter().filter_map(Part::of).collect();
            self.root = Node { ends: parts.iter().map(Part::ends).collect(), below: Below::Parts(parts) };
        }
        is_new
    }

    /// Whether it was there.
    pub(super) fn remove(&mut self, interval: &Interval<K>) -> bool {
        let removed = self.root.remove(interval);
        while let Below::Parts(parts) = &mut self.root.below
            && parts.len() <= 1
        {
            self.root = parts.pop().map_or(Node::new(), |part| part.node);
        }
        removed
    }

    pub(super) fn is_empty(&self) -> bool {
        self.root.ends.is_empty()
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
    fn new() -> Self {
        Node { ends: Vec::new(), below: Below::Keys(Vec::new()) }
    }

    /// Its right half, which it loses.
    fn split_off(&mut self) -> Self {
        let below = match &mut self.below {
            Below::Keys(keys) => Below::Keys(keys.split_off(FULL / 2)),
            Below::Parts(parts) => Below::Parts(parts.split_off(FULL / 2)),
        };
        Node { ends: self.ends.split_off(FULL / 2), below }
    }

    /// Whether it was not there; and the right half, if there was no room.
    fn insert(&mut self, interval: Interval<K>) -> (bool, Option<Node<K>>) {
        match &mut self.below {
            Below::Keys(keys) => {
                let Err(at) = place(&self.ends, keys, &interval) else { return (false, None) };
                if keys.len() < FULL {
                    self.ends.insert(at, (interval.low, interval.high));
                    keys.insert(at, interval.key);
                    return (true, None);
                }
                let mut right = self.split_off();
                // There is room in both now.
                let half = if at > FULL / 2 { &mut right } else { self };
                half.insert(interval);
                (true, Some(right))
            }
            Below::Parts(parts) => {
                let at = parts.partition_point(|part| part.first <= interval).saturating_sub(1);
                let Some(part) = parts.get_mut(at) else { return (false, None) };
                let (is_new, split) = part.node.insert(interval);
                part.refresh();
                self.ends[at] = part.ends();
                let Some(right) = split.and_then(Part::of) else { return (is_new, None) };
                self.ends.insert(at + 1, right.ends());
                parts.insert(at + 1, right);
                let split = (self.ends.len() > FULL).then(|| self.split_off());
                (is_new, split)
            }
        }
    }

    fn remove(&mut self, interval: &Interval<K>) -> bool {
        match &mut self.below {
            Below::Keys(keys) => {
                let Ok(at) = place(&self.ends, keys, interval) else { return false };
                self.ends.remove(at);
                keys.remove(at);
                true
            }
            Below::Parts(parts) => {
                let at = parts.partition_point(|part| part.first <= *interval).saturating_sub(1);
                let Some(part) = parts.get_mut(at) else { return false };
                if !part.node.remove(interval) {
                    return false;
                }
                if part.node.ends.is_empty() {
                    parts.remove(at);
                    self.ends.remove(at);
                } else {
                    part.refresh();
                    self.ends[at] = part.ends();
                    self.join(at.saturating_sub(1));
                    self.join(at);
                }
                true
            }
        }
    }

    /// Makes one of two neighbours that are half empty together.
    fn join(&mut self, at: usize) {
        let Below::Parts(parts) = &mut self.below else { return };
        let Some([left, right]) = parts.get_mut(at..).and_then(|parts| parts.get_mut(..2)) else { return };
        if left.node.ends.len() + right.node.ends.len() > FULL / 2 {
            return;
        }
        match (&mut left.node.below, &mut right.node.below) {
            (Below::Keys(left), Below::Keys(right)) => left.append(right),
            (Below::Parts(left), Below::Parts(right)) => left.append(right),
            _ => return,
        }
        left.node.ends.append(&mut right.node.ends);
        self.ends[at] = left.ends();
        self.ends.remove(at + 1);
        parts.remove(at + 1);
    }

    fn at(&self, point: u64, found: &mut impl FnMut(K)) {
        let mut holding = 0_u64;
        for (at, &(low, high)) in self.ends.iter().enumerate() {
            holding |= u64::from((low <= point) & (point <= high)) << at;
        }
        while holding != 0 {
            let at = holding.trailing_zeros() as usize;
            holding &= holding - 1;
            match &self.below {
                Below::Keys(keys) => found(keys[at]),
                Below::Parts(parts) => parts[at].node.at(point, found),
            }
        }
    }

    fn all(&self, found: &mut impl FnMut(K)) {
        match &self.below {
            Below::Keys(keys) => keys.iter().copied().for_each(found),
            Below::Parts(parts) => parts.iter().for_each(|part| part.node.all(found)),
        }
    }
}

/// Where the interval is among the others, or where it belongs.
fn place<K: Copy + Ord>(ends: &[(u64, u64)], keys: &[K], interval: &Interval<K>) -> Result<usize, usize> {
    let first = ends.partition_point(|&ends| ends < (interval.low, interval.high));
    let same = ends[first..].partition_point(|&ends| ends == (interval.low, interval.high));
    let found = keys[first..first + same].binary_search(&interval.key);
    found.map(|at| first + at).map_err(|at| first + at)
}

impl<K: Copy + Ord> Part<K> {
    fn of(node: Node<K>) -> Option<Self> {
        let first = Self::first(&node)?;
        Some(Part { first, node })
    }

    fn first(node: &Node<K>) -> Option<Interval<K>> {
        match &node.below {
            Below::Keys(keys) => {
                let (&(low, high), &key) = (node.ends.first()?, keys.first()?);
                Some(Interval { low, high, key })
            }
            Below::Parts(parts) => parts.first().map(|part| part.first),
        }
    }

    /// Looks again where it begins.
    fn refresh(&mut self) {
        self.first = Self::first(&self.node).unwrap_or(self.first);
    }

    fn ends(&self) -> (u64, u64) {
        let highs = self.node.ends.iter().map(|&(_, high)| high);
        (self.first.low, highs.max().unwrap_or(self.first.high))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn check(node: &Node<u32>, is_root: bool) -> usize {
        assert!(node.ends.len() <= FULL && (is_root || !node.ends.is_empty()));
        let Below::Parts(parts) = &node.below else { return 0 };
        assert_eq!(node.ends, Vec::from_iter(parts.iter().map(Part::ends)));
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
            prop_assert!(tree.is_empty() && matches!(tree.root.below, Below::Keys(_)));
        }
    }
}
