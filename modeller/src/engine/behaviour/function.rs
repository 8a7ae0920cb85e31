//! What functions with an attribute are given, and what they may answer. Macros take the arguments one by one, each where it
//! stands, so that whatever is wrong with one is said there.

use super::{FromHook, HookParts, HookPoint};
use crate::engine::{Cx, Subscription};
use crate::model::{Error, Result};
use crate::store::BoxFuture;

/// What a method, a query or a job that is written as a function can ask for by reference.
#[diagnostic::on_unimplemented(
    message = "the context of a call has no `{Self}`",
    label = "by reference there is `&Cx`",
    note = "by reference come `&Cx` and nothing else; what the caller gives comes by value: `String` for `&str`, `Vec<T>` for `&[T]`"
)]
pub trait FromCall<'a>: Sized {
    /// Takes it.
    fn from_call(cx: &'a Cx) -> Self;
}

impl<'a> FromCall<'a> for &'a Cx {
    fn from_call(cx: &'a Cx) -> Self {
        cx
    }
}

/// What an event that is written as a function can ask for by reference.
#[diagnostic::on_unimplemented(
    message = "the context of an event has no `{Self}`",
    label = "by reference there are `&Cx` and `&Subscription`",
    note = "by reference come `&Cx` and `&Subscription`; what the caller gives comes by value: `String` for `&str`, `Vec<T>` for \
            `&[T]`"
)]
pub trait FromEvent<'a>: Sized {
    /// Takes it.
    fn from_event(cx: &'a Cx, to: &'a Subscription) -> Self;
}

impl<'a> FromEvent<'a> for &'a Cx {
    fn from_event(cx: &'a Cx, _: &'a Subscription) -> Self {
        cx
    }
}

impl<'a> FromEvent<'a> for &'a Subscription {
    fn from_event(_: &'a Cx, to: &'a Subscription) -> Self {
        to
    }
}

/// What a worker can ask for.
#[diagnostic::on_unimplemented(
    message = "a worker can't be given a `{Self}`",
    label = "a worker takes `&Cx`, or nothing",
    note = "nobody calls a worker, so that there is nothing but the context to give it"
)]
pub trait FromWorker<'a>: Sized {
    /// Takes it.
    fn from_worker(cx: &'a Cx) -> Self;
}

impl<'a> FromWorker<'a> for &'a Cx {
    fn from_worker(cx: &'a Cx) -> Self {
        cx
    }
}

/// What a method, a query or an event that is written as a function may answer: a result, or nothing.
#[diagnostic::on_unimplemented(
    message = "methods, queries and events can't answer a `{Self}`",
    label = "write `Result<..>`, or nothing",
    note = "they return `Result<Reply>`, or nothing"
)]
pub trait Outcome {
    /// What the caller gets.
    type Reply;

    /// As a result.
    ///
    /// # Errors
    /// The function's own.
    fn into_outcome(self) -> Result<Self::Reply>;
}

impl Outcome for () {
    type Reply = ();

    fn into_outcome(self) -> Result<()> {
        Ok(())
    }
}

impl<T, E: Into<Error>> Outcome for std::result::Result<T, E> {
    type Reply = T;

    fn into_outcome(self) -> Result<T> {
        self.map_err(Into::into)
    }
}

/// What a function answers its caller.
pub type ReplyOf<T> = <T as Outcome>::Reply;

/// A future in a box.
pub fn boxed<'a, T>(future: impl Future<Output = T> + Send + 'a) -> BoxFuture<'a, T> {
    Box::pin(future)
}

/// Takes an argument of a hook.
///
/// # Errors
/// If there is none at this point.
pub fn argument<'a, M, T: FromHook<'a, M>>(parts: &mut HookParts<'a>) -> Result<T> {
    T::from_hook(parts)
}

/// Fails to compile where an argument of a hook is not there at all of its points.
///
/// # Panics
/// Then. Macros ask at compile time.
#[track_caller]
pub const fn given<'a, M, T: FromHook<'a, M>>(points: &[HookPoint]) {
    let Some(needs) = T::NEEDS else { return };
    let mut at = 0;
    while at < points.len() {
        if !contains(needs.points, points[at]) {
            let HookPoint { timing, operation } = points[at];
            let message = Message::new()
                .push("a hook at `")
                .push(timing.name())
                .push("(")
                .push(operation.name())
                .push(")` can't have this argument: it is ")
                .push(needs.what);
            panic!("{}", message.text());
        }
        at += 1;
    }
}

const fn contains(points: &[HookPoint], point: HookPoint) -> bool {
    let mut at = 0;
    while at < points.len() {
        if points[at].timing as u8 == point.timing as u8
            && points[at].operation.index() == point.operation.index()
        {
            return true;
        }
        at += 1;
    }
    false
}

/// A text that is put together at compile time; what is too long for it is cut off.
struct Message {
    bytes: [u8; 256],
    length: usize,
}

impl Message {
    const fn new() -> Self {
        Message { bytes: [0; 256], length: 0 }
    }

    const fn push(mut self, text: &str) -> Self {
        let text = text.as_bytes();
        let mut at = 0;
        while at < text.len() && self.length < self.bytes.len() {
            self.bytes[self.length] = text[at];
            self.length += 1;
            at += 1;
        }
        self
    }

    const fn text(&self) -> &str {
        match std::str::from_utf8(self.bytes.split_at(self.length).0) {
            Ok(text) => text,
            Err(_) => "this argument is not there at all points of this hook",
        }
    }
}
