//! Live queries: what a subscriber makes of what it is told is always what the query answers.

mod agreement;
mod events;
mod figures;
mod follower;
mod narrowed;
mod reactive;
mod related;
mod subscriptions;
mod support;
mod versions;
