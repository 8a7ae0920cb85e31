//! What a list asks for, as hooks see and change it.

use serde_json::Value as Json;

use super::arguments::Request;
use super::behaviour::{HookParts, HookPoint, Timing};
use super::hooks::ModelHooks;
use super::{Cx, Operation};
use crate::model::{Model, Result, Shape};
use crate::query::limits::{DEFAULT_COUNT, MAX_COUNT};
use crate::query::{Filter, Order, Predicate, Sort};

/// What `list` asks for. A hook before it may narrow, order and page it anew.
#[derive(Clone, Debug)]
pub struct Listing {
    /// The model.
    pub shape: &'static Shape,
    /// Which documents.
    pub filter: Filter,
    /// In which order; by id where there is none.
    pub order: Vec<Order>,
    /// How many to leave out first.
    pub start: u64,
    /// How many at most.
    pub count: u64,
    /// What was asked for, as it came.
    pub arguments: Json,
}

impl Listing {
    /// Only documents that fulfil this condition too.
    ///
    /// # Errors
    /// `INVALID_QUERY` if a value can't be in the column it is compared with.
    pub fn narrow<M: Model>(&mut self, condition: Predicate<M>) -> Result<()> {
        let filter = std::mem::replace(&mut self.filter, Filter::True);
        self.filter = filter.and(condition.into_filter()?);
        Ok(())
    }

    /// In this order, and in the former one among equals.
    pub fn order_by<M: Model>(&mut self, sort: Sort<M>) {
        self.order.insert(0, sort.into());
    }
}

impl Cx {
    /// Runs the hooks before a list, which change what it asks for. Answers what those after it are given.
    pub(super) async fn before_list(
        &self,
        hooks: &ModelHooks,
        shape: &'static Shape,
        request: &mut Request,
        arguments: Json,
    ) -> Result<Listing> {
        let mut listing = Listing {
            shape,
            filter: std::mem::replace(&mut request.filter, Filter::True),
            order: std::mem::take(&mut request.order),
            start: request.start,
            count: request.count.unwrap_or(DEFAULT_COUNT),
            arguments,
        };
        self.around_list(hooks, Timing::Before, &mut listing).await?;
        let Listing { filter, order, start, count, .. } = listing.clone();
        (request.filter, request.order, request.start) = (filter, order, start);
        request.count = Some(count.min(MAX_COUNT));
        Ok(listing)
    }

    /// Runs the hooks around a list.
    pub(super) async fn around_list(
        &self,
        hooks: &ModelHooks,
        timing: Timing,
        listing: &mut Listing,
    ) -> Result<()> {
        let cx = self.deeper()?;
        let point = HookPoint::new(timing, Operation::List);
        for hook in hooks.at(timing, Operation::List) {
            let parts = HookParts::new(&cx, listing.shape, point);
            hook.run(HookParts { listing: Some(&mut *listing), ..parts }).await?;
        }
        Ok(())
    }
}
