//! A set of keys that is small when there is one, and quick to change when there are many.

use std::collections::BTreeSet;

/// Up to this many are one sorted list.
const FEW: usize = 64;

/// What is filed under one value. Most values have one key, some have all.
pub(super) enum Keys<K> {
    One(K),
    Few(Vec<K>),
    // In a box, the tree does not make the others larger; there are few of these.
    #[allow(clippy::box_collection)]
    Many(Box<BTreeSet<K>>),
}

impl<K: Copy + Ord> Keys<K> {
    /// Whether it was not there.
    pub(super) fn insert(&mut self, key: K) -> bool {
        match self {
            Keys::One(one) if *one == key => false,
            Keys::One(one) => {
                *self = Keys::Few(vec![(*one).min(key), (*one).max(key)]);
                true
            }
            Keys::Few(few) => {
                let Err(at) = few.binary_search(&key) else { return false };
                if few.len() < FEW {
                    few.insert(at, key);
                } else {
                    *self = Keys::Many(Box::new(few.iter().copied().chain([key]).collect()));
                }
                true
            }
            Keys::Many(many) => many.insert(key),
        }
    }

    /// Whether it was there, and whether nothing is left: then it is to be dropped.
    pub(super) fn remove(&mut self, key: K) -> (bool, bool) {
        match self {
            Keys::One(one) => (*one == key, *one == key),
            Keys::Few(few) => {
                let removed = few.binary_search(&key).map(|at| few.remove(at)).is_ok();
                match few.as_slice() {
                    [] => return (removed, true),
                    &[one] => *self = Keys::One(one),
                    _ => {}
                }
                (removed, false)
            }
            Keys::Many(many) => {
                let removed = many.remove(&key);
                // Not as soon as it is one of few again: a set must not change its form with each step.
                if many.len() <= FEW / 2 {
                    *self = Keys::Few(many.iter().copied().collect());
                }
                (removed, false)
            }
        }
    }

    pub(super) fn each(&self, found: &mut impl FnMut(K)) {
        match self {
            Keys::One(one) => found(*one),
            Keys::Few(few) => few.iter().copied().for_each(found),
            Keys::Many(many) => many.iter().copied().for_each(found),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_grows_and_shrinks_again() {
        let list = |keys: &Keys<u64>| {
            let mut list = Vec::new();
            keys.each(&mut |key| list.push(key));
            list
        };
        let mut keys = Keys::One(500_u64);
        for key in (0..1_000).rev() {
            assert_eq!(keys.insert(key), key != 500);
        }
        assert!(matches!(keys, Keys::Many(_)) && !keys.insert(7));
        assert_eq!(list(&keys), Vec::from_iter(0..1_000));
        for key in 0..999 {
            assert_eq!(keys.remove(key), (true, false));
            assert_eq!(keys.remove(key), (false, false));
            assert_eq!(list(&keys), Vec::from_iter(key + 1..1_000));
        }
        assert!(matches!(keys, Keys::One(999)));
        assert_eq!(keys.remove(999), (true, true));
    }

    #[test]
    fn a_set_takes_no_more_room_than_a_list() {
        assert_eq!(size_of::<Keys<u64>>(), 24);
    }
}
