//! Every attribute in each of its forms, with names that generated code could want taken by the user.
#![deny(warnings, missing_docs, missing_debug_implementations)]
#![allow(dead_code, unused_macros)]

use modeller::engine::{Event, HookEvent, Job, Listing, Method, Previous, Query, Subscription};
use modeller::live::RuleEvent;
use modeller::{Cx, Doc, Id};

struct Result;
struct Vec;
struct Behaviour;
struct Entry;
struct Names;
enum Option {
    Some,
    None,
}
mod core {}
mod std {}
mod inventory {}
fn site() {}
fn boxed() {}
macro_rules! names {
    () => {};
}
macro_rules! submit {
    () => {};
}
type Done<T> = ::std::result::Result<T, modeller::Error>;

/// A person.
#[derive(
    Clone,
    Debug,
    ::serde::Serialize,
    ::serde::Deserialize,
    ::schemars::JsonSchema,
    ::validator::Validate,
    ::modeller::Model,
)]
pub struct User {
    /// Where mail goes.
    pub email: String,
}

/// Addresses are compared in lower case.
#[modeller::hook(User, before(insert, update), order = -10)]
async fn normalize_email(cx: &Cx, user: &mut User) -> Done<()> {
    let _ = cx;
    user.email = user.email.to_lowercase();
    Ok(())
}

#[modeller::hook(User, before(insert), before(delete), after(list))]
fn nothing() {}

#[modeller::hook(User, after(update), after_commit(update), name = "seen-twice", timeout = 500)]
#[modeller::hook(User, before(update), name = "seenBefore")]
async fn seen(before: Previous<'_, User>, _: &Doc<User>, event: HookEvent) {
    assert!(event.data.is_some() && !before.email.is_empty());
}

#[modeller::hook(User, before(list))]
fn run(listing: &mut Listing) {
    listing.count = 7;
}

#[modeller::hook(User, after(insert), schedule = "2s")]
async fn scheduled(r#type: &Doc<User>) -> ::std::result::Result<(), Refused> {
    if r#type.email.is_empty() { Err(Refused) } else { Ok(()) }
}

struct Refused;

impl From<Refused> for modeller::Error {
    fn from(_: Refused) -> Self {
        modeller::Error::new(modeller::Code::Conflict, "refused")
    }
}

#[modeller::worker(User, every = "5s", immediate = false, name = "sweeper")]
async fn sweep(cx: &Cx) -> Done<()> {
    let _ = cx;
    Ok(())
}

#[modeller::worker(every = 5000, unsigned)]
fn _tick() {}

/// Starts a password reset.
#[modeller::method(User)]
#[derive(Debug, ::serde::Serialize, ::serde::Deserialize, ::schemars::JsonSchema, ::validator::Validate)]
pub struct ResetPassword {
    /// Where mail goes.
    #[validate(email)]
    pub email: String,
}

impl Method for ResetPassword {
    type Reply = String;

    async fn call(self, _: &Cx) -> Done<String> {
        Ok(self.email)
    }
}

/// Forgets it.
#[modeller::method(User)]
pub async fn forget_password(
    cx: &Cx,
    /// Where mail goes.
    #[validate(email)]
    email: String,
    #[serde(default, rename = "often")] mut r#type: u32,
) -> Done<String> {
    let _ = cx;
    r#type += 1;
    Ok(format!("{email} {}", r#type))
}

#[modeller::query(User)]
fn ping() -> Done<u8> {
    Ok(7)
}

#[modeller::query(User, name = "known")]
async fn is_known(id: Id<User>, cx: &Cx, _: &Cx) -> ::std::result::Result<bool, Refused> {
    let _ = cx;
    if id.as_str().is_empty() { Err(Refused) } else { Ok(true) }
}

#[modeller::query(crate::declared::User)]
#[derive(::serde::Serialize, ::serde::Deserialize, ::schemars::JsonSchema, ::validator::Validate)]
struct Nearest {
    count: u8,
}

impl Query for Nearest {
    type Reply = u8;

    async fn run(self, _: &Cx) -> Done<u8> {
        Ok(self.count)
    }
}

/// Somebody types.
#[modeller::event(User)]
#[derive(Debug, ::serde::Serialize, ::serde::Deserialize, ::schemars::JsonSchema, ::validator::Validate)]
pub struct Typing {}

impl Event for Typing {
    type Reply = ();

    async fn handle(self, _: &Cx, _: &Subscription) -> Done<()> {
        Ok(())
    }
}

#[modeller::event(User)]
async fn say(to: &Subscription, text: String, cx: &Cx) {
    let _ = (to, text, cx);
}

/// Sends a letter.
#[modeller::job]
#[derive(Debug, ::serde::Serialize, ::serde::Deserialize, ::schemars::JsonSchema, ::validator::Validate)]
pub struct Letter {}

impl Job for Letter {
    async fn run(self, _: &Cx) -> Done<()> {
        Ok(())
    }
}

#[modeller::job(User, attempts = 7, backoff = "2s", timeout = "5m", cron = "0 3 * * *", name = "nightly")]
async fn clean_up(cx: &Cx) -> Done<()> {
    let _ = cx;
    Ok(())
}

#[modeller::job]
fn send_mail(to: String) {
    let _ = to;
}

/// What is said of an order.
#[derive(::serde::Deserialize, ::schemars::JsonSchema, ::validator::Validate)]
struct Created {
    customer: u32,
}

/// Remembers it.
#[modeller::rule(User, topic = "orders.created", timeout = "5s", name = "last-order")]
#[modeller::rule(topic = "orders.*.eu")]
async fn remember(order: Created, event: &RuleEvent, cx: &Cx) -> Done<()> {
    let _ = (order.customer, &event.topic, cx);
    Ok(())
}

#[modeller::rule(topic = "**")]
fn hear(r#type: RuleEvent) -> ::std::result::Result<(), Refused> {
    if r#type.topic.is_empty() { Err(Refused) } else { Ok(()) }
}

#[modeller::rule(User, topic = "*")]
async fn hear_nothing() {}

#[test]
fn functions_can_be_called_as_before() {
    send_mail("a@b.c".to_owned());
    assert!(matches!(ping(), Ok(7)));
    _tick();
}

#[test]
fn declarations_may_stand_in_functions() {
    #[modeller::job]
    fn inner(to: String) {
        let _ = to;
    }
    inner(String::new());
    assert_eq!(Inner { to: String::new() }.to, "");
}
