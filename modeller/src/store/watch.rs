//! What a store tells of its commits.

use super::ChangeOp;
use crate::model::{Row, Shape};

/// Told of every commit, in the order of the commits, as soon as it is durable.
pub trait Watcher: Send + Sync + 'static {
    /// A number that grows whenever [`wants`](Watcher::wants) may answer something else than before. A store asks for it when a
    /// transaction begins, and says with the commit what it was told: changes that were made under an older one may not be among
    /// the rows.
    fn generation(&self) -> u64;

    /// Whether the rows of this model's changes are wanted.
    fn wants(&self, shape: &'static Shape) -> bool;

    /// Something was committed. It must not block: nobody who has written is answered before.
    fn committed(&self, batch: Batch);
}

/// Transactions that were committed together.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// The last number in the change log before. If it is not that of the last batch, another process has written meanwhile.
    pub after: u64,
    /// The last number in the change log now.
    pub until: u64,
    /// What [`Watcher::generation`] was when the first of the transactions began; 0 if there are more changes than are told.
    pub generation: u64,
    /// The transactions, as far as their changes are wanted.
    pub commits: Vec<Commit>,
}

/// One transaction.
#[derive(Clone, Debug)]
pub struct Commit {
    /// The number of its last change in the change log.
    pub seq: u64,
    /// Its changes, in the order in which they were made. A document may be changed several times.
    pub changes: Vec<RowChange>,
}

/// One change of a row, as those see it who do not see the trash.
#[derive(Clone, Debug)]
pub struct RowChange {
    /// The model.
    pub shape: &'static Shape,
    /// What was done.
    pub op: ChangeOp,
    /// The row before; `None` for an insert.
    pub old: Option<Row>,
    /// The row now; `None` for a delete.
    pub new: Option<Row>,
}

impl RowChange {
    /// About how many bytes it takes.
    pub(crate) fn size(&self) -> usize {
        let values = [&self.old, &self.new].into_iter().flatten().flat_map(|row| &row.0);
        values.map(|value| 24 + value.as_text().map_or(0, str::len)).sum()
    }
}
