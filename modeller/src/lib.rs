#![doc = include_str!("../README.md")]

extern crate self as modeller;

#[doc(hidden)]
pub mod __private;
#[cfg(feature = "server")]
pub mod app;
#[cfg(feature = "server")]
pub mod doors;
#[cfg(feature = "engine")]
pub mod engine;
#[cfg(feature = "live")]
pub mod live;
pub mod model;
pub mod prelude;
pub mod query;
pub mod registry;
#[cfg(feature = "engine")]
pub mod store;
#[cfg(feature = "server")]
mod test_kit;

#[cfg(feature = "server")]
pub use app::App;
#[cfg(feature = "engine")]
pub use engine::{Cx, Records, Secret};
pub use model::{Code, Column, Doc, Error, Id, Model, Ref, Result};
#[doc = include_str!("../docs/model.md")]
pub use modeller_macros::Model;
#[cfg(feature = "engine")]
#[doc = include_str!("../docs/event.md")]
pub use modeller_macros::event;
#[cfg(feature = "engine")]
#[doc = include_str!("../docs/hook.md")]
pub use modeller_macros::hook;
#[cfg(feature = "engine")]
#[doc = include_str!("../docs/job.md")]
pub use modeller_macros::job;
#[cfg(feature = "engine")]
#[doc = include_str!("../docs/method.md")]
pub use modeller_macros::method;
#[cfg(feature = "engine")]
#[doc = include_str!("../docs/query.md")]
pub use modeller_macros::query;
#[cfg(feature = "live")]
#[doc = include_str!("../docs/rule.md")]
pub use modeller_macros::rule;
#[cfg(feature = "engine")]
#[doc = include_str!("../docs/worker.md")]
pub use modeller_macros::worker;

/// What the tests of an application need: [`App::test`] makes a [`Kit`](test::Kit) of it.
#[cfg(feature = "server")]
pub mod test {
    pub use crate::test_kit::{Caller, Kit, Response};
}

/// The examples of the pages for users compile and run.
#[cfg(all(doctest, feature = "sqlite", feature = "server", feature = "live"))]
mod pages {
    #[doc = include_str!("../../docs/aggregates.md")]
    mod aggregates {}
    #[doc = include_str!("../../docs/asyncapi.md")]
    mod asyncapi {}
    #[doc = include_str!("../../docs/channels.md")]
    mod channels {}
    #[doc = include_str!("../../docs/configuration.md")]
    mod configuration {}
    #[doc = include_str!("../../docs/crates.md")]
    mod crates {}
    #[doc = include_str!("../../docs/endpoint-first.md")]
    mod endpoint_first {}
    #[doc = include_str!("../../docs/events.md")]
    mod events {}
    #[doc = include_str!("../../docs/geo.md")]
    mod geo {}
    #[doc = include_str!("../../docs/hooks.md")]
    mod hooks {}
    #[doc = include_str!("../../docs/http.md")]
    mod http {}
    #[doc = include_str!("../../docs/live.md")]
    mod live {}
    #[doc = include_str!("../../docs/logging.md")]
    mod logging {}
    #[doc = include_str!("../../docs/jobs.md")]
    mod jobs {}
    #[doc = include_str!("../../docs/methods.md")]
    mod methods {}
    #[doc = include_str!("../../docs/migrations.md")]
    mod migrations {}
    #[doc = include_str!("../../docs/models.md")]
    mod models {}
    #[doc = include_str!("../../docs/procedures.md")]
    mod procedures {}
    #[doc = include_str!("../../docs/queries.md")]
    mod queries {}
    #[doc = include_str!("../../docs/relations.md")]
    mod relations {}
    #[doc = include_str!("../../docs/rust-api.md")]
    mod rust_api {}
    #[doc = include_str!("../../docs/rules.md")]
    mod rules {}
    #[doc = include_str!("../../docs/search.md")]
    mod search {}
    #[doc = include_str!("../../docs/server.md")]
    mod server {}
    #[cfg(feature = "socketio")]
    #[doc = include_str!("../../docs/socketio.md")]
    mod socketio {}
    #[doc = include_str!("../../docs/storage.md")]
    mod storage {}
    #[doc = include_str!("../../docs/updates.md")]
    mod updates {}
    #[doc = include_str!("../../docs/testing.md")]
    mod testing {}
    #[doc = include_str!("../../docs/transactions.md")]
    mod transactions {}
    #[doc = include_str!("../../docs/validation.md")]
    mod validation {}
    #[doc = include_str!("../../docs/websocket.md")]
    mod websocket {}
    #[doc = include_str!("../../docs/workers.md")]
    mod workers {}
}
