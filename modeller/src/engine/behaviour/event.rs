//! Events: dispatched to a subscription, with a payload, and answered to whoever dispatched them.

use schemars::JsonSchema;
use serde::Serialize;

use super::Answering;
use crate::engine::{Cx, Subscription};
use crate::model::{Model, Result};
use crate::registry::Behaviour;

/// A struct with `#[modeller::event(..)]`: the attribute implements it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not declared as an event",
    label = "add `#[modeller::event(SomeModel)]` to this struct",
    note = "the attribute says to which model the event belongs, and registers it"
)]
pub trait IsEvent: Sized + Send + Sync + 'static {
    /// The model that it belongs to.
    type Model: Model;

    /// What the attribute left for the registry.
    fn behaviour() -> &'static Behaviour;
}

/// What happens when an event is dispatched to a subscription. The struct is its payload.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is declared as an event, and does nothing yet",
    label = "write `impl Event for {Self}`",
    note = "the attribute declares it, and the trait `Event` says what it does"
)]
pub trait Event: IsEvent {
    /// What it answers to whoever dispatched it.
    type Reply: Serialize + JsonSchema + Send + 'static;

    /// Handles it. The subscription tells its scope, and publishes to those who listen there.
    ///
    /// # Errors
    /// Whatever goes wrong: whoever dispatched it gets the error as it is.
    fn handle(self, cx: &Cx, to: &Subscription) -> impl Future<Output = Result<Self::Reply>> + Send;
}

/// How an event is handled: JSON in, JSON out.
pub struct EventHandler {
    /// Decodes and validates the payload, handles it, and encodes the answer.
    pub handle: for<'a> fn(&'a Cx, &'a Subscription, &'a [u8]) -> Answering<'a>,
}
