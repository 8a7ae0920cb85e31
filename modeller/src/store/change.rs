//! The change log: what every committed write leaves behind.

use crate::model::Value;

/// What a change did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChangeOp {
    /// A document is new, or came back from the trash.
    Insert,
    /// A document has other values.
    Update,
    /// A document is gone, or went to the trash.
    Delete,
}

/// One entry of the change log.
///
/// It holds what the tables no longer do: the former values. The row as it was *after* a change is the row now with
/// all later changes undone.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Its place in the order of commits. Numbers grow; they need not be consecutive.
    pub seq: u64,
    /// The same for all changes of one transaction: the `seq` of its last change.
    pub transaction: u64,
    /// The model's path (`scope/name`).
    pub model: String,
    /// The document's id.
    pub id: String,
    /// What was done.
    pub op: ChangeOp,
    /// Former values by column index: of the columns that changed (update), of all (delete), of none (insert).
    pub old: Vec<(usize, Value)>,
    /// Who did it, where that is known.
    pub actor: Option<String>,
    /// When, in Unix milliseconds.
    pub at: i64,
}
