//! The answers that are kept, for queries of which the two rows of a change don't say what it changes.

use std::sync::Arc;

use super::event::LiveChange;
use super::figures::Figures;
use super::window::{Shown, Window, difference, difference_of_sets, limit};
use crate::engine::{Engine, Standing};
use crate::model::{Code, Error, Result, Value};
use crate::query::aggregate::Unsettled;
use crate::store::RowChange;

/// How many bytes of documents with related ones are kept of one query.
const MOST_BYTES: usize = 16 << 20;

/// An answer.
#[derive(Debug)]
pub(super) enum Kept {
    /// The first documents of an order.
    Window(Window),
    /// Figures over documents.
    Figures(Box<Figures>),
    /// Documents with what belongs to them, as JSON, and by which values that is reached.
    Related(Vec<Shown<str>>, Vec<Vec<Value>>),
}

/// What a transaction does to an answer.
pub(super) enum Taken {
    /// This, and be it nothing.
    Changes(Vec<LiveChange>),
    /// Something that is only known once it is read anew.
    Unknown,
    /// There is no answer any more.
    Refused(Error),
}

impl Kept {
    /// Reads it, and the position that it belongs to.
    pub(super) async fn read(standing: &Standing, engine: &Engine) -> Result<(u64, Self)> {
        if let Some(figured) = &standing.figures {
            if standing.is_related() {
                let (position, rows) = standing.read_answers(engine, figured).await?;
                return Ok((position, Kept::Figures(Box::new(Figures::read(rows)))));
            }
            let (position, running) = standing.read_figures(engine, figured).await?;
            let figures = Figures::new(standing, running).map_err(|unsettled| match unsettled {
                Unsettled::Refused(error) => error,
                Unsettled::Lost => Error::new(Code::InternalError, "figures that were read are not known"),
            })?;
            return Ok((position, Kept::Figures(Box::new(figures))));
        }
        if standing.is_related() {
            let (position, documents) = standing.read_related(engine).await?;
            if documents.all.iter().map(|(id, json)| id.len() + json.len()).sum::<usize>() > MOST_BYTES {
                let message = "the documents are too large to be kept up to date with what belongs to them: ask for fewer";
                return Err(Error::new(Code::InvalidQuery, message));
            }
            let shown = documents.all.into_iter().map(|(id, json)| Shown { id, what: json }).collect();
            return Ok((position, Kept::Related(shown, documents.reached)));
        }
        let limit = limit(standing.prefix().unwrap_or_default());
        let (position, rows) = standing.read(engine, Some(limit)).await?;
        Ok((position, Kept::Window(Window::new(rows, limit))))
    }

    /// By which values related documents are reached, if there are any.
    pub(super) fn reached(&self) -> Option<&[Vec<Value>]> {
        match self {
            Kept::Related(_, reached) => Some(reached),
            Kept::Window(_) | Kept::Figures(_) => None,
        }
    }

    /// What it shows, as JSON.
    pub(super) fn documents(&self, standing: &Standing) -> Vec<Arc<str>> {
        match (self, &standing.figures) {
            (Kept::Window(window), _) => window.documents(standing),
            (Kept::Figures(figures), Some(figured)) => figures.documents(standing, figured),
            // There are no figures of a query for documents.
            (Kept::Figures(_), None) => Vec::new(),
            (Kept::Related(documents, _), _) => {
                documents.iter().map(|shown| Arc::clone(&shown.what)).collect()
            }
        }
    }

    /// Takes in the changes of one transaction. What was told last is still known if that can't be done.
    pub(super) fn apply(&mut self, standing: &Standing, changes: &[Arc<RowChange>]) -> Taken {
        match (self, &standing.figures) {
            (Kept::Window(window), _) => {
                window.apply(standing, changes).map_or(Taken::Unknown, Taken::Changes)
            }
            (Kept::Figures(figures), Some(figured)) => match figures.apply(standing, figured, changes) {
                Ok(changes) => Taken::Changes(changes),
                Err(Unsettled::Lost) => Taken::Unknown,
                Err(Unsettled::Refused(error)) => Taken::Refused(error),
            },
            _ => Taken::Unknown,
        }
    }

    /// Becomes another one that was read anew, and answers what that changes.
    pub(super) fn replace(&mut self, standing: &Standing, with: Kept) -> Vec<LiveChange> {
        match (self, with, &standing.figures) {
            (Kept::Window(window), Kept::Window(with), _) => window.replace(standing, with),
            (Kept::Figures(figures), Kept::Figures(with), Some(figured)) => {
                figures.replace(standing, figured, *with)
            }
            (Kept::Related(documents, known), Kept::Related(with, reached), _) => {
                *known = reached;
                let before = std::mem::replace(documents, with);
                let json = Arc::clone;
                match standing.count {
                    Some(_) => difference(&before, documents, json),
                    None => difference_of_sets(&before, documents, json),
                }
            }
            // A query is of one kind.
            (kept, with, _) => {
                *kept = with;
                Vec::new()
            }
        }
    }
}
