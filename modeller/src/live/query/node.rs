//! One live query, for all who subscribe to it: what is asked is worked out once.

use std::sync::Arc;

use super::Filed;
use super::asked::Asked;
use super::event::{Change, Frame, LiveChange, LiveChangeKind};
use super::kept::{Kept, Taken};
use super::queue::Queue;
use crate::engine::{Engine, Standing};
use crate::live::lookahead::{self, Look};
use crate::model::{Error, Shape, Value};
use crate::query::{Filter, Op, Operand};
use crate::store::RowChange;

/// How many changes wait for an answer that is being read.
const MOST: usize = 1_000;

/// A standing query with those who subscribe to it. There may be very many, most of which are seldom looked at: it is small.
pub(super) struct Node {
    pub(super) asked: Arc<Asked>,
    subscribers: Subscribers,
    /// Transactions that began under an earlier generation may have changes that nobody noted.
    pub(super) generation: u64,
    /// What it knows of its answer. `None` if that is nothing: the two rows of a change decide.
    known: Option<Box<Known>>,
}

/// Most have one.
enum Subscribers {
    One(Arc<Queue>),
    Several(Vec<Arc<Queue>>),
}

/// What is known of an answer that rows alone don't decide.
struct Known {
    state: State,
    /// Under which filters it is filed.
    filed: Vec<Filed>,
    /// Somebody reads its answer anew.
    is_read: bool,
}

/// How far an answer is known.
enum State {
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
    commits: Vec<(u64, Vec<Arc<RowChange>>)>,
    changes: usize,
    /// It has to be read at this position or a later one.
    behind: u64,
}

impl Waiting {
    fn behind(position: u64) -> Self {
        Waiting { behind: position, ..Waiting::default() }
    }

    fn add(&mut self, seq: u64, changes: &[Arc<RowChange>]) {
        self.changes += changes.len();
        if self.changes > MOST {
            // It is being read for so long that it is cheaper to read it again.
            *self = Waiting::behind(seq.max(self.behind));
        } else {
            self.commits.push((seq, changes.to_vec()));
        }
    }
}

impl Subscribers {
    fn all(&self) -> &[Arc<Queue>] {
        match self {
            Subscribers::One(one) => std::slice::from_ref(one),
            Subscribers::Several(all) => all,
        }
    }
}

impl Node {
    /// It is told of what is committed behind a position: its answer has to be from there, or later.
    pub(super) fn new(asked: Arc<Asked>, generation: u64, filed: Vec<Filed>, position: u64) -> Self {
        let known = (!asked.standing.is_open()).then(|| {
            let state = State::Unread(Waiting::behind(position));
            Box::new(Known { state, filed, is_read: false })
        });
        Node { asked, subscribers: Subscribers::Several(Vec::new()), generation, known }
    }

    /// Somebody more subscribes.
    pub(super) fn join(&mut self, queue: Arc<Queue>) {
        let all = std::mem::replace(&mut self.subscribers, Subscribers::Several(Vec::new()));
        self.subscribers = match all {
            Subscribers::One(one) => Subscribers::Several(vec![one, queue]),
            Subscribers::Several(none) if none.is_empty() => Subscribers::One(queue),
            Subscribers::Several(mut all) => {
                all.push(queue);
                Subscribers::Several(all)
            }
        };
    }

    /// Somebody does no longer; whether anybody else does.
    pub(super) fn part(&mut self, queue: &Arc<Queue>) -> bool {
        match &mut self.subscribers {
            Subscribers::One(one) if Arc::ptr_eq(one, queue) => {
                self.subscribers = Subscribers::Several(Vec::new());
            }
            Subscribers::One(_) => {}
            Subscribers::Several(all) => all.retain(|other| !Arc::ptr_eq(other, queue)),
        }
        !self.queues().is_empty()
    }

    /// Whether it was made of this question, and not of another one that says the same.
    pub(super) fn has_asked(&self, asked: &Arc<Asked>) -> bool {
        Arc::ptr_eq(&self.asked, asked)
    }

    pub(super) fn queues(&self) -> &[Arc<Queue>] {
        self.subscribers.all()
    }

    /// Under which filters it is filed.
    pub(super) fn filed(&self) -> Vec<Filed> {
        self.known.as_ref().map_or_else(|| self.asked.standing.watched(None), |known| known.filed.clone())
    }

    /// From now on it is filed under others.
    pub(super) fn file(&mut self, filed: Vec<Filed>) {
        if let Some(known) = &mut self.known {
            known.filed = filed;
        }
    }

    /// Has itself read from memory, for a number that means nothing.
    pub(super) fn look(&self) -> usize {
        self.generation as usize
    }

    /// Has what it asks read from memory, and who subscribes.
    pub(super) fn look_at_question(&self) -> usize {
        let filter = matches!(self.asked.standing.filter, Filter::True);
        self.queues().first().map_or(0, Arc::strong_count) ^ usize::from(filter)
    }

    /// Has the value read from memory that is most likely to be compared.
    pub(super) fn look_into_question(&self) -> usize {
        match &self.asked.standing.filter {
            Filter::Test(_, Op::Eq(Operand::Cell(Value::Text(text)))) => {
                text.as_bytes().first().map_or(0, |&byte| byte.into())
            }
            _ => 0,
        }
    }

    /// Takes in what one transaction changed. Answers whether its answer has to be read now.
    pub(super) fn apply(&mut self, engine: &Engine, seq: u64, changes: &[Arc<RowChange>]) -> bool {
        let standing = &self.asked.standing;
        let Some(known) = &mut self.known else {
            let decide =
                |change: &Arc<RowChange>| Some(Change::Row(decided(standing, change)?, Arc::clone(change)));
            let changes: Vec<Change> = changes.iter().filter_map(decide).collect();
            self.tell(engine, seq, changes);
            return false;
        };
        match &mut known.state {
            // Their rows say nothing.
            State::Unread(waiting) | State::Stale(.., waiting) if standing.is_related() => {
                waiting.behind = waiting.behind.max(seq);
            }
            State::Unread(waiting) | State::Stale(.., waiting) => waiting.add(seq, changes),
            State::Shown(kept, position) if seq > *position => match kept.apply(standing, changes) {
                Taken::Changes(changes) => {
                    *position = seq;
                    self.tell(engine, seq, made(changes));
                }
                Taken::Unknown => return known.spoil(seq),
                Taken::Refused(error) => self.refuse(&error, seq),
            },
            State::Shown(..) => {}
        }
        false
    }

    /// Something happened that nobody noted, up to this position. Answers whether its answer has to be read now.
    pub(super) fn missed(&mut self, until: u64) -> bool {
        let Some(known) = &mut self.known else {
            self.queues().iter().for_each(|queue| queue.reset(until));
            return false;
        };
        match &mut known.state {
            State::Unread(waiting) | State::Stale(.., waiting) => waiting.behind = waiting.behind.max(until),
            State::Shown(_, position) if *position < until => return known.spoil(until),
            State::Shown(..) => {}
        }
        false
    }

    /// Nothing that it knows is sure any more: all who subscribe begin anew.
    pub(super) fn forget(&mut self, until: u64) {
        if let Some(known) = &mut self.known {
            known.state = State::Unread(Waiting::behind(until));
        }
        self.queues().iter().for_each(|queue| queue.forget(until));
    }

    /// There is no answer at this position: it is over for all who subscribe. Who comes later may find one.
    pub(super) fn refuse(&mut self, error: &Error, until: u64) {
        self.queues().iter().for_each(|queue| queue.refuse(error.clone()));
        if let Some(known) = &mut self.known {
            known.state = State::Unread(Waiting::behind(until));
        }
    }

    /// All that concerns it is matched up to this position: what is shown is right there, too.
    pub(super) fn come_to(&mut self, matched: u64) {
        if let Some(known) = &mut self.known
            && let State::Shown(_, position) = &mut known.state
        {
            *position = matched.max(*position);
        }
    }

    /// Whether those who subscribe have what is left of all that was matched.
    pub(super) fn is_told(&self) -> bool {
        self.known.as_ref().is_none_or(|known| matches!(known.state, State::Shown(..)))
    }

    /// Whether its answer has to be read.
    pub(super) fn is_stale(&self) -> bool {
        self.known.as_ref().is_some_and(|known| known.is_stale())
    }

    /// Whether its answer has to be read, and nobody does it yet: who asks does it from now on.
    pub(super) fn is_due(&mut self) -> bool {
        let is_free =
            |known: &mut Box<Known>| known.is_stale() && !std::mem::replace(&mut known.is_read, true);
        self.known.as_mut().is_some_and(is_free)
    }

    /// Whoever reads its answer anew comes back; whether there is more to be read.
    pub(super) fn goes_on(&mut self) -> bool {
        let Some(known) = &mut self.known else { return false };
        known.is_read = known.is_stale();
        known.is_read
    }

    /// The answer was read at a position. Answers whether it has to be read again.
    pub(super) fn read(&mut self, engine: &Engine, position: u64, read: Kept) -> bool {
        let standing = &self.asked.standing;
        let Some(known) = &mut self.known else { return false };
        let reached = |kept: Kept, behind: u64| match position < behind {
            true => State::Stale(kept, position, Waiting::behind(behind)),
            false => State::Shown(kept, position),
        };
        let before = std::mem::replace(&mut known.state, State::Unread(Waiting::default()));
        let (changes, waiting) = match before {
            State::Unread(waiting) => {
                known.state = reached(read, waiting.behind);
                (Vec::new(), waiting)
            }
            State::Stale(mut kept, then, waiting) if then < position => {
                let changes = kept.replace(standing, read);
                known.state = reached(kept, waiting.behind);
                (changes, waiting)
            }
            State::Shown(mut kept, then) if then < position => {
                let changes = kept.replace(standing, read);
                known.state = State::Shown(kept, position);
                (changes, Waiting::default())
            }
            other => {
                known.state = other;
                return self.is_stale();
            }
        };
        self.tell(engine, position, made(changes));
        for (seq, changes) in waiting.commits {
            if seq > position {
                self.apply(engine, seq, &changes);
            }
        }
        self.is_stale()
    }

    /// What it shows, or has shown last, and since when.
    pub(super) fn shown(&self) -> Option<(&Kept, u64)> {
        match &self.known.as_ref()?.state {
            State::Shown(kept, position) | State::Stale(kept, position, _) => Some((kept, *position)),
            State::Unread(..) => None,
        }
    }

    fn tell(&self, engine: &Engine, seq: u64, changes: Vec<Change>) {
        if changes.is_empty() || self.queues().is_empty() {
            return;
        }
        let frame = Arc::new(Frame::new(seq, changes));
        let looks: [Look<&Arc<Queue>>; 3] =
            [|it| it.look(), |it| it.look_at_sink(), |it| it.look_behind_sink()];
        lookahead::for_each(self.queues().iter(), &looks, |queue| queue.push(engine, &self.asked, &frame));
    }
}

impl Known {
    fn spoil(&mut self, behind: u64) -> bool {
        let state = std::mem::replace(&mut self.state, State::Unread(Waiting::default()));
        self.state = match state {
            State::Shown(kept, position) => State::Stale(kept, position, Waiting::behind(behind)),
            other => other,
        };
        self.is_stale()
    }

    fn is_stale(&self) -> bool {
        matches!(self.state, State::Stale(..))
    }
}

fn made(changes: Vec<LiveChange>) -> Vec<Change> {
    changes.into_iter().map(Change::Made).collect()
}

/// What a change of a row is for those who see the rows that fulfil the filter.
pub(super) fn decided(standing: &Standing, change: &RowChange) -> Option<LiveChangeKind> {
    let (old, new) = (change.old.as_ref(), change.new.as_ref());
    let was = old.filter(|row| standing.matches(*row));
    let is = new.filter(|row| standing.matches(*row));
    let kind = match (was, is) {
        (None, None) => return None,
        (None, Some(_)) => LiveChangeKind::Enter,
        (Some(_), Some(_)) => LiveChangeKind::Update,
        (Some(_), None) => LiveChangeKind::Leave,
    };
    // What is wrong with a row breaks here, where nothing is told yet, and not where somebody is told of it.
    let _id: &Value = &is.or(was)?[Shape::ID];
    Some(kind)
}
