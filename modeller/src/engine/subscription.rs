//! Scoped subscriptions: who listens to a model under one query, and what is said there.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value as Json;
use tokio::sync::broadcast::{self, error::RecvError};

use super::behaviour::{Event, EventHandler, IsEvent, Payload};
use super::hub::{Observer, Published, Room};
use super::invoke::{checked, from_json, hint, to_json};
use super::{Cx, Engine};
use crate::model::{Code, Error, Model, Result, Shape, shown};
use crate::registry::BehaviourKind;

/// How many payloads wait for a receiver; one that falls further behind is told how many it missed.
pub const QUEUE: usize = 256;

/// A subscription of a model under one query, its scope: whatever is published to it reaches all who listen there.
///
/// It is a handle, cheap to clone. Two of the same model and the same scope are the same subscription, however the scope is
/// written: the order of its keys does not count, nor does the difference of `1` and `1.0`. It goes away by itself when
/// nobody holds a handle or listens.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use modeller::engine::Received;
/// use modeller::prelude::*;
/// use serde_json::json;
///
/// #[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
/// struct Message { text: String }
///
/// let cx = App::isolated().models::<(Message,)>().cx().await?;
/// let mut listening = Message::subscription(&cx, json!({ "roomId": "abc" }))?.listen();
///
/// // From anywhere: hooks, methods, workers, other threads.
/// Message::subscription(&cx, json!({ "roomId": "abc" }))?.publish(json!({ "text": "hello" }))?;
///
/// let Some(Received::Payload(payload)) = listening.receive().await else { panic!("nothing came") };
/// assert_eq!(payload.json(), r#"{"text":"hello"}"#);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Subscription {
    room: Arc<Room>,
    cx: Cx,
}

impl Subscription {
    /// The query that it belongs to.
    pub fn scope(&self) -> &Json {
        &self.room.scope
    }

    /// Its name: the same for the same model and scope, in every process. Doors call their rooms so.
    pub fn id(&self) -> &str {
        &self.room.id
    }

    /// The path of its model.
    pub fn model(&self) -> &'static str {
        &self.room.shape.path
    }

    /// The names of the events that can be dispatched here.
    pub fn events(&self) -> Vec<&'static str> {
        let events = self.cx.engine().registry().behaviours_of(self.room.shape, BehaviourKind::Event);
        events.map(|event| event.name).collect()
    }

    /// Gives a payload to all who listen: in a transaction once that is committed, and never if it is rolled back; else at once.
    ///
    /// # Errors
    /// `VALIDATION_ERROR` if the payload has no JSON form.
    pub fn publish(&self, payload: impl Serialize) -> Result<()> {
        let json = String::from_utf8(to_json(&payload)?)
            .map_err(|_| Error::new(Code::InternalError, "JSON that is not UTF-8"))?;
        let payload = Published::new(json);
        if self.cx.in_transaction() {
            let room = self.room.clone();
            self.cx.after_commit(async move { room.deliver(&payload) });
        } else {
            self.room.deliver(&payload);
        }
        Ok(())
    }

    /// Receives what is published from now on.
    pub fn listen(&self) -> Listening {
        Listening { receiver: self.room.receiver(), _room: self.room.clone() }
    }

    /// Calls back for every payload from now on, until the listener is dropped. It is called where something is published,
    /// and must not block.
    pub fn on_publish(&self, callback: impl Fn(&Published) + Send + Sync + 'static) -> SubscriptionListener {
        SubscriptionListener { id: self.room.add(Arc::new(callback)), room: self.room.clone() }
    }

    /// Dispatches an event here: its handler runs, and its answer comes back. Who listens hears what the handler publishes.
    ///
    /// # Errors
    /// `EVENT_NOT_FOUND` if the event belongs to another model; `VALIDATION_ERROR` if its payload breaks its rules; else the
    /// handler's own.
    pub async fn dispatch<E: Event + Payload>(&self, event: E) -> Result<E::Reply> {
        let model = <E as IsEvent>::Model::descriptor();
        if model != self.room.shape.descriptor {
            return Err(self.unknown(E::behaviour().name));
        }
        checked(E::behaviour(), &event)?;
        event.handle(&self.cx, self).await
    }

    /// Dispatches an event by its name.
    ///
    /// # Errors
    /// As [`dispatch`](Subscription::dispatch); `EVENT_NOT_FOUND` has the name as `id` in its details.
    pub async fn dispatch_by_name(&self, name: &str, payload: impl Serialize) -> Result<Json> {
        from_json(&self.dispatch_json(name, &to_json(&payload)?).await?)
    }

    /// Dispatches an event as a door does: JSON in, JSON out. No bytes at all are an empty payload.
    ///
    /// # Errors
    /// As [`dispatch_by_name`](Subscription::dispatch_by_name); `PARSE_ERROR` if the payload is no JSON.
    pub async fn dispatch_json(&self, name: &str, payload: &[u8]) -> Result<Vec<u8>> {
        let registry = self.cx.engine().registry();
        let event = registry.event(self.room.shape, name).ok_or_else(|| self.unknown(name))?;
        let handler: &EventHandler = event.handler.downcast_ref().ok_or_else(|| {
            Error::new(Code::InternalError, format!("event `{}` can't be handled", event.rust))
        })?;
        (handler.handle)(&self.cx, self, payload).await
    }

    fn unknown(&self, name: &str) -> Error {
        let known = self.events();
        let message =
            format!("the model `{}` has no event `{}`{}", self.model(), shown(name, 60), hint(name, &known));
        Error::new(Code::EventNotFound, message)
            .with_details(serde_json::json!({ "id": shown(name, 200), "events": known }))
    }

    fn of(cx: &Cx, shape: &'static Shape, scope: &Json) -> Result<Self> {
        let known = cx.model(&shape.path)?;
        Ok(Subscription { room: cx.engine().hub().room(known, scope)?, cx: cx.clone() })
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Subscription({:?})", self.room)
    }
}

/// A subscription that was asked for, and its name.
#[derive(Clone, Debug)]
pub struct Subscribed {
    /// The subscription.
    pub subscription: Subscription,
    /// Its [id](Subscription::id).
    pub sub_id: String,
}

/// What a [`Listening`] receives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// Something was published.
    Payload(Published),
    /// So many payloads came faster than they were taken, and are lost for this receiver.
    Missed(u64),
}

/// Receives what is published to a subscription. Up to [`QUEUE`] payloads wait; dropping it ends it.
#[derive(Debug)]
pub struct Listening {
    receiver: broadcast::Receiver<Published>,
    // The subscription stays as long as somebody listens.
    _room: Arc<Room>,
}

impl Listening {
    /// Waits for the next payload. `None` once the subscription was ended with [`unsubscribe`](Subscriptions::unsubscribe).
    pub async fn receive(&mut self) -> Option<Received> {
        match self.receiver.recv().await {
            Ok(payload) => Some(Received::Payload(payload)),
            Err(RecvError::Lagged(missed)) => Some(Received::Missed(missed)),
            Err(RecvError::Closed) => None,
        }
    }
}

/// Calls back for what is published to a subscription, until it is dropped.
#[derive(Debug)]
#[must_use = "dropping it ends the listening"]
pub struct SubscriptionListener {
    room: Arc<Room>,
    id: u64,
}

impl Drop for SubscriptionListener {
    fn drop(&mut self) {
        self.room.remove(self.id);
    }
}

/// The subscriptions of every model.
pub trait Subscriptions: Model {
    /// The subscription of this model under a query; `{}` is the empty scope.
    ///
    /// # Errors
    /// `INVALID_QUERY` if the query is no object, or a very large one; `MODEL_NOT_FOUND` if the model is not part of the
    /// application.
    fn subscription(cx: &Cx, query: impl Into<Json>) -> Result<Subscription> {
        Subscription::of(cx, Self::descriptor().shape(), &query.into())
    }

    /// As [`subscription`](Subscriptions::subscription), with its id.
    ///
    /// # Errors
    /// As [`subscription`](Subscriptions::subscription).
    fn subscribe(cx: &Cx, query: impl Into<Json>) -> Result<Subscribed> {
        let subscription = Self::subscription(cx, query)?;
        let sub_id = subscription.id().to_owned();
        Ok(Subscribed { subscription, sub_id })
    }

    /// Ends a subscription for all who listen there, and answers whether there was one.
    ///
    /// # Errors
    /// `INVALID_QUERY` if the query is no object, or a very large one.
    fn unsubscribe(cx: &Cx, query: impl Into<Json>) -> Result<bool> {
        cx.engine().hub().end(Self::descriptor().shape(), &query.into())
    }
}

impl<M: Model> Subscriptions for M {}

impl Cx {
    /// The subscription of the model at this path under a query.
    ///
    /// # Errors
    /// As [`Subscriptions::subscription`].
    pub fn subscription(&self, model: &str, query: impl Into<Json>) -> Result<Subscription> {
        Subscription::of(self, self.model(model)?, &query.into())
    }
}

impl Engine {
    /// Tells an observer of all that is published from now on: how doors reach listeners of their own.
    pub fn observe(&self, observer: Arc<dyn Observer>) {
        self.hub().observe(observer);
    }

    /// How many subscriptions there are: those that somebody holds on to.
    pub fn subscriptions(&self) -> usize {
        self.hub().len()
    }
}
