//! One live query, for all who subscribe to it: what is asked is worked out once.

use std::sync::{Arc, Weak};

use super::event::{Frame, LiveChange, LiveChangeKind};
use super::queue::Queue;
use super::token;
use super::window::{Window, id_of, json_of};
use crate::engine::{Engine, Standing};
use crate::store::{Commit, RowChange};

/// How many changes wait for a window that is being read.
const MOST: usize = 1_000;

/// A standing query with those who subscribe to it.
pub(super) struct Node {
    pub(super) standing: Arc<Standing>,
    pub(super) subscribers: Vec<Weak<Queue>>,
    /// Transactions that began under an earlier generation may have changes that nobody noted.
    pub(super) generation: u64,
    pub(super) state: State,
}

/// What a node knows of its answer.
pub(super) enum State {
    /// Nothing: the two rows of a change decide.
    Open,
    /// The window is not read yet. What happened since it was asked for waits; it has to be read behind this position.
    Unread(Vec<Commit>, u64),
    /// The window, as it was at a position.
    Shown(Window, u64),
    /// The window was right at a position, and has to be read anew.
    Stale(Window, u64),
}

impl Node {
    pub(super) fn new(standing: Arc<Standing>, generation: u64) -> Self {
        let state = match standing.count {
            Some(_) => State::Unread(Vec::new(), 0),
            None => State::Open,
        };
        Node { standing, subscribers: Vec::new(), generation, state }
    }

    /// Takes in what one transaction changed. Answers whether its window has to be read now.
    pub(super) fn apply(&mut self, engine: &Engine, seq: u64, changes: &[&RowChange]) -> bool {
        match &mut self.state {
            State::Open => {
                let changes: Vec<LiveChange> =
                    changes.iter().filter_map(|change| decided(&self.standing, change)).collect();
                self.tell(engine, seq, changes);
            }
            State::Unread(waiting, behind) => {
                if waiting.iter().map(|commit| commit.changes.len()).sum::<usize>() + changes.len() > MOST {
                    // It is being read for so long that it is cheaper to read it again.
                    waiting.clear();
                    *behind = seq.max(*behind);
                } else {
                    let changes = changes.iter().map(|&change| change.clone()).collect();
                    waiting.push(Commit { seq, changes });
                }
            }
            State::Shown(window, position) if seq > *position => {
                match window.apply(&self.standing, changes) {
                    Some(changes) => {
                        *position = seq;
                        self.tell(engine, seq, changes);
                    }
                    None => return self.spoil(),
                }
            }
            State::Shown(..) | State::Stale(..) => {}
        }
        false
    }

    /// Something happened that nobody noted, up to this position. Answers whether its window has to be read now.
    pub(super) fn missed(&mut self, until: u64) -> bool {
        match &mut self.state {
            State::Open => {
                for queue in self.subscribers.iter().filter_map(Weak::upgrade) {
                    queue.reset(until);
                }
            }
            State::Unread(_, behind) => *behind = (*behind).max(until),
            State::Shown(_, position) if *position < until => return self.spoil(),
            State::Shown(..) | State::Stale(..) => {}
        }
        false
    }

    fn spoil(&mut self) -> bool {
        let state = std::mem::replace(&mut self.state, State::Open);
        self.state = match state {
            State::Shown(window, position) => State::Stale(window, position),
            other => other,
        };
        self.is_stale()
    }

    /// Whether its window has to be read.
    pub(super) fn is_stale(&self) -> bool {
        matches!(self.state, State::Stale(..))
    }

    /// The window was read at a position. Answers whether it has to be read again.
    pub(super) fn read(&mut self, engine: &Engine, position: u64, window: Window) -> bool {
        match std::mem::replace(&mut self.state, State::Open) {
            State::Unread(_, behind) if position < behind => self.state = State::Stale(window, position),
            State::Unread(waiting, _) => {
                self.state = State::Shown(window, position);
                for commit in waiting {
                    let changes: Vec<&RowChange> = commit.changes.iter().collect();
                    self.apply(engine, commit.seq, &changes);
                }
            }
            State::Stale(mut known, then) | State::Shown(mut known, then) if then < position => {
                let changes = known.replace(&self.standing, window);
                self.state = State::Shown(known, position);
                self.tell(engine, position, changes);
            }
            other => self.state = other,
        }
        self.is_stale()
    }

    /// What it shows, or has shown last, and since when.
    pub(super) fn shown(&self) -> Option<(&Window, u64)> {
        match &self.state {
            State::Shown(window, position) | State::Stale(window, position) => Some((window, *position)),
            State::Open | State::Unread(..) => None,
        }
    }

    fn tell(&mut self, engine: &Engine, seq: u64, changes: Vec<LiveChange>) {
        self.subscribers.retain(|queue| queue.strong_count() > 0);
        if changes.is_empty() || self.subscribers.is_empty() {
            return;
        }
        let position = token::encode(&self.standing, engine, seq);
        let frame = Arc::new(Frame::new(seq, &position, changes));
        for queue in self.subscribers.iter().filter_map(Weak::upgrade) {
            queue.push(&frame);
        }
    }
}

/// What a change of a row is for those who see the rows that fulfil the filter.
pub(super) fn decided(standing: &Standing, change: &RowChange) -> Option<LiveChange> {
    let (old, new) = (change.old.as_ref(), change.new.as_ref());
    let was = old.filter(|row| standing.matches(*row));
    let is = new.filter(|row| standing.matches(*row));
    let kind = match (was, is) {
        (None, None) => return None,
        (None, Some(_)) => LiveChangeKind::Enter,
        (Some(_), Some(_)) => LiveChangeKind::Update,
        (Some(_), None) => LiveChangeKind::Leave,
    };
    let id = id_of(is.or(was)?);
    Some(LiveChange { kind, id, document: is.map(|row| json_of(standing, row)), index: None })
}
