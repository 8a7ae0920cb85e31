//! Memory that is waited for together.
//!
//! With very many clients, or queries, what is asked of each of them has left the caches since the last time, and lies where one pointer
//! leads to the next. One after the other, each step of each would be waited for by itself. So a few of them are looked at before anything
//! is asked: the processor waits for the same step of several at once.

/// So many are looked at before something is asked of them: what they have fits into the nearest cache.
const AT_ONCE: usize = 32;

/// Has something read from memory, for a number that means nothing.
pub(crate) type Look<T> = fn(&T) -> usize;

/// Looks at things, one step of each after the other.
pub(crate) fn look<T>(things: impl Iterator<Item = T> + Clone, looks: &[Look<T>]) {
    for look in looks {
        std::hint::black_box(things.clone().fold(0, |all, thing| all ^ look(&thing)));
    }
}

/// Asks something of each thing, and looks at a few of them before.
pub(crate) fn for_each<T>(
    mut things: impl Iterator<Item = T> + Clone,
    looks: &[Look<T>],
    mut ask: impl FnMut(T),
) {
    loop {
        look(things.clone().take(AT_ONCE), looks);
        let Some(first) = things.next() else { return };
        ask(first);
        things.by_ref().take(AT_ONCE - 1).for_each(&mut ask);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn each_is_asked_once_in_order_and_looked_at_before() {
        for count in [0, 1, AT_ONCE - 1, AT_ONCE, AT_ONCE + 1, 3 * AT_ONCE] {
            // How often each was looked at.
            let things: Vec<RefCell<usize>> = vec![RefCell::new(0); count];
            let step: Look<&RefCell<usize>> = |thing| {
                *thing.borrow_mut() += 1;
                0
            };
            let mut asked = Vec::new();
            for_each(things.iter(), &[step, step], |thing| {
                assert_eq!(*thing.borrow(), 2);
                asked.push(std::ptr::from_ref(thing));
            });
            assert!(asked.into_iter().eq(things.iter().map(std::ptr::from_ref)));
        }
    }
}
