//! What a search finds, with its score.

use std::ops::ControlFlow;

use crate::engine::search::score;
use crate::model::{self, Cell, Doc, Model, Result, RowView, Shape};
use crate::query::{Search, Snippet};
use crate::store::Sink;

/// A document that a search has found.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit<M> {
    /// The document.
    pub doc: Doc<M>,
    /// How well it fits: larger is better. Only good to compare the answers of one search; `None` from a store that does not rank.
    pub score: Option<f64>,
    /// The piece of its text where most was found: HTML text with the words in `<mark>`, everything else escaped.
    pub snippet: String,
}

/// Collects them.
pub(super) struct Hits<M> {
    shape: &'static Shape,
    search: Search,
    pub(super) hits: Vec<Result<Hit<M>>>,
}

impl<M: Model> Hits<M> {
    pub(super) fn new(search: Search) -> Box<Self> {
        Box::new(Hits { shape: M::descriptor().shape(), search, hits: Vec::new() })
    }
}

impl<M: Model> Sink for Hits<M> {
    fn row(&mut self, row: &dyn RowView) -> ControlFlow<()> {
        let score = match score(self.shape, row) {
            Cell::Number(score) => Some(score),
            _ => None,
        };
        let snippet = Snippet::default().of(&self.search, self.shape, row);
        self.hits.push(model::doc_from_row(self.shape, row).map(|doc| Hit { doc, score, snippet }));
        ControlFlow::Continue(())
    }
}
