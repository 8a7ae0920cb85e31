//! What waits for one subscriber: bounded, whatever happens and however slow it is.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::sync::Notify;

use super::asked::Asked;
use super::event::{Change, Frame, merged};
use super::text::LiveText;
use crate::engine::Engine;
use crate::model::Error;

/// How many transactions wait for a subscriber, each by itself. Behind that they become one.
const MOST_FRAMES: usize = 64;
/// How many changes wait at most, and how many bytes of documents; behind that the whole answer is read anew when it is asked for.
const MOST_CHANGES: usize = 4_096;
const MOST_BYTES: usize = 1 << 20;

/// Where a subscriber is told at once what happens, as long as it is fast enough.
///
/// It is called while others wait to be told: it must not wait, nor come back to live queries.
pub trait LiveSink: Send + Sync {
    /// Takes what [`Changes`](super::LiveEvent::Changes) are told, or answers `false` if there is no room for them, or nobody is there.
    fn take(&self, changes: &LiveText) -> bool;

    /// Has what [`take`](Self::take) looks at first read from memory, for a number that means nothing. Several are asked for it before they
    /// are told, so that memory is waited for together. It must not wait, nor panic.
    #[doc(hidden)]
    fn look(&self) -> usize {
        0
    }

    /// As [`look`](Self::look), for what is found there, and looked at next.
    #[doc(hidden)]
    fn look_behind(&self) -> usize {
        0
    }
}

/// The queue of a subscriber.
#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    ready: Notify,
    /// Where it may be told at once.
    sink: OnceLock<Arc<dyn LiveSink>>,
}

#[derive(Default)]
struct State {
    frames: VecDeque<Arc<Frame>>,
    changes: usize,
    bytes: usize,
    /// What is older is in the answer that the subscriber has.
    after: u64,
    /// The answer is being read; until it is there, nothing else can follow.
    is_answering: bool,
    /// What it has missed begins and ends before this position: it has to begin anew, with an answer from then or later.
    behind: Option<u64>,
    /// It is over.
    refused: Option<Error>,
    /// Places count: changes of windows can't be put together.
    in_order: bool,
    counts: Counts,
    /// The subscriber has asked, and been told all before: what is next may go to the sink.
    is_direct: bool,
}

/// How a subscriber has fared.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) coalesced: u64,
    pub(crate) resets: u64,
}

/// What is next for a subscriber.
pub(super) enum Next {
    /// What a transaction has changed, or several of them.
    Frame(Arc<Frame>),
    Reset,
    Ended(Error),
}

impl Queue {
    pub(super) fn new(in_order: bool) -> Arc<Self> {
        let state = Mutex::new(State { in_order, ..State::default() });
        Arc::new(Queue { state, ready: Notify::new(), sink: OnceLock::new() })
    }

    /// Has what a push asks read from memory, for a number that means nothing.
    pub(super) fn look(&self) -> usize {
        usize::from(self.state.is_poisoned()) ^ usize::from(self.sink.get().is_some())
    }

    /// The same for what the sink looks at first.
    pub(super) fn look_at_sink(&self) -> usize {
        self.sink.get().map_or(0, |sink| sink.look())
    }

    /// The same for what the sink looks at next.
    pub(super) fn look_behind_sink(&self) -> usize {
        self.sink.get().map_or(0, |sink| sink.look_behind())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something happened to what is asked.
    pub(super) fn push(&self, engine: &Engine, asked: &Asked, frame: &Arc<Frame>) {
        let mut state = self.state();
        if frame.seq <= state.after || state.refused.is_some() {
            return;
        }
        if state.behind.is_some() {
            state.start_again(frame.seq);
            return;
        }
        if state.tell_at_once(self.sink.get(), engine, asked, frame) {
            return;
        }
        state.changes += frame.changes.len();
        state.bytes += frame.size;
        if state.changes > MOST_CHANGES || state.bytes > MOST_BYTES {
            state.start_again(frame.seq);
        } else {
            state.frames.push_back(Arc::clone(frame));
            if state.in_order && state.frames.len() > MOST_FRAMES {
                state.start_again(frame.seq);
            }
        }
        drop(state);
        self.ready.notify_one();
    }

    /// What the subscriber has may not be true any more, unless it is from this position or a later one.
    pub(super) fn reset(&self, seq: u64) {
        let mut state = self.state();
        if state.after < seq {
            state.start_again(seq);
            drop(state);
            self.ready.notify_one();
        }
    }

    /// From now on what happens while the subscriber waits goes to this sink at once, unless there is one already.
    pub(super) fn direct(&self, sink: Arc<dyn LiveSink>) -> bool {
        self.sink.set(sink).is_ok()
    }

    /// What the subscriber has may not be true, whatever position it is from.
    pub(super) fn forget(&self, seq: u64) {
        self.state().start_again(seq);
        self.ready.notify_one();
    }

    /// There is no answer any more.
    pub(super) fn refuse(&self, error: Error) {
        self.state().refused.get_or_insert(error);
        self.ready.notify_one();
    }

    /// The answer is about to be read: what happens from now on waits.
    pub(super) fn prepare(&self) {
        let mut state = self.state();
        state.frames.clear();
        (state.changes, state.bytes, state.after) = (0, 0, 0);
        (state.is_answering, state.behind, state.is_direct) = (true, None, false);
    }

    /// The subscriber has the answer of this position. If too much has happened since, it has to begin anew all the same.
    pub(super) fn start(&self, position: u64) {
        let mut state = self.state();
        (state.is_answering, state.after) = (false, position);
        state.behind = state.behind.filter(|behind| *behind > position);
        while state.frames.front().is_some_and(|frame| frame.seq <= position) {
            state.pop();
        }
    }

    /// Nothing has changed up to this position that was not put in before: whether the subscriber, who has been told of all of it, has come
    /// further so.
    pub(super) fn come_to(&self, position: u64) -> bool {
        let mut state = self.state();
        let waits = state.is_answering || state.behind.is_some() || state.refused.is_some();
        let is_further = !waits && state.frames.is_empty() && state.after < position;
        if is_further {
            state.after = position;
        }
        is_further
    }

    /// Waits until there is something next.
    pub(super) async fn ready(&self) {
        loop {
            let is_ready = {
                let state = self.state();
                let is_over = state.refused.is_some() || state.is_answering || state.behind.is_some();
                is_over || !state.frames.is_empty()
            };
            if is_ready {
                return;
            }
            self.ready.notified().await;
        }
    }

    /// Waits for what is next.
    pub(super) async fn next(&self) -> Next {
        loop {
            if let Some(next) = self.take() {
                return next;
            }
            self.ready.notified().await;
        }
    }

    /// What is next, if there is something.
    pub(super) fn take(&self) -> Option<Next> {
        let mut state = self.state();
        if let Some(error) = &state.refused {
            return Some(Next::Ended(error.clone()));
        }
        if state.is_answering || state.behind.is_some() {
            state.counts.resets += u64::from(!state.is_answering);
            return Some(Next::Reset);
        }
        if state.frames.len() > MOST_FRAMES {
            let frames = std::mem::take(&mut state.frames);
            (state.changes, state.bytes) = (0, 0);
            state.after = frames.back().map_or(state.after, |frame| frame.seq);
            state.counts.coalesced += frames.len() as u64;
            // Whoever tells of more need not wait for this.
            drop(state);
            return Some(Next::Frame(Arc::new(coalesced(&frames))));
        }
        let next = state.pop();
        state.is_direct = next.is_none();
        state.after = next.as_ref().map_or(state.after, |frame| frame.seq);
        next.map(Next::Frame)
    }

    pub(super) fn counts(&self) -> Counts {
        self.state().counts
    }
}

impl State {
    /// Hands it to the sink, if that may have it and has room.
    fn tell_at_once(
        &mut self,
        sink: Option<&Arc<dyn LiveSink>>,
        engine: &Engine,
        asked: &Asked,
        frame: &Frame,
    ) -> bool {
        let is_told = self.is_direct && sink.is_some_and(|sink| sink.take(frame.text(engine, asked)));
        // What comes next must not overtake this.
        self.is_direct &= is_told;
        if is_told {
            self.after = frame.seq;
        }
        is_told
    }

    fn start_again(&mut self, behind: u64) {
        self.frames.clear();
        (self.changes, self.bytes, self.is_direct) = (0, 0, false);
        self.behind = self.behind.max(Some(behind));
    }

    fn pop(&mut self) -> Option<Arc<Frame>> {
        let frame = self.frames.pop_front()?;
        self.changes -= frame.changes.len();
        self.bytes -= frame.size;
        Some(frame)
    }
}

/// All that waits as one: for each document what is left of its changes.
fn coalesced(frames: &VecDeque<Arc<Frame>>) -> Frame {
    let mut left: Vec<Option<Change>> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for change in frames.iter().flat_map(|frame| &frame.changes) {
        let at = *places.entry(change.id()).or_insert_with(|| {
            left.push(None);
            left.len() - 1
        });
        left[at] = match &left[at] {
            Some(first) => merged(first, change.clone()),
            None => Some(change.clone()),
        };
    }
    let last = frames.back().map_or(0, |frame| frame.seq);
    Frame::new(last, left.into_iter().flatten().collect())
}
