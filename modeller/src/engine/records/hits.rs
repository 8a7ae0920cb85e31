//! Searches in the typed API, and what they find.

use std::ops::ControlFlow;

use super::Find;
use crate::engine::Cx;
use crate::engine::search::score;
use crate::model::{self, Cell, Code, Doc, Error, Model, Result, RowView, Shape};
use crate::query::{Filter, Search, SearchColumns, Snippet};
use crate::store::{self, Sink};

impl<M: Model> Find<M> {
    /// Only documents with these words in their searchable fields, as [`Search::parse`](crate::query::Search::parse) reads
    /// them; those that fit best come first, unless there is a sort. [`hits`](Find::hits) tells how well they fit.
    ///
    /// ```no_run
    /// use modeller::prelude::*;
    ///
    /// #[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
    /// pub struct Post { #[model(searchable)] pub title: String, pub stars: i64 }
    ///
    /// # async fn example(cx: &Cx) -> Result<()> {
    /// let posts = Post::find().search("rust \"macro system\" -beginner").filter(Post::STARS.gt(3)).limit(10).all(cx).await?;
    /// # drop(posts); Ok(())
    /// # }
    /// ```
    pub fn search(self, words: &str) -> Self {
        let search = Search::parse(M::descriptor().shape(), words);
        self.searched(search)
    }

    /// As [`search`](Find::search), in some of the searchable fields only.
    ///
    /// ```
    /// use modeller::prelude::*;
    ///
    /// #[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
    /// pub struct Post { #[model(searchable)] pub title: String, #[model(searchable)] pub tags: Vec<String>, pub stars: i64 }
    ///
    /// let query = Post::find().search_in((Post::TITLE, Post::TAGS), "rust");
    /// ```
    ///
    /// ```compile_fail,E0277
    /// use modeller::prelude::*;
    ///
    /// #[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
    /// pub struct Post { #[model(searchable)] pub title: String, pub stars: i64 }
    ///
    /// let query = Post::find().search_in(Post::STARS, "rust");
    /// ```
    pub fn search_in(self, columns: impl SearchColumns<M>, words: &str) -> Self {
        let shape = M::descriptor().shape();
        let search =
            Search::parse(shape, words).and_then(|search| search.in_columns(shape, &columns.indexes()));
        self.searched(search)
    }

    fn searched(mut self, search: Result<Search>) -> Self {
        match search {
            Ok(search) => self.and(Filter::Search(Box::new(search))),
            Err(error) => {
                self.fault = Some(error);
                self
            }
        }
    }

    /// All of them, with what the [`search`](Find::search) says of each.
    ///
    /// # Errors
    /// `INVALID_QUERY` if there is no search; if the store can't be read.
    pub async fn hits(self, cx: &Cx) -> Result<Vec<Hit<M>>> {
        let select = self.select(cx)?;
        let Some(search) = select.search().cloned() else {
            return Err(Error::new(Code::InvalidQuery, "`hits` goes with `search`"));
        };
        let sink = cx.read(&select, Hits::<M>::new(search)).await?;
        store::sink::<Hits<M>>(sink).hits.into_iter().collect()
    }
}

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
