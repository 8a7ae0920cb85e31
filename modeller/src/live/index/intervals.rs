//! Intervals, and which of them hold a point: a B+ tree by where they begin, which knows of each part the farthest end.

/// How many intervals or parts a node has. Nodes are what memory is waited for: if a key is a number of four bytes, this many are
/// four lines of the processor's cache.
const FULL: usize = 12;

/// Room is made for so many parts at once, as most nodes are not full.
const GROWTH: usize = 3;

/// From one number to another, both included, and what it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Interval<K> {
    pub(super) low: u64,
    pub(super) high: u64,
    pub(super) key: K,
}

/// A set of intervals. A part that lies left of a point and reaches it holds an interval that does, so that the search for those
/// that hold the point goes astray along one path at most.
pub(super) enum Intervals<K> {
    Empty,
    /// There may be very many sets of one, which need not take a node each.
    One(Interval<K>),
    Tree(Box<Node<K>>),
}

/// A node has its numbers in a row: a search looks at them all without waiting for what one says. Never empty.
// In this order, so that `reach` knows what is on which line.
#[repr(C, align(64))]
pub(super) struct Node<K> {
    /// Where each interval begins, or the first one of each part. What is beyond `len` holds no point.
    lows: [u64; FULL],
    /// Where each interval ends, or the farthest one of each part.
    highs: [u64; FULL],
    len: u8,
    below: Below<K>,
}

enum Below<K> {
    /// What the intervals stand for. What is beyond the node's `len` means nothing.
    Keys([K; FULL]),
    /// All of one height. They lie side by side: where one is, is known without asking.
    Parts(Vec<Node<K>>),
}

impl<K> Interval<K> {
    pub(super) fn holds(&self, point: u64) -> bool {
        (self.low..=self.high).contains(&point)
    }
}

impl<K: Copy + Ord> Intervals<K> {
    pub(super) fn new() -> Self {
        Intervals::Empty
    }

    /// Whether it was not there.
    pub(super) fn insert(&mut self, interval: Interval<K>) -> bool {
        match self {
            Intervals::Empty => *self = Intervals::One(interval),
            Intervals::One(one) if *one == interval => return false,
            Intervals::One(one) => {
                let mut root = Node::leaf(&[*one], one.key);
                root.insert(interval);
                *self = Intervals::Tree(Box::new(root));
            }
            Intervals::Tree(root) => {
                let (is_new, split) = root.insert(interval);
                if let Some(right) = split {
                    let left = std::mem::replace(&mut **root, Node::leaf(&[], interval.key));
                    **root = Node::inner(vec![left, right]);
                }
                return is_new;
            }
        }
        true
    }

    /// Whether it was there.
    pub(super) fn remove(&mut self, interval: &Interval<K>) -> bool {
        let root = match self {
            Intervals::Empty => return false,
            Intervals::One(one) => {
                let is_there = one == interval;
                if is_there {
                    *self = Intervals::Empty;
                }
                return is_there;
            }
            Intervals::Tree(root) => root,
        };
        let removed = root.remove(interval);
        while let Node { len: 1, below: Below::Parts(parts), .. } = &mut **root
            && let Some(part) = parts.pop()
        {
            **root = part;
        }
        let mut left = root.intervals();
        if root.len == 1
            && let Some(one) = left.next()
        {
            drop(left);
            *self = Intervals::One(one);
        }
        removed
    }

    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Intervals::Empty)
    }

    /// Calls `found` for all of them.
    pub(super) fn all(&self, found: &mut impl FnMut(K)) {
        match self {
            Intervals::Empty => {}
            Intervals::One(one) => found(one.key),
            Intervals::Tree(root) => root.all(found),
        }
    }
}

impl<K: Copy + Ord> Node<K> {
    /// Of intervals in their order, for which there must be room. Any key will do where there is none.
    fn leaf(intervals: &[Interval<K>], filler: K) -> Self {
        let (mut lows, mut highs, mut keys) = ([u64::MAX; FULL], [0; FULL], [filler; FULL]);
        for (at, interval) in intervals.iter().enumerate() {
            (lows[at], highs[at], keys[at]) = (interval.low, interval.high, interval.key);
        }
        Node { lows, highs, len: intervals.len() as u8, below: Below::Keys(keys) }
    }

    /// Of parts in their order, for which there must be room.
    fn inner(parts: Vec<Self>) -> Self {
        let (lows, highs) = ([u64::MAX; FULL], [0; FULL]);
        let mut node = Node { lows, highs, len: 0, below: Below::Parts(parts) };
        node.refresh();
        node
    }

    /// The intervals that are in it itself.
    fn intervals(&self) -> impl Iterator<Item = Interval<K>> {
        let keys: &[K] = match &self.below {
            Below::Keys(keys) => &keys[..self.len.into()],
            Below::Parts(_) => &[],
        };
        let ends = self.lows.iter().zip(&self.highs);
        ends.zip(keys).map(|((&low, &high), &key)| Interval { low, high, key })
    }

    /// Looks again where each part begins and ends.
    fn refresh(&mut self) {
        let Below::Parts(parts) = &self.below else { return };
        self.len = parts.len() as u8;
        for at in 0..FULL {
            (self.lows[at], self.highs[at]) = parts.get(at).map_or((u64::MAX, 0), Self::ends);
        }
    }

    /// Where its first interval begins, and where its farthest one ends.
    fn ends(&self) -> (u64, u64) {
        (self.lows[0], self.highs.iter().copied().fold(0, u64::max))
    }

    /// The least interval.
    fn first(&self) -> Option<Interval<K>> {
        match &self.below {
            Below::Keys(_) => self.intervals().next(),
            Below::Parts(parts) => parts.first()?.first(),
        }
    }

    /// Whether it was not there; and the right half, if there was no room.
    fn insert(&mut self, interval: Interval<K>) -> (bool, Option<Self>) {
        let len = usize::from(self.len);
        match &mut self.below {
            Below::Keys(_) if len == FULL => {
                let mut all: Vec<Interval<K>> = self.intervals().collect();
                let Err(at) = all.binary_search(&interval) else { return (false, None) };
                all.insert(at, interval);
                let (left, right) = all.split_at(all.len() / 2);
                *self = Node::leaf(left, interval.key);
                (true, Some(Node::leaf(right, interval.key)))
            }
            Below::Keys(keys) => {
                let other = |at: usize| Interval { low: self.lows[at], high: self.highs[at], key: keys[at] };
                let at = (0..len).take_while(|&at| other(at) < interval).count();
                if at < len && other(at) == interval {
                    return (false, None);
                }
                self.lows.copy_within(at..len, at + 1);
                self.highs.copy_within(at..len, at + 1);
                keys.copy_within(at..len, at + 1);
                (self.lows[at], self.highs[at], keys[at]) = (interval.low, interval.high, interval.key);
                self.len += 1;
                (true, None)
            }
            Below::Parts(parts) => {
                let at = place(&self.lows, parts, &interval);
                let (is_new, split) = parts[at].insert(interval);
                let Some(right) = split else {
                    (self.lows[at], self.highs[at]) = parts[at].ends();
                    return (is_new, None);
                };
                let (next, middle) = (at + 1, FULL / 2);
                let mut others = if parts.len() == FULL { parts.split_off(middle) } else { Vec::new() };
                let (half, next) = match next.checked_sub(middle) {
                    Some(next) if !others.is_empty() => (&mut others, next),
                    _ => (parts, next),
                };
                if half.len() == half.capacity() {
                    // A few at once, and never more than there may be.
                    half.reserve_exact((FULL - half.len()).min(GROWTH));
                }
                half.insert(next, right);
                let right = (!others.is_empty()).then(|| Node::inner(others));
                self.refresh();
                (is_new, right)
            }
        }
    }

    fn remove(&mut self, interval: &Interval<K>) -> bool {
        if let Below::Keys(_) = self.below {
            let mut all: Vec<Interval<K>> = self.intervals().collect();
            let found = all.binary_search(interval);
            return found.map(|at| all.remove(at)).is_ok_and(|gone| {
                *self = Node::leaf(&all, gone.key);
                true
            });
        }
        let Below::Parts(parts) = &mut self.below else { return false };
        let at = place(&self.lows, parts, interval);
        if !parts[at].remove(interval) {
            return false;
        }
        if parts[at].len == 0 {
            parts.remove(at);
        } else if !join(parts, at) && !join(parts, at.saturating_sub(1)) {
            (self.lows[at], self.highs[at]) = parts[at].ends();
            return true;
        }
        self.refresh();
        true
    }

    /// Calls `found` for those that hold the point.
    pub(super) fn at(&self, point: u64, found: &mut impl FnMut(K)) {
        self.here(point, found);
        self.parts(point, &mut |part| part.at(point, found));
    }

    /// Calls `found` for those that hold the point and are in no part.
    pub(super) fn here(&self, point: u64, found: &mut impl FnMut(K)) {
        if let Below::Keys(keys) = &self.below {
            self.holding(point, |at| found(keys[at]));
        }
    }

    /// Calls `found` for the parts in which there are some that hold the point.
    pub(super) fn parts<'a>(&'a self, point: u64, found: &mut impl FnMut(&'a Self)) {
        if let Below::Parts(parts) = &self.below {
            self.holding(point, |at| found(&parts[at]));
        }
    }

    /// Whether there are parts to be asked.
    pub(super) fn is_inner(&self) -> bool {
        matches!(self.below, Below::Parts(_))
    }

    /// Calls `found` with the places of those that hold the point.
    fn holding(&self, point: u64, mut found: impl FnMut(usize)) {
        let ends = self.lows.iter().zip(&self.highs).enumerate();
        // There is no branch that would have to be guessed.
        let mut places = ends.fold(0_u32, |places, (at, (&low, &high))| {
            places | u32::from((low <= point) & (point <= high)) << at
        });
        while places != 0 {
            found(places.trailing_zeros() as usize);
            places &= places - 1;
        }
    }

    /// Reads a bit of all that is asked next, so that it is at hand.
    pub(super) fn reach(&self) -> u64 {
        self.lows[0] ^ self.lows[FULL - 4] ^ self.highs[FULL / 2] ^ u64::from(self.len)
    }

    /// Calls `found` for all of them.
    pub(super) fn all(&self, found: &mut impl FnMut(K)) {
        match &self.below {
            Below::Keys(keys) => keys[..self.len.into()].iter().copied().for_each(found),
            Below::Parts(parts) => parts.iter().for_each(|part| part.all(found)),
        }
    }
}

/// Which part the interval belongs to.
fn place<K: Copy + Ord>(lows: &[u64; FULL], parts: &[Node<K>], interval: &Interval<K>) -> usize {
    let lows = &lows[..parts.len()];
    let before = lows.partition_point(|&low| low < interval.low);
    // Only those that begin at the same number have to be asked.
    let same = &parts[before..lows.partition_point(|&low| low <= interval.low)];
    let not_after = same.partition_point(|part| part.first().is_some_and(|first| first <= *interval));
    (before + not_after).saturating_sub(1)
}

/// Makes one of two neighbours that are half empty together. Whether they are.
fn join<K: Copy + Ord>(parts: &mut Vec<Node<K>>, at: usize) -> bool {
    let Some([left, right]) = parts.get_mut(at..).and_then(|parts| parts.get_mut(..2)) else { return false };
    if usize::from(left.len + right.len) > FULL / 2 {
        return false;
    }
    let all: Vec<Interval<K>> = left.intervals().chain(right.intervals()).collect();
    match (&mut left.below, &mut right.below) {
        (Below::Keys(keys), Below::Keys(_)) => *left = Node::leaf(&all, keys[0]),
        (Below::Parts(some), Below::Parts(others)) => {
            some.append(others);
            left.refresh();
        }
        _ => return false,
    }
    parts.remove(at + 1);
    true
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// The height.
    fn check(node: &Node<u32>) -> usize {
        let len = usize::from(node.len);
        assert!((1..=FULL).contains(&len));
        let beyond = node.lows.iter().zip(&node.highs).skip(len);
        assert!(beyond.into_iter().all(|ends| ends == (&u64::MAX, &0)));
        let Below::Parts(parts) = &node.below else {
            assert!(node.intervals().is_sorted());
            return 0;
        };
        let ends: Vec<(u64, u64)> = node.lows.into_iter().zip(node.highs).take(len).collect();
        assert_eq!(ends, Vec::from_iter(parts.iter().map(Node::ends)));
        assert!(parts.capacity() <= FULL);
        let heights: BTreeSet<usize> = parts.iter().map(check).collect();
        assert_eq!(heights.len(), 1, "all paths are of one length");
        heights.first().unwrap() + 1
    }

    fn check_all(tree: &Intervals<u32>) {
        if let Intervals::Tree(root) = tree {
            assert!(root.len > 1);
            check(root);
        }
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
            check_all(&tree);
            for point in points {
                let mut found = Vec::new();
                match &tree {
                    Intervals::Empty => {}
                    Intervals::One(one) => found.extend(one.holds(point).then_some(one.key)),
                    Intervals::Tree(root) => root.at(point, &mut |key| found.push(key)),
                }
                let holds = |interval: &&Interval<u32>| interval.holds(point);
                let expected: Vec<u32> = plain.iter().filter(holds).map(|interval| interval.key).collect();
                prop_assert_eq!(found, expected);
            }
            let mut all = Vec::new();
            tree.all(&mut |key| all.push(key));
            prop_assert_eq!(all, Vec::from_iter(plain.iter().map(|interval| interval.key)));
            for (at, interval) in plain.iter().enumerate() {
                prop_assert!(tree.remove(interval) && !tree.remove(interval));
                if at % 16 == 0 {
                    check_all(&tree);
                }
            }
            prop_assert!(tree.is_empty());
        }
    }

    #[test]
    fn a_node_of_numbers_is_four_lines_of_the_cache() {
        assert_eq!(size_of::<Node<u32>>(), 256);
    }
}
