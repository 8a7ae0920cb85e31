//! Reads that belong together, from one moment of the store.

use std::sync::Arc;

use super::{Answer, BoxFuture, Sink, Store};
use crate::model::Result;
use crate::query::Select;

/// The store as a [`Look`] sees it.
pub trait View: Send {
    /// As [`Store::read`].
    fn read<'a>(
        &'a mut self,
        select: &'a Select,
        sink: Box<dyn Sink>,
    ) -> BoxFuture<'a, Result<Box<dyn Sink>>>;

    /// As [`read`](View::read), but of all rows with one value in a column only the first ones are wanted. A store may give more:
    /// the sink passes them over.
    fn read_each<'a>(
        &'a mut self,
        select: &'a Select,
        each: Each,
        sink: Box<dyn Sink>,
    ) -> BoxFuture<'a, Result<Box<dyn Sink>>> {
        let _ = each;
        self.read(select, sink)
    }

    /// As [`Store::position`], at this moment of the store.
    fn position(&mut self) -> BoxFuture<'_, Result<u64>>;
}

/// The first rows, in the order of the selection, of those that have one value in a column.
#[derive(Clone, Copy, Debug)]
pub struct Each {
    /// The column.
    pub column: usize,
    /// How many rows of each value.
    pub count: u64,
}

/// What [`Store::view`] runs: some reads, and what is made of them. It may be begun anew.
pub type Look = Arc<dyn for<'v> Fn(&'v mut dyn View) -> BoxFuture<'v, Result<Answer>> + Send + Sync>;

/// Each read by itself.
pub(super) struct OneByOne<'a, S: ?Sized>(pub(super) &'a S);

impl<S: Store + ?Sized> View for OneByOne<'_, S> {
    fn read<'a>(
        &'a mut self,
        select: &'a Select,
        sink: Box<dyn Sink>,
    ) -> BoxFuture<'a, Result<Box<dyn Sink>>> {
        self.0.read(select, sink)
    }

    fn position(&mut self) -> BoxFuture<'_, Result<u64>> {
        self.0.position()
    }
}
