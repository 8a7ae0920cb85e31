//! A queue for very many connections, of which most have nothing waiting, and nearly all others one thing.

use std::collections::VecDeque;

/// A queue that takes no memory of its own for one thing in it, and gives back what it has taken for more when nothing is left of them.
#[derive(Clone, Debug)]
pub(crate) struct Lineup<T> {
    /// Before all of the rest.
    first: Option<T>,
    rest: VecDeque<T>,
}

impl<T> Default for Lineup<T> {
    fn default() -> Self {
        Lineup { first: None, rest: VecDeque::new() }
    }
}

impl<T> Lineup<T> {
    pub(crate) fn push_back(&mut self, thing: T) {
        if self.is_empty() {
            self.first = Some(thing);
        } else {
            self.rest.push_back(thing);
        }
    }

    pub(crate) fn pop_front(&mut self) -> Option<T> {
        self.first.take().or_else(|| {
            let thing = self.rest.pop_front();
            self.tidy();
            thing
        })
    }

    fn tidy(&mut self) {
        if self.rest.is_empty() {
            self.rest = VecDeque::new();
        }
    }

    #[cfg(any(test, feature = "server"))]
    pub(crate) fn front_mut(&mut self) -> Option<&mut T> {
        self.first.as_mut().or_else(|| self.rest.front_mut())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.first.is_none() && self.rest.is_empty()
    }

    /// Whether there is one thing, and no more.
    #[cfg(any(test, feature = "server"))]
    pub(crate) fn is_one(&self) -> bool {
        usize::from(self.first.is_some()) + self.rest.len() == 1
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.first.iter().chain(&self.rest)
    }

    /// Keeps those of which it is so.
    pub(crate) fn retain(&mut self, mut stays: impl FnMut(&T) -> bool) {
        self.first = self.first.take().filter(|first| stays(first));
        self.rest.retain(stays);
        self.tidy();
    }
}

impl<T> Extend<T> for Lineup<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, things: I) {
        things.into_iter().for_each(|thing| self.push_back(thing));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        Push(u8),
        Pop,
        Retain(u8),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => any::<u8>().prop_map(Step::Push),
            3 => Just(Step::Pop),
            1 => any::<u8>().prop_map(Step::Retain),
        ]
    }

    proptest! {
        #[test]
        fn what_comes_first_leaves_first(steps in prop::collection::vec(step(), 0..40)) {
            let (mut lineup, mut queue) = (Lineup::default(), VecDeque::new());
            for step in steps {
                match step {
                    Step::Push(thing) => {
                        lineup.push_back(thing);
                        queue.push_back(thing);
                    }
                    Step::Pop => prop_assert_eq!(lineup.pop_front(), queue.pop_front()),
                    Step::Retain(most) => {
                        lineup.retain(|thing| *thing <= most);
                        queue.retain(|thing| *thing <= most);
                    }
                }
                prop_assert!(lineup.iter().eq(&queue));
                prop_assert_eq!(lineup.front_mut(), queue.front_mut());
                prop_assert_eq!((lineup.is_empty(), lineup.is_one()), (queue.is_empty(), queue.len() == 1));
                prop_assert!(!lineup.is_empty() || lineup.rest.capacity() == 0, "nothing takes memory");
            }
        }
    }
}
