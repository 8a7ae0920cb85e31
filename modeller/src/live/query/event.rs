//! What becomes of the answer of a live query, as its subscribers are told.

use std::io::Write as _;
use std::sync::{Arc, OnceLock};

use super::asked::Asked;
use super::text::LiveText;
use crate::engine::{Engine, Standing};
use crate::model::{Shape, write_row};
use crate::store::RowChange;

/// What happened to one document of a live query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LiveChangeKind {
    /// It belongs to the query now.
    Enter,
    /// It has other values.
    Update,
    /// It has another place, and perhaps other values.
    Move,
    /// It does not belong to the query any more.
    Leave,
}

impl LiveChangeKind {
    /// All of them.
    pub const ALL: [LiveChangeKind; 4] =
        [LiveChangeKind::Enter, LiveChangeKind::Update, LiveChangeKind::Move, LiveChangeKind::Leave];

    /// `enter`, `update`, `move` or `leave`.
    pub const fn name(self) -> &'static str {
        match self {
            LiveChangeKind::Enter => "enter",
            LiveChangeKind::Update => "update",
            LiveChangeKind::Move => "move",
            LiveChangeKind::Leave => "leave",
        }
    }
}

/// What an answer is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Documents, each with an id.
    Documents,
    /// The figures of groups, each with keys.
    Groups,
    /// One figure, or one object of several.
    Figure,
}

impl Form {
    /// What this query answers.
    pub(super) fn of(standing: &Standing) -> Self {
        match &standing.figures {
            None => Form::Documents,
            Some(figured) if figured.is_grouped() => Form::Groups,
            Some(_) => Form::Figure,
        }
    }
}

/// One change of the answer. They are meant one after the other: an index counts what is there once those before it are done.
#[derive(Clone, Debug)]
pub struct LiveChange {
    /// What happened.
    pub kind: LiveChangeKind,
    /// The document; of figures the keys of the group, as JSON.
    pub id: Arc<str>,
    /// Its JSON; `None` if it leaves.
    pub document: Option<Arc<str>>,
    /// Its place, in a query with a `count`: where it is put, after it was taken out of where it was.
    pub index: Option<usize>,
}

/// One change of the answer as it waits for those who are told.
#[derive(Clone, Debug)]
pub(super) enum Change {
    /// It is worked out.
    Made(LiveChange),
    /// What was written says it: most of what waits for somebody slow is never told as it is.
    Row(LiveChangeKind, Arc<RowChange>),
}

impl Change {
    pub(super) fn kind(&self) -> LiveChangeKind {
        match self {
            Change::Made(change) => change.kind,
            Change::Row(kind, _) => *kind,
        }
    }

    /// The same with another name for what happened.
    fn called(self, kind: LiveChangeKind) -> Self {
        match self {
            Change::Made(change) => Change::Made(LiveChange { kind, ..change }),
            Change::Row(_, change) => Change::Row(kind, change),
        }
    }

    pub(super) fn id(&self) -> &str {
        match self {
            Change::Made(change) => &change.id,
            Change::Row(_, change) => {
                let row = change.new.as_ref().or(change.old.as_ref());
                row.and_then(|row| row[Shape::ID].as_text()).unwrap_or_default()
            }
        }
    }

    /// About how many bytes it takes.
    fn size(&self) -> usize {
        size_of::<Frame>()
            + match self {
                Change::Made(change) => {
                    change.id.len() + change.document.as_ref().map_or(0, |json| json.len())
                }
                Change::Row(_, change) => change.size(),
            }
    }

    fn write(&self, form: Form, standing: &Standing, out: &mut Vec<u8>) {
        // Nothing that is written to memory fails.
        let _ = write!(out, "{{\"type\":\"{}\"", self.kind().name());
        if form == Form::Documents {
            out.extend_from_slice(b",\"_id\":");
            let _ = serde_json::to_writer(&mut *out, self.id());
        } else {
            let _ = write!(out, ",\"key\":{}", self.id());
        }
        match self {
            Change::Made(change) => {
                if let Some(index) = change.index {
                    let _ = write!(out, ",\"index\":{index}");
                }
                if let Some(document) = &change.document {
                    let name = if form == Form::Documents { "document" } else { "group" };
                    let _ = write!(out, ",\"{name}\":{document}");
                }
            }
            Change::Row(kind, change) => {
                if let (Some(row), true) = (&change.new, *kind != LiveChangeKind::Leave) {
                    out.extend_from_slice(b",\"document\":");
                    write_row(standing.shape, row, &standing.view, out);
                }
            }
        }
        out.push(b'}');
    }
}

/// What a live query tells its subscribers of one transaction.
#[derive(Debug)]
pub(super) struct Frame {
    /// The transaction.
    pub(super) seq: u64,
    pub(super) changes: Vec<Change>,
    /// About how many bytes it takes.
    pub(super) size: usize,
    /// Made for the first one who is told.
    text: OnceLock<LiveText>,
}

impl Frame {
    pub(super) fn new(seq: u64, changes: Vec<Change>) -> Self {
        let size = changes.iter().map(Change::size).sum();
        Frame { seq, changes, size, text: OnceLock::new() }
    }

    /// What those are told who have asked this: the same for all of them.
    pub(super) fn text(&self, engine: &Engine, asked: &Asked) -> &LiveText {
        self.text.get_or_init(|| self.write(&asked.position(engine, self.seq), &asked.standing))
    }

    fn write(&self, position: &str, standing: &Standing) -> LiveText {
        let form = Form::of(standing);
        if let (Form::Figure, Some(Change::Made(LiveChange { document: Some(figure), .. }))) =
            (form, self.changes.last())
        {
            return format!("{{\"position\":\"{position}\",\"data\":{figure}}}").into();
        }
        let mut text = Vec::with_capacity(self.size + 64);
        let _ = write!(text, "{{\"position\":\"{position}\",\"changes\":[");
        for (at, change) in self.changes.iter().enumerate() {
            if at > 0 {
                text.push(b',');
            }
            change.write(form, standing, &mut text);
        }
        text.extend_from_slice(b"]}");
        // JSON is always UTF-8.
        String::from_utf8(text).unwrap_or_default().into()
    }
}

/// The whole answer as JSON.
pub(super) fn whole(form: Form, position: &str, reset: bool, documents: &[Arc<str>]) -> LiveText {
    let mut text = format!("{{\"position\":\"{position}\"");
    if reset {
        text.push_str(",\"reset\":true");
    }
    if let (Form::Figure, [figure]) = (form, documents) {
        text.push_str(",\"data\":");
        text.push_str(figure);
        text.push('}');
        return text.into();
    }
    text.push_str(if form == Form::Documents { ",\"documents\":[" } else { ",\"groups\":[" });
    for (at, document) in documents.iter().enumerate() {
        if at > 0 {
            text.push(',');
        }
        text.push_str(document);
    }
    text.push_str("]}");
    text.into()
}

/// Several changes of one document, one after the other, as one; `None` if nothing is left of them.
pub(super) fn merged(first: &Change, then: Change) -> Option<Change> {
    use LiveChangeKind::{Enter, Leave, Move, Update};
    match (first.kind(), then.kind()) {
        (Enter, Leave) => None,
        (Enter, Enter | Update | Move) => Some(then.called(Enter)),
        (Leave, Enter | Update | Move) => Some(then.called(Update)),
        (Leave | Update | Move, Leave) => Some(then),
        (Update | Move, Enter | Update | Move) => Some(then.called(Update)),
    }
}
