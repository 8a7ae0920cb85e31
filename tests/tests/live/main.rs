//! Live queries: what a subscriber makes of what it is told is always what the query answers.

mod agreement;
mod subscriptions;
mod support;
