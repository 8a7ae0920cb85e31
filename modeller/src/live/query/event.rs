//! What becomes of the answer of a live query, as its subscribers are told.

use std::sync::Arc;

use serde_json::Value as Json;

use super::text::LiveText;
use crate::engine::Standing;

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

impl LiveChange {
    fn write(&self, form: Form, out: &mut String) {
        out.push_str("{\"type\":\"");
        out.push_str(self.kind.name());
        if form == Form::Documents {
            out.push_str("\",\"_id\":");
            out.push_str(&Json::from(&*self.id).to_string());
        } else {
            out.push_str("\",\"key\":");
            out.push_str(&self.id);
        }
        if let Some(index) = self.index {
            out.push_str(",\"index\":");
            out.push_str(&index.to_string());
        }
        if let Some(document) = &self.document {
            out.push_str(if form == Form::Documents { ",\"document\":" } else { ",\"group\":" });
            out.push_str(document);
        }
        out.push('}');
    }
}

/// What a live query tells its subscribers of one transaction.
#[derive(Debug)]
pub(super) struct Frame {
    /// The transaction.
    pub(super) seq: u64,
    pub(super) changes: Vec<LiveChange>,
    pub(super) text: LiveText,
}

impl Frame {
    pub(super) fn new(form: Form, seq: u64, position: &str, changes: Vec<LiveChange>) -> Self {
        if let (Form::Figure, Some(LiveChange { document: Some(figure), .. })) = (form, changes.last()) {
            let text = format!("{{\"position\":\"{position}\",\"data\":{figure}}}").into();
            return Frame { seq, changes, text };
        }
        let mut text = format!("{{\"position\":\"{position}\",\"changes\":[");
        for (at, change) in changes.iter().enumerate() {
            if at > 0 {
                text.push(',');
            }
            change.write(form, &mut text);
        }
        text.push_str("]}");
        Frame { seq, changes, text: text.into() }
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
pub(super) fn merged(first: LiveChange, then: LiveChange) -> Option<LiveChange> {
    use LiveChangeKind::{Enter, Leave, Move, Update};
    match (first.kind, then.kind) {
        (Enter, Leave) => None,
        (Enter, Enter | Update | Move) => Some(LiveChange { kind: Enter, ..then }),
        (Leave, Enter | Update | Move) => Some(LiveChange { kind: Update, ..then }),
        (Leave | Update | Move, Leave) => Some(then),
        (Update | Move, Enter | Update | Move) => Some(LiveChange { kind: Update, ..then }),
    }
}
