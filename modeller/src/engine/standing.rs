//! Standing queries: what somebody wants to be kept up to date about, parsed and permitted as any other read.

use std::sync::Arc;

use super::arguments::Request;
use super::pipeline::{permit, too_large};
use super::scope::{Bounded, visible};
use super::{Arguments, Call, Cx, Engine, Operation};
use crate::model::{Code, Error, Result, Row, RowView, Shape, View};
use crate::query::limits::MAX_COUNT;
use crate::query::{Filter, Order, Seal, Select};
use crate::store::{self, Answer, Look};

/// How many documents a standing query without a `count` may begin with, and where the window of one with a `count` ends at the latest.
const MOST: u64 = 10_000;

/// A query that stands: its answer changes with the documents.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    pub(crate) shape: &'static Shape,
    pub(crate) filter: Filter,
    pub(crate) order: Vec<Order>,
    pub(crate) start: u64,
    /// How many documents it shows at most: it is a window then, and its documents have places.
    pub(crate) count: Option<u64>,
    pub(crate) view: View,
    /// Who asks; empty for everybody.
    pub(crate) actor: String,
}

impl Standing {
    /// What a caller asks for with the arguments of `list`.
    pub(crate) fn parse(cx: &Cx, shape: &'static Shape, arguments: Arguments) -> Result<Self> {
        permit(cx, &Call::new(Operation::List, shape))?;
        let request = Request::parse(cx.engine().registry(), shape, Operation::List, arguments)?;
        let refused = |what: &str| Err(Error::new(Code::InvalidQuery, format!("a live query has no {what}")));
        if request.after.is_some() {
            return refused("`after`: it has a position instead");
        }
        if !request.with.is_empty() {
            return refused("`with`: subscribe to what is related, too");
        }
        if request.filter.is_relational() {
            return refused("conditions on related documents");
        }
        if request.hits.is_some() {
            return refused("`search` with hits");
        }
        let (count, start) = (request.count.map(|count| count.min(MAX_COUNT)), request.start);
        if count.is_none() && start > 0 {
            return refused("`start` without a `count`");
        }
        // All of a window is kept from the first document on, and looked through at each change.
        if count.is_some_and(|count| start.saturating_add(count) > MOST) {
            return Err(Error::new(
                Code::InvalidQuery,
                format!("the window of a live query ends at the {MOST}th document at most"),
            ));
        }
        let actor = cx.identity().actor().unwrap_or_default().to_owned();
        let Request { filter, order, view, .. } = request;
        Ok(Standing { shape, filter, order, start, count, view, actor })
    }

    /// How many documents from the first one on decide what it shows.
    pub(crate) fn prefix(&self) -> Option<u64> {
        self.count.map(|count| self.start.saturating_add(count))
    }

    /// Whether a document that is there belongs to it. (What has expired is there until it is removed.)
    pub(crate) fn matches(&self, row: &dyn RowView) -> bool {
        self.filter.matches(self.shape, row)
    }

    /// Signs something for whoever asks this.
    pub(crate) fn sign(&self, engine: &Engine, what: &[u8]) -> [u8; 32] {
        let seal = Seal {
            key: engine.secret(),
            shape: self.shape,
            filter: &self.filter,
            order: &self.order,
            identity: &self.actor,
        };
        let window = format!("live 1 {} {:?} {:?} ", self.start, self.count, self.view);
        seal.sign(&[window.as_bytes(), what].concat())
    }

    /// The first rows, `limit` of them at most, and the position in the change log that they belong to.
    pub(crate) async fn read(&self, engine: &Engine, limit: Option<u64>) -> Result<(u64, Vec<Row>)> {
        let most = limit.unwrap_or(MOST + 1);
        let rows = self.look(engine, self.filter.clone(), self.order.clone(), Some(most)).await?;
        if limit.is_none() && rows.1.len() as u64 > MOST {
            let message = format!("more than {MOST} documents fulfil the query; give it a `count`");
            return Err(Error::new(Code::InvalidQuery, message));
        }
        Ok(rows)
    }

    /// The rows with these ids, whether or not they belong to it.
    pub(crate) async fn read_ids(&self, engine: &Engine, ids: &[&str]) -> Result<(u64, Vec<Row>)> {
        let filter = ids.iter().fold(Filter::False, |any, id| any.or(Filter::id(*id)));
        self.look(engine, filter, Vec::new(), None).await
    }

    async fn look(
        &self,
        engine: &Engine,
        filter: Filter,
        order: Vec<Order>,
        count: Option<u64>,
    ) -> Result<(u64, Vec<Row>)> {
        let shape = self.shape;
        let select =
            Arc::new(Select { shape, filter: visible(shape, filter, engine), order, start: 0, count });
        let look: Look = Arc::new(move |seen| {
            let select = Arc::clone(&select);
            Box::pin(async move {
                let position = seen.position().await?;
                let rows = seen.read(&select, Bounded::of(shape)).await?;
                Ok(Box::new((position, store::sink::<Bounded>(rows))) as Answer)
            })
        });
        let answer = engine.store().view(look).await?;
        let Ok(found) = answer.downcast::<(u64, Bounded)>() else {
            return Err(Error::new(Code::InternalError, "the store answered something else than was found"));
        };
        let (position, rows) = *found;
        match rows.cut {
            true => Err(too_large()),
            false => Ok((position, rows.rows.rows)),
        }
    }
}
