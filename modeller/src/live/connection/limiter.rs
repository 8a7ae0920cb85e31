//! How often a caller may ask: a sliding window, kept exactly, in bounded memory.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

use super::RateLimit;

/// How many callers are remembered. Beyond them those who asked longest ago are forgotten.
const MAX_CALLERS: usize = 8_192;

/// Into how many pieces a window is cut, where more requests than that are allowed in it.
const PIECES: i64 = 256;

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Caller {
    Actor(Box<str>),
    Address(IpAddr),
    /// It is not known from where: within the process, or behind a listener that has no addresses.
    Unknown,
    /// One who says to be somebody, and has yet to be believed.
    #[cfg(feature = "server")]
    Stranger(Box<Caller>),
}

impl Caller {
    /// One who has no name. Addresses of version 6 come by the network: whoever has one has 2⁶⁴ of them.
    pub(super) fn at(address: Option<IpAddr>) -> Self {
        match address.map(|address| address.to_canonical()) {
            Some(IpAddr::V6(address)) => {
                let [a, b, c, d, ..] = address.segments();
                Caller::Address(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into())
            }
            Some(address) => Caller::Address(address),
            None => Caller::Unknown,
        }
    }
}

/// Requests that came closely together, and leave the window together, when the last of them does.
#[derive(Clone, Copy, Debug)]
struct Run {
    first: i64,
    last: i64,
    count: u32,
}

/// The requests of one caller that are still in the window.
#[derive(Debug, Default)]
struct Window {
    runs: VecDeque<Run>,
    count: u32,
}

/// Counts requests by caller.
#[derive(Debug)]
pub(super) struct Limiter {
    max: u32,
    window: i64,
    /// Requests at most this far apart are one run, so that a window has a bounded number of them.
    grain: i64,
    callers: Mutex<HashMap<Caller, Window>>,
}

impl Limiter {
    pub(super) fn new(limit: RateLimit) -> Self {
        let window = i64::try_from(limit.window.as_millis()).unwrap_or(i64::MAX / 4).clamp(1, i64::MAX / 4);
        let grain = if i64::from(limit.max_requests) <= PIECES { 0 } else { window / PIECES };
        Limiter { max: limit.max_requests, window, grain, callers: Mutex::default() }
    }

    /// Says in how many milliseconds there is room for a request, unless there is; counts nothing.
    #[cfg(feature = "server")]
    pub(super) fn room(&self, caller: &Caller, now: i64) -> Result<(), i64> {
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        callers.get_mut(caller).map_or(Ok(()), |requests| self.room_in(requests, now).map(drop))
    }

    /// When the request that is to be counted now is.
    fn room_in(&self, requests: &mut Window, now: i64) -> Result<i64, i64> {
        requests.slide(now - self.window);
        // The clock may have been set back: what is in the window stays in its order.
        let now = requests.runs.back().map_or(now, |run| run.last.max(now));
        if requests.count >= self.max {
            let oldest = requests.runs.front().map_or(now, |run| run.last);
            return Err((oldest + self.window - now).clamp(1, self.window));
        }
        Ok(now)
    }

    /// Counts a request, or says in how many milliseconds there is room for one. What is refused does not count.
    pub(super) fn admit(&self, caller: Caller, now: i64) -> Result<(), i64> {
        if self.max == 0 {
            return Err(self.window);
        }
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        if !callers.contains_key(&caller) && callers.len() >= MAX_CALLERS {
            self.forget(&mut callers, now);
        }
        let requests = callers.entry(caller).or_default();
        let now = self.room_in(requests, now)?;
        requests.count += 1;
        match requests.runs.back_mut() {
            Some(run) if now - run.first <= self.grain => {
                run.last = now;
                run.count += 1;
            }
            _ => requests.runs.push_back(Run { first: now, last: now, count: 1 }),
        }
        Ok(())
    }

    /// Makes room for new callers: those whose requests have all left the window are gone anyway. If these are too few, the quarter
    /// goes that asked longest ago.
    fn forget(&self, callers: &mut HashMap<Caller, Window>, now: i64) {
        callers.retain(|_, requests| requests.last().is_some_and(|last| last > now - self.window));
        if callers.len() < MAX_CALLERS - MAX_CALLERS / 4 {
            return;
        }
        let mut times: Vec<i64> = callers.values().filter_map(Window::last).collect();
        let (_, &mut oldest, _) = times.select_nth_unstable(callers.len() / 4);
        let mut spare = callers.len() / 4;
        callers.retain(|_, requests| {
            let goes = spare > 0 && requests.last().is_none_or(|last| last <= oldest);
            spare -= usize::from(goes);
            !goes
        });
    }

    #[cfg(test)]
    fn callers(&self) -> usize {
        self.callers.lock().unwrap().len()
    }
}

impl Window {
    /// Leaves out what is not later than this.
    fn slide(&mut self, begin: i64) {
        while let Some(run) = self.runs.front().filter(|run| run.last <= begin) {
            self.count -= run.count;
            self.runs.pop_front();
        }
    }

    fn last(&self) -> Option<i64> {
        self.runs.back().map(|run| run.last)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn limiter(max_requests: u32, window: u64) -> Limiter {
        Limiter::new(RateLimit { max_requests, window: Duration::from_millis(window) })
    }

    fn somebody() -> Caller {
        Caller::Actor("somebody".into())
    }

    #[test]
    fn a_request_counts_until_its_own_time_is_over() {
        // OPS-01
        let limiter = limiter(2, 1_000);
        assert_eq!(limiter.admit(somebody(), 0), Ok(()));
        assert_eq!(limiter.admit(somebody(), 600), Ok(()));
        assert_eq!(limiter.admit(somebody(), 999), Err(1));
        assert_eq!(limiter.admit(somebody(), 1_000), Ok(()));
        // A fixed window would have begun anew here.
        assert_eq!(limiter.admit(somebody(), 1_001), Err(599));
        assert_eq!(limiter.admit(Caller::Unknown, 1_001), Ok(()));
        assert_eq!(limiter.admit(somebody(), 1_600), Ok(()));
    }

    #[test]
    fn a_clock_that_is_set_back_locks_nobody_out() {
        let limiter = limiter(1, 1_000);
        assert_eq!(limiter.admit(somebody(), 50_000), Ok(()));
        assert_eq!(limiter.admit(somebody(), 10), Err(1_000));
        assert_eq!(limiter.admit(somebody(), 51_000), Ok(()));
    }

    #[test]
    fn nothing_is_admitted_where_nothing_is_allowed() {
        assert_eq!(limiter(0, 1_000).admit(somebody(), 0), Err(1_000));
    }

    #[test]
    fn many_addresses_take_bounded_memory() {
        let limiter = limiter(1, 60_000);
        for number in 0..40_000_u32 {
            let address = IpAddr::from(number.to_be_bytes());
            assert_eq!(limiter.admit(Caller::at(Some(address)), i64::from(number / 100)), Ok(()));
        }
        assert!(limiter.callers() <= MAX_CALLERS);
        // Who asked last is still remembered.
        let last = IpAddr::from(39_999_u32.to_be_bytes());
        assert!(limiter.admit(Caller::at(Some(last)), 400).is_err());
        // Also when all of them asked at once.
        for number in 0..40_000_u32 {
            let _ = limiter.admit(Caller::at(Some(IpAddr::from(number.to_be_bytes()))), 400);
        }
        assert!(limiter.callers() <= MAX_CALLERS);
    }

    #[test]
    fn a_network_of_version_6_is_one_caller() {
        let at = |text: &str| Caller::at(Some(text.parse().unwrap()));
        assert_eq!(at("2001:db8::1"), at("2001:db8::ffff"));
        assert_ne!(at("2001:db8::1"), at("2001:db8:0:1::1"));
        assert_eq!(at("::ffff:10.0.0.1"), at("10.0.0.1"));
        assert_ne!(at("10.0.0.2"), at("10.0.0.1"));
    }

    proptest! {
        #[test]
        fn no_window_ever_has_more_than_are_allowed(
            max in prop_oneof![1_u32..12, 250_u32..400],
            steps in prop::collection::vec(0_i64..40, 1..900),
        ) {
            const WINDOW: i64 = 1_024;
            let limiter = limiter(max, WINDOW as u64);
            let (mut now, mut admitted) = (0, Vec::<i64>::new());
            for step in steps {
                now += step;
                let inside = admitted.iter().filter(|time| **time > now - WINDOW).count() as u32;
                match limiter.admit(somebody(), now) {
                    Ok(()) => {
                        prop_assert!(inside < max);
                        admitted.push(now);
                    }
                    // Kept one by one, nobody is refused who needn't be.
                    Err(_) if max <= 256 => prop_assert_eq!(inside, max),
                    Err(wait) => prop_assert!((1..=WINDOW).contains(&wait)),
                }
            }
            let callers = limiter.callers.lock().unwrap();
            prop_assert!(callers[&somebody()].runs.len() <= 2 * PIECES as usize);
        }
    }
}
