//! The test kit: an application in memory, with a clock that is moved by hand, called without a port.

mod caller;
mod response;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::time::timeout;

pub use caller::Caller;
pub use response::Response;

use crate::doors::http::HttpService;
use crate::engine::{Clock, Cx, Engine, Identity};
use crate::model::Result;

/// For so long, by the real clock, it is waited until nothing is under way any more.
const PATIENCE: Duration = Duration::from_secs(10);

/// An application under test: [`App::test`](crate::App::test) makes it. Each one has a database and a clock of its own.
///
/// Its own [`get`](Kit::get), [`post`](Kit::post) and so on are requests of nobody in particular;
/// [`as_identity`](Kit::as_identity) makes those of somebody else. [`cx`](Kit::cx) is the application's own code.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
/// use modeller::prelude::*;
///
/// #[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
/// #[model(name = "notes")]
/// struct Note { text: String }
///
/// let kit = App::isolated().models::<(Note,)>().test().await?;
/// let note = kit.post("/app/notes/insert", serde_json::json!({ "text": "hello" })).await.expect(201);
/// assert_eq!(note["text"], "hello");
/// assert_eq!(Note::count(&kit.cx()).await?, 1);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Kit {
    engine: Arc<Engine>,
    service: HttpService,
}

impl Kit {
    /// When the clock begins, in Unix milliseconds, unless the application was given one of its own: 2027-01-15T08:00:00Z.
    pub const START: i64 = 1_800_000_000_000;

    pub(crate) fn new(engine: Arc<Engine>, service: HttpService) -> Self {
        Kit { engine, service }
    }

    /// A context of the application's own code.
    pub fn cx(&self) -> Cx {
        self.engine.cx()
    }

    /// The engine: its store, its change log.
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// Somebody who calls.
    pub fn as_identity(&self, identity: Identity) -> Caller {
        Caller::new(self.engine.clone(), self.service.clone(), identity)
    }

    /// Nobody in particular, who calls.
    pub fn anonymous(&self) -> Caller {
        self.as_identity(Identity::Anonymous)
    }

    /// GET by nobody in particular.
    pub async fn get(&self, path: &str) -> Response {
        self.anonymous().get(path).await
    }

    /// POST by nobody in particular; with `()` there is no body.
    pub async fn post(&self, path: &str, body: impl Serialize) -> Response {
        self.anonymous().post(path, body).await
    }

    /// PUT by nobody in particular.
    pub async fn put(&self, path: &str, body: impl Serialize) -> Response {
        self.anonymous().put(path, body).await
    }

    /// DELETE by nobody in particular.
    pub async fn delete(&self, path: &str) -> Response {
        self.anonymous().delete(path).await
    }

    /// The clock that the application goes by.
    pub fn clock(&self) -> &Clock {
        self.engine.clock()
    }

    /// Moves the clock forward, and waits until all that is due then is done.
    ///
    /// # Panics
    /// As [`settled`](Kit::settled).
    #[track_caller]
    pub fn advance(&self, by: Duration) -> impl Future<Output = ()> + '_ {
        self.clock().advance(by);
        self.settled()
    }

    /// Waits until nothing is due or under way any more: what was to be done after commits is done, jobs that are due have run, and
    /// workers, if they were started (`kit.engine().workers().start_all()`); what has expired is removed.
    ///
    /// # Panics
    /// If that takes longer than 10 seconds by the real clock, or if the store can't be written.
    #[track_caller]
    pub fn settled(&self) -> impl Future<Output = ()> + '_ {
        let asked = std::panic::Location::caller();
        async move {
            match timeout(PATIENCE, self.settle()).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => panic!("nothing settles at {asked}: {error}"),
                Err(_) => panic!("something is under way at {asked} for longer than {PATIENCE:?}"),
            }
        }
    }

    /// One round after the other, until there was nothing to do in one: what is done may make other things due.
    async fn settle(&self) -> Result<()> {
        loop {
            self.engine.tasks().idle().await;
            self.engine.workers().settled().await;
            if self.engine.jobs().run_due().await? + self.engine.sweep().await? == 0 {
                return Ok(());
            }
        }
    }
}

impl fmt::Debug for Kit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kit").field("clock", self.clock()).finish_non_exhaustive()
    }
}
