//! What is filed under hashes, many keys under one and one under another: to find them is to wait for memory once.

use std::collections::{BTreeSet, HashMap};
use std::hash::BuildHasherDefault;

use super::value::AsIs;

/// How many keys a bucket has room for. If a key is a number of four bytes, the bucket is one line of the processor's cache.
const ROOM: usize = 7;
/// More keys than this under one hash are a set by themselves.
const FEW: usize = 40;

/// Keys by hash, as in F14 ("Open-sourcing F14 for faster, more memory-efficient hash tables", Meta 2019): a key lies in the bucket
/// where its hash begins or, as long as those are full, in the next ones, and each bucket counts the keys that went past it.
///
/// Half of a hash is looked at: once in a while, what is found under a hash belongs to another.
pub(super) struct Buckets<K> {
    /// None, or a power of two.
    buckets: Vec<Bucket<K>>,
    /// How many keys are in them.
    len: usize,
    crowds: HashMap<u32, BTreeSet<K>, BuildHasherDefault<AsIs>>,
}

#[derive(Clone)]
#[repr(align(64))]
struct Bucket<K> {
    hashes: [u32; ROOM],
    /// How many keys lie further on that begin here or before. At the most it stays there.
    passed: u16,
    len: u8,
    /// What is beyond `len` means nothing.
    keys: [K; ROOM],
}

impl<K: Copy + Ord> Buckets<K> {
    pub(super) fn new() -> Self {
        Buckets { buckets: Vec::new(), len: 0, crowds: HashMap::default() }
    }

    /// Whether the key was not there.
    pub(super) fn insert(&mut self, hash: u64, key: K) -> bool {
        let hash = half(hash);
        if let Some(crowd) = self.crowds.get_mut(&hash) {
            return crowd.insert(key);
        }
        let mut same = 0;
        let is_there = self.path(hash).any(|at| {
            let mut keys = self.buckets[at].under(hash);
            keys.any(|other| {
                same += 1;
                other == key
            })
        });
        if is_there {
            return false;
        }
        if same == FEW {
            let mut crowd = BTreeSet::from([key]);
            while let Some(at) = self.find(hash, |_| true) {
                crowd.extend(self.take(hash, at, |_| true));
            }
            self.crowds.insert(hash, crowd);
            return true;
        }
        // Up to three of four are taken.
        if (self.len + 1) * 4 > self.buckets.len() * ROOM * 3 {
            self.resize((self.buckets.len() * 2).max(1), key);
        }
        self.place(hash, key);
        true
    }

    /// Whether the key was there.
    pub(super) fn remove(&mut self, hash: u64, key: K) -> bool {
        let hash = half(hash);
        if let Some(crowd) = self.crowds.get_mut(&hash) {
            let removed = crowd.remove(&key);
            // Not as soon as they are few again: they must not change their form with each step.
            if crowd.len() <= FEW / 2 {
                self.disperse(hash);
            }
            return removed;
        }
        let Some(at) = self.find(hash, |other| other == key) else { return false };
        self.take(hash, at, |other| other == key);
        if self.len == 0 {
            self.buckets = Vec::new();
        } else if self.buckets.len() > 8 && self.len < self.buckets.len() * ROOM / 8 {
            self.resize(self.buckets.len() / 2, key);
        }
        true
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0 && self.crowds.is_empty()
    }

    /// Reads of where the keys of a hash are, so that it is at hand for [`each`](Self::each).
    pub(super) fn reach(&self, hash: u64) -> u64 {
        let home = self.home(half(hash));
        // Both ends of it: with longer keys it is two lines.
        let read = |at: usize| {
            let bucket = self.buckets.get(at & self.mask());
            bucket.map_or(0, |bucket| u64::from(bucket.passed) ^ u64::from(bucket.hashes[0]))
        };
        read(home) ^ read(home + 1)
    }

    /// Calls `found` for the keys that are filed under the hash.
    pub(super) fn each(&self, hash: u64, found: &mut impl FnMut(K)) {
        let hash = half(hash);
        if !self.crowds.is_empty()
            && let Some(crowd) = self.crowds.get(&hash)
        {
            return crowd.iter().copied().for_each(found);
        }
        for at in self.path(hash) {
            self.buckets[at].under(hash).for_each(&mut *found);
        }
    }

    /// The bucket where keys of this hash begin.
    fn home(&self, hash: u32) -> usize {
        // Twice as many buckets are one bit more.
        (hash >> (u32::BITS - self.buckets.len().max(2).ilog2())) as usize & self.mask()
    }

    fn mask(&self) -> usize {
        self.buckets.len().wrapping_sub(1)
    }

    /// The buckets in which there may be keys of this hash.
    fn path(&self, hash: u32) -> impl Iterator<Item = usize> {
        let home = self.home(hash);
        let mut is_further = true;
        (0..self.buckets.len()).map_while(move |step| {
            let at = (home + step) & self.mask();
            std::mem::replace(&mut is_further, self.buckets[at].passed > 0).then_some(at)
        })
    }

    /// The bucket that such a key of this hash is in.
    fn find(&self, hash: u32, is_it: impl Fn(K) -> bool) -> Option<usize> {
        self.path(hash).find(|&at| self.buckets[at].under(hash).any(&is_it))
    }

    /// Takes out a key of this hash that is in a bucket.
    fn take(&mut self, hash: u32, from: usize, is_it: impl Fn(K) -> bool) -> Option<K> {
        let (home, mask) = (self.home(hash), self.mask());
        let bucket = &mut self.buckets[from];
        let len = usize::from(bucket.len);
        let at = (0..len).find(|&at| bucket.hashes[at] == hash && is_it(bucket.keys[at]))?;
        let key = bucket.keys[at];
        bucket.hashes[at] = bucket.hashes[len - 1];
        bucket.keys[at] = bucket.keys[len - 1];
        bucket.len -= 1;
        self.len -= 1;
        let mut at = home;
        while at != from {
            let passed = &mut self.buckets[at].passed;
            if *passed < u16::MAX {
                *passed -= 1;
            }
            at = (at + 1) & mask;
        }
        Some(key)
    }

    /// Puts a key that is not there where there is room.
    fn place(&mut self, hash: u32, key: K) {
        let (mut at, mask) = (self.home(hash), self.mask());
        loop {
            let bucket = &mut self.buckets[at];
            let len = usize::from(bucket.len);
            if len < ROOM {
                bucket.hashes[len] = hash;
                bucket.keys[len] = key;
                bucket.len += 1;
                self.len += 1;
                return;
            }
            bucket.passed = bucket.passed.saturating_add(1);
            at = (at + 1) & mask;
        }
    }

    /// Files all keys anew, in so many buckets.
    fn resize(&mut self, buckets: usize, filler: K) {
        let empty = Bucket { hashes: [0; ROOM], passed: 0, len: 0, keys: [filler; ROOM] };
        let old = std::mem::replace(&mut self.buckets, vec![empty; buckets]);
        self.len = 0;
        for bucket in &old {
            let len = usize::from(bucket.len);
            bucket.hashes[..len].iter().zip(bucket.keys).for_each(|(&hash, key)| self.place(hash, key));
        }
    }

    /// Files what has become few again among the others.
    fn disperse(&mut self, hash: u32) {
        let Some(crowd) = self.crowds.remove(&hash) else { return };
        if self.crowds.capacity() > 64 && self.crowds.len() < self.crowds.capacity() / 8 {
            self.crowds.shrink_to(self.crowds.len() * 2);
        }
        for key in crowd {
            self.insert(u64::from(hash) << 32, key);
        }
    }
}

impl<K: Copy> Bucket<K> {
    /// The keys of this hash that are here.
    fn under(&self, hash: u32) -> impl Iterator<Item = K> {
        let here = self.hashes.iter().zip(&self.keys).take(self.len.into());
        here.filter(move |&(&other, _)| other == hash).map(|(_, &key)| key)
    }
}

/// Half of a hash: more of them are at hand in the same memory.
fn half(hash: u64) -> u32 {
    (hash >> 32) as u32
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn list(buckets: &Buckets<u64>, hash: u64) -> BTreeSet<u64> {
        let mut list = Vec::new();
        buckets.each(hash, &mut |key| list.push(key));
        let set = BTreeSet::from_iter(list.iter().copied());
        assert_eq!(set.len(), list.len(), "nothing is there twice");
        set
    }

    /// Hashes of which many begin in the same buckets.
    fn hash(number: u64) -> u64 {
        (number % 7) << 61 | number << 32
    }

    fn check(buckets: &Buckets<u64>) {
        let mut passed = vec![0; buckets.buckets.len()];
        let mut len = 0;
        for (at, bucket) in buckets.buckets.iter().enumerate() {
            for &hash in &bucket.hashes[..bucket.len.into()] {
                let mut home = buckets.home(hash);
                while home != at {
                    passed[home] += 1;
                    home = (home + 1) & buckets.mask();
                }
                len += 1;
            }
        }
        assert_eq!(buckets.len, len);
        assert_eq!(Vec::from_iter(buckets.buckets.iter().map(|bucket| bucket.passed)), passed);
    }

    proptest! {
        #[test]
        fn keys_are_found_under_the_hashes_that_they_were_filed_under(
            steps in prop::collection::vec((any::<bool>(), 0..40_u64, 0..60_u64, 1..30_u64), 1..400),
        ) {
            let (mut buckets, mut plain) = (Buckets::new(), BTreeMap::<u64, BTreeSet<u64>>::new());
            for (inserts, number, key, count) in steps {
                for key in key..key + count {
                    let set = plain.entry(number).or_default();
                    if inserts {
                        prop_assert_eq!(buckets.insert(hash(number), key), set.insert(key));
                    } else {
                        prop_assert_eq!(buckets.remove(hash(number), key), set.remove(&key));
                    }
                }
            }
            check(&buckets);
            plain.retain(|_, set| !set.is_empty());
            for number in 0..40 {
                let expected = plain.get(&number).cloned().unwrap_or_default();
                prop_assert_eq!(list(&buckets, hash(number)), expected);
            }
            prop_assert_eq!(buckets.is_empty(), plain.is_empty());
            for (number, set) in &plain {
                for key in set {
                    prop_assert!(buckets.remove(hash(*number), *key));
                }
            }
            prop_assert!(buckets.is_empty() && buckets.buckets.is_empty());
        }
    }

    #[test]
    fn room_that_nobody_needs_any_more_is_given_back() {
        let mut buckets = Buckets::new();
        for number in 0..10_000 {
            (0..5).for_each(|key| assert!(buckets.insert(hash(number), key)));
        }
        assert!(buckets.buckets.len() <= 32_768);
        for number in 0..9_990 {
            (0..5).for_each(|key| assert!(buckets.remove(hash(number), key)));
        }
        assert!(buckets.buckets.len() < 100);
        assert_eq!(list(&buckets, hash(9_995)), BTreeSet::from_iter(0..5));
    }

    #[test]
    fn many_keys_of_one_hash_are_no_burden_to_others() {
        let mut buckets = Buckets::new();
        (0..10_000).for_each(|key| assert!(buckets.insert(hash(1), key) && !buckets.insert(hash(1), key)));
        assert!(buckets.insert(hash(2), 1) && buckets.buckets.len() < 64);
        assert_eq!((list(&buckets, hash(1)).len(), list(&buckets, hash(2)).len()), (10_000, 1));
        (10..10_000).for_each(|key| assert!(buckets.remove(hash(1), key)));
        assert!(buckets.crowds.is_empty());
        assert_eq!(list(&buckets, hash(1)), BTreeSet::from_iter(0..10));
    }

    #[test]
    fn a_bucket_of_numbers_is_a_line_of_the_cache() {
        assert_eq!((size_of::<Bucket<u32>>(), size_of::<Bucket<u64>>()), (64, 128));
    }
}
