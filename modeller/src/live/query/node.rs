//! One live query, for all who subscribe to it: what is asked is worked out once.

use std::sync::{Arc, Weak};

use super::event::{Form, Frame, LiveChange, LiveChangeKind};
use super::kept::{Kept, Taken};
use super::queue::Queue;
use super::token;
use super::window::{id_of, json_of};
use crate::engine::{Engine, Standing};
use crate::model::{Error, Shape};
use crate::query::Filter;
use crate::store::{Commit, RowChange};

/// How many changes wait for an answer that is being read.
const MOST: usize = 1_000;

/// A standing query with those who subscribe to it.
pub(super) struct Node {
    pub(super) standing: Arc<Standing>,
    pub(super) subscribers: Vec<Weak<Queue>>,
    /// Transactions that began under an earlier generation may have changes that nobody noted.
    pub(super) generation: u64,
    state: State,
    /// Under which filters it is filed.
    pub(super) filed: Vec<(&'static Shape, Filter)>,
    /// Somebody reads its answer anew.
    pub(super) is_read: bool,
}

/// What a node knows of its answer.
enum State {
    /// Nothing: the two rows of a change decide.
    Open,
    /// The answer is not read yet.
    Unread(Waiting),
    /// The answer, as it was at a position.
    Shown(Kept, u64),
    /// The answer was right at a position, and has to be read anew.
    Stale(Kept, u64, Waiting),
}

/// What happens while an answer is being read.
#[derive(Default)]
struct Waiting {
    commits: Vec<Commit>,
    changes: usize,
    /// It has to be read at this position or a later one.
    behind: u64,
}

impl Waiting {
    fn behind(position: u64) -> Self {
        Waiting { behind: position, ..Waiting::default() }
    }

    fn add(&mut self, seq: u64, changes: &[&RowChange]) {
        self.changes += changes.len();
        if self.changes > MOST {
            // It is being read for so long that it is cheaper to read it again.
            *self = Waiting::behind(seq.max(self.behind));
        } else {
            let changes = changes.iter().map(|&change| change.clone()).collect();
            self.commits.push(Commit { seq, changes });
        }
    }
}

impl Node {
    pub(super) fn new(
        standing: Arc<Standing>,
        generation: u64,
        filed: Vec<(&'static Shape, Filter)>,
    ) -> Self {
        let state = if standing.is_open() { State::Open } else { State::Unread(Waiting::default()) };
        Node { standing, subscribers: Vec::new(), generation, state, filed, is_read: false }
    }

    /// Takes in what one transaction changed. Answers whether its answer has to be read now.
    pub(super) fn apply(&mut self, engine: &Engine, seq: u64, changes: &[&RowChange]) -> bool {
        match &mut self.state {
            State::Open => {
                let changes: Vec<LiveChange> =
                    changes.iter().filter_map(|change| decided(&self.standing, change)).collect();
                self.tell(engine, seq, changes);
            }
            // Their rows say nothing.
            State::Unread(waiting) | State::Stale(.., waiting) if self.standing.is_related() => {
                waiting.behind = waiting.behind.max(seq);
            }
            State::Unread(waiting) | State::Stale(.., waiting) => waiting.add(seq, changes),
            State::Shown(kept, position) if seq > *position => match kept.apply(&self.standing, changes) {
                Taken::Changes(changes) => {
                    *position = seq;
                    self.tell(engine, seq, changes);
                }
                Taken::Unknown => return self.spoil(seq),
                Taken::Refused(error) => self.refuse(&error),
            },
            State::Shown(..) => {}
        }
        false
    }

    /// Something happened that nobody noted, up to this position. Answers whether its answer has to be read now.
    pub(super) fn missed(&mut self, until: u64) -> bool {
        match &mut self.state {
            State::Open => self.queues().for_each(|queue| queue.reset(until)),
            State::Unread(waiting) | State::Stale(.., waiting) => waiting.behind = waiting.behind.max(until),
            State::Shown(_, position) if *position < until => return self.spoil(until),
            State::Shown(..) => {}
        }
        false
    }

    /// Nothing that it knows is sure any more: all who subscribe begin anew.
    pub(super) fn forget(&mut self, until: u64) {
        if !matches!(self.state, State::Open) {
            self.state = State::Unread(Waiting::behind(until));
        }
        self.queues().for_each(|queue| queue.forget(until));
    }

    /// There is no answer: it is over for all who subscribe. Who comes later may find one.
    pub(super) fn refuse(&mut self, error: &Error) {
        self.queues().for_each(|queue| queue.refuse(error.clone()));
        self.state = State::Unread(Waiting::default());
    }

    fn queues(&self) -> impl Iterator<Item = Arc<Queue>> + use<'_> {
        self.subscribers.iter().filter_map(Weak::upgrade)
    }

    fn spoil(&mut self, behind: u64) -> bool {
        let state = std::mem::replace(&mut self.state, State::Open);
        self.state = match state {
            State::Shown(kept, position) => State::Stale(kept, position, Waiting::behind(behind)),
            other => other,
        };
        self.is_stale()
    }

    /// All that concerns it is matched up to this position: what is shown is right there, too.
    pub(super) fn come_to(&mut self, matched: u64) {
        if let State::Shown(_, position) = &mut self.state {
            *position = matched.max(*position);
        }
    }

    /// Whether those who subscribe have what is left of all that was matched.
    pub(super) fn is_told(&self) -> bool {
        matches!(self.state, State::Open | State::Shown(..))
    }

    /// Whether its answer has to be read.
    pub(super) fn is_stale(&self) -> bool {
        matches!(self.state, State::Stale(..))
    }

    /// The answer was read at a position. Answers whether it has to be read again.
    pub(super) fn read(&mut self, engine: &Engine, position: u64, read: Kept) -> bool {
        let waiting = match std::mem::replace(&mut self.state, State::Open) {
            State::Unread(waiting) => {
                self.state = if position < waiting.behind {
                    State::Stale(read, position, Waiting::behind(waiting.behind))
                } else {
                    State::Shown(read, position)
                };
                waiting
            }
            State::Stale(mut known, then, waiting) if then < position => {
                let changes = known.replace(&self.standing, read);
                self.state = if position < waiting.behind {
                    State::Stale(known, position, Waiting::behind(waiting.behind))
                } else {
                    State::Shown(known, position)
                };
                self.tell(engine, position, changes);
                waiting
            }
            State::Shown(mut known, then) if then < position => {
                let changes = known.replace(&self.standing, read);
                self.state = State::Shown(known, position);
                self.tell(engine, position, changes);
                Waiting::default()
            }
            other => {
                self.state = other;
                return self.is_stale();
            }
        };
        for commit in waiting.commits {
            let changes: Vec<&RowChange> = commit.changes.iter().collect();
            if commit.seq > position {
                self.apply(engine, commit.seq, &changes);
            }
        }
        self.is_stale()
    }

    /// What it shows, or has shown last, and since when.
    pub(super) fn shown(&self) -> Option<(&Kept, u64)> {
        match &self.state {
            State::Shown(kept, position) | State::Stale(kept, position, _) => Some((kept, *position)),
            State::Open | State::Unread(..) => None,
        }
    }

    fn tell(&mut self, engine: &Engine, seq: u64, changes: Vec<LiveChange>) {
        self.subscribers.retain(|queue| queue.strong_count() > 0);
        if changes.is_empty() || self.subscribers.is_empty() {
            return;
        }
        let position = token::encode(&self.standing, engine, seq);
        let frame = Arc::new(Frame::new(Form::of(&self.standing), seq, &position, changes));
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
