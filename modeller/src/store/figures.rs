//! Figures over the rows of a store that can only read.

use std::ops::ControlFlow;

use super::Sink;
use crate::model::{Result, Row, RowView};
use crate::query::{Aggregation, Evaluation};

/// Works figures out over the rows that come by.
pub(super) struct Figures(Evaluation);

impl Figures {
    pub(super) fn of(aggregation: &Aggregation) -> Box<Self> {
        Box::new(Figures(Evaluation::new(aggregation.clone())))
    }

    pub(super) fn finish(self) -> Result<Vec<Row>> {
        self.0.finish()
    }
}

impl Sink for Figures {
    fn row(&mut self, row: &dyn RowView) -> ControlFlow<()> {
        self.0.row(row)
    }
}
