//! A subscription of a live query, as a door holds it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::event::{Form, Frame, whole};
use super::queue::{LiveSink, Next};
use super::text::LiveText;
use super::{Subscriber, resume};
use crate::model::{Error, Result};

/// How often an answer is asked for that the store can't give, and how long after the first time; from then on twice as long each time,
/// which is 25 s in all.
pub(super) const MOST_TRIES: u32 = 8;
pub(super) const PAUSE: Duration = Duration::from_millis(if cfg!(test) { 2 } else { 200 });

/// What a subscriber is told; the JSON is the same for all who ask the same, and cheap to clone.
#[derive(Clone, Debug)]
pub enum LiveEvent {
    /// `{"position":..,"changes":[{"type":"enter","_id":..,"document":{..}},..]}`: what transactions have changed. Of groups of figures a
    /// change is `{"type":..,"key":{..},"group":{..}}`; a figure is told as `{"position":..,"data":..}`.
    Changes(LiveText),
    /// `{"position":..,"reset":true,"documents":[..]}`: the whole answer anew, for what was missed can't be told any more. The figures of
    /// groups are `groups`.
    Reset(LiveText),
    /// It is over.
    Ended(Error),
}

/// A live query as one subscriber sees it. Dropping it ends the subscription.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use modeller::engine::Arguments;
/// use modeller::live::{Live, LiveEvent, LiveOptions};
/// use modeller::prelude::*;
///
/// #[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
/// struct Task { title: String, done: bool }
///
/// let cx = App::isolated().models::<(Task,)>().cx().await?;
/// let live = Live::new(cx.engine().clone(), LiveOptions::new());
/// let open = Arguments::Json(serde_json::json!({ "query": { "done": false } }));
/// let mut tasks = live.subscribe(&cx, Task::descriptor().shape(), open, None).await?;
/// assert!(tasks.first().contains("\"documents\":[]"));
///
/// Task::insert(&cx, Task { title: "sleep".into(), done: false }).await?;
/// let LiveEvent::Changes(changes) = tasks.next().await else { panic!("something else") };
/// assert!(changes.contains("\"type\":\"enter\""));
/// # Ok(()) }
/// ```
pub struct LiveStream {
    subscriber: Subscriber,
    first: LiveText,
    /// How often in a row the answer could not be read anew.
    failures: u32,
    /// How many transactions that were put together for it are known to who told of it.
    #[cfg_attr(not(feature = "server"), allow(dead_code))]
    known: u64,
}

impl LiveStream {
    /// Begins with the whole answer.
    pub(super) async fn begun(subscriber: Subscriber, reset: bool) -> Result<Self> {
        let first = all(&subscriber, reset).await?;
        Ok(LiveStream { subscriber, first, failures: 0, known: 0 })
    }

    /// Goes on behind a position, if the change log still reaches back that far.
    pub(super) async fn resumed(subscriber: Subscriber, from: u64) -> Result<Self> {
        match resume::missed(&subscriber, from).await? {
            Some((position, changes)) => {
                let frame = Frame::new(position, changes);
                let first = frame.text(&subscriber.engine, &subscriber.asked).clone();
                Ok(LiveStream { subscriber, first, failures: 0, known: 0 })
            }
            None => Self::begun(subscriber, true).await,
        }
    }

    /// What it begins with: `{"position":..,"documents":[..]}`; with `"reset":true` if it was to go on behind a position and can't; or
    /// `{"position":..,"changes":[..]}` with all that has changed since. Instead of `documents` there are `groups` where figures of groups were
    /// asked for, and `data` where one figure was.
    pub fn first(&self) -> &LiveText {
        &self.first
    }

    /// The same for all who ask the same, for as long as the database lives.
    pub fn id(&self) -> String {
        self.subscriber.asked.key.iter().take(12).map(|byte| format!("{byte:02x}")).collect()
    }

    /// From now on what happens once [`next`](LiveStream::next) has found nothing goes to the sink at once, and nobody is woken for it. What
    /// the sink has no room for, and all that comes after it, is for `next`, until that finds nothing again.
    ///
    /// There is one sink for as long as it lives: answers whether it is this one.
    pub fn direct(&mut self, sink: Arc<dyn LiveSink>) -> bool {
        self.subscriber.queue.direct(sink)
    }

    /// Waits until there is something next. Whoever does something else from time to time waits for this, so that
    /// [`next`](Self::next), which may have to read everything anew, is not given up and begun again for it.
    pub async fn ready(&self) {
        self.subscriber.queue.ready().await;
    }

    /// Waits for what is next. It may be given up and asked again: nothing is lost.
    pub async fn next(&mut self) -> LiveEvent {
        let Subscriber { queue, asked, engine, .. } = &self.subscriber;
        match queue.next().await {
            Next::Frame(frame) => LiveEvent::Changes(frame.text(engine, asked).clone()),
            Next::Ended(error) => LiveEvent::Ended(error),
            Next::Reset => self.anew().await,
        }
    }

    /// The whole answer anew. A store that fails may do so for a moment only: it is asked again for a while.
    async fn anew(&mut self) -> LiveEvent {
        loop {
            if let Some(exponent) = self.failures.checked_sub(1) {
                tokio::time::sleep(PAUSE * 2_u32.saturating_pow(exponent)).await;
            }
            match all(&self.subscriber, true).await {
                Ok(text) => {
                    self.failures = 0;
                    return LiveEvent::Reset(text);
                }
                // What is wrong with the question is as wrong later.
                Err(error) if error.status() < 500 || self.failures + 1 >= MOST_TRIES => {
                    return LiveEvent::Ended(error);
                }
                Err(error) => {
                    self.failures += 1;
                    tracing::warn!(%error, "a live query can't be read; trying again");
                }
            }
        }
    }

    /// A later position of what it was told last, if there is one: others have written meanwhile, and nothing of this query. Whoever remembers
    /// it goes on there after a cut, however long ago something was told.
    pub fn position(&mut self) -> Option<String> {
        let reached = self.subscriber.reached()?;
        Some(self.subscriber.asked.position(&self.subscriber.engine, reached))
    }

    /// How many transactions were put together for it since this was asked last.
    #[cfg(feature = "server")]
    pub(crate) fn coalesced(&mut self) -> u64 {
        let (all, _) = self.setbacks();
        all - std::mem::replace(&mut self.known, all)
    }

    /// How often transactions were put together for it, because it was slow, and how often it had to begin anew.
    pub fn setbacks(&self) -> (u64, u64) {
        let counts = self.subscriber.queue.counts();
        (counts.coalesced, counts.resets)
    }
}

impl fmt::Debug for LiveStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveStream").field("query", &self.subscriber.asked.standing).finish_non_exhaustive()
    }
}

async fn all(subscriber: &Subscriber, reset: bool) -> Result<LiveText> {
    let (position, documents) = subscriber.answer().await?;
    let position = subscriber.asked.position(&subscriber.engine, position);
    Ok(whole(Form::of(&subscriber.asked.standing), &position, reset, &documents))
}
