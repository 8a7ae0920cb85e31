//! Reads that belong together, from one moment of the store.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::figures::Figures;
use super::{Answer, BoxFuture, Sink, Store};
use crate::model::{Result, Row, RowView, Shape};
use crate::query::{Aggregation, Filter, Select};

/// Counts rows.
#[derive(Default)]
struct Counting(u64);

impl Sink for Counting {
    fn row(&mut self, _: &dyn RowView) -> ControlFlow<()> {
        self.0 += 1;
        ControlFlow::Continue(())
    }
}

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

    /// As [`Store::count`].
    fn count<'a>(&'a mut self, shape: &'static Shape, filter: &'a Filter) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move {
            let counting = Box::new(Counting::default());
            let counted = self.read(&Select::filtered(shape, filter.clone()), counting).await?;
            Ok(super::sink::<Counting>(counted).0)
        })
    }

    /// As [`Store::aggregate`].
    fn aggregate<'a>(&'a mut self, aggregation: &'a Aggregation) -> BoxFuture<'a, Result<Vec<Row>>> {
        Box::pin(async move {
            let select = Select::filtered(aggregation.shape, aggregation.filter.clone());
            super::sink::<Figures>(self.read(&select, Figures::of(aggregation)).await?).finish()
        })
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

    fn count<'a>(&'a mut self, shape: &'static Shape, filter: &'a Filter) -> BoxFuture<'a, Result<u64>> {
        self.0.count(shape, filter)
    }

    fn aggregate<'a>(&'a mut self, aggregation: &'a Aggregation) -> BoxFuture<'a, Result<Vec<Row>>> {
        self.0.aggregate(aggregation)
    }

    fn position(&mut self) -> BoxFuture<'_, Result<u64>> {
        self.0.position()
    }
}
