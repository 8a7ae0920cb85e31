//! Extensions: a part of a server that somebody else wrote, set up with one line.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use super::{App, Database, Options, StartError};
use crate::doors::http::{Folder, HttpOptions, Mounted, Page, Requested, Route, ServerEvent};
use crate::engine::{Cx, Engine};
#[cfg(feature = "live")]
use crate::live::ConnectionInfo;
use crate::model::Result;
use crate::registry::{Fault, Faults};
use crate::store::Apply;

/// A part of a server: routes, folders, listeners, and what they need, under one name.
///
/// ```
/// use modeller::app::{Extension, Setup};
/// use modeller::doors::http::{Method, Route, RouteCx};
/// use modeller::prelude::*;
///
/// /// Answers that the server is there.
/// struct Ping { path: String }
///
/// impl Extension for Ping {
///     fn id(&self) -> &str {
///         "ping"
///     }
///
///     fn setup(self: Box<Self>, server: &mut Setup<'_>) -> Result<()> {
///         server.route(Route::new(Method::GET, self.path, async |_: RouteCx| Ok("pong")));
///         Ok(())
///     }
/// }
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
/// let app = App::isolated().allow_empty().extension(Ping { path: "/ping".into() });
/// let _router: axum::Router = app.router().await?;
/// # Ok(()) }
/// ```
pub trait Extension: Send + 'static {
    /// Its name; no other extension of the application has the same.
    fn id(&self) -> &str;

    /// Adds what it brings to the server, before that listens.
    ///
    /// # Errors
    /// Whatever keeps it from working: then the application does not start, and says why.
    fn setup(self: Box<Self>, server: &mut Setup<'_>) -> Result<()>;
}

/// The server, as an extension finds it when it is set up.
pub struct Setup<'a> {
    app: &'a mut App,
    engine: &'a Arc<Engine>,
}

impl Setup<'_> {
    /// Serves a route.
    pub fn route(&mut self, route: Route) -> &mut Self {
        self.app.routes.push(route);
        self
    }

    /// Serves an axum router below this path.
    pub fn nest(&mut self, path: impl Into<String>, router: axum::Router) -> &mut Self {
        self.app.nested.push((path.into(), router));
        self
    }

    /// Serves a fixed page.
    pub fn page(&mut self, page: Page) -> &mut Self {
        self.app.pages.push(page);
        self
    }

    /// Serves the files of a directory, as [`App::folder`].
    pub fn folder(&mut self, path: impl Into<String>, directory: impl Into<PathBuf>) -> &mut Self {
        self.app.folders.push(Folder::new(path, directory));
        self
    }

    /// Calls this with everything that happens at the server, as [`App::on`].
    pub fn on(&mut self, listener: impl Fn(&ServerEvent<'_>) + Send + Sync + 'static) -> &mut Self {
        self.app.listeners.push(Arc::new(listener));
        self
    }

    /// Calls this once the server listens, as [`App::on_mounted`].
    pub fn on_mounted(&mut self, listener: impl Fn(&Mounted) + Send + Sync + 'static) -> &mut Self {
        self.on(move |event| {
            if let ServerEvent::Mounted(mounted) = event {
                listener(mounted);
            }
        })
    }

    /// Calls this with every request, as [`App::on_request`].
    pub fn on_request(&mut self, listener: impl Fn(&Requested<'_>) + Send + Sync + 'static) -> &mut Self {
        self.on(move |event| {
            if let ServerEvent::Request(request) = event {
                listener(request);
            }
        })
    }

    /// Calls this with every connection that stays open, as [`App::on_connection`].
    #[cfg(feature = "live")]
    pub fn on_connection(&mut self, listener: impl Fn(&ConnectionInfo) + Send + Sync + 'static) -> &mut Self {
        self.on(move |event| {
            if let ServerEvent::Connection(connection) = event {
                listener(connection);
            }
        })
    }

    /// Calls this with every such connection that ends, as [`App::on_disconnection`].
    #[cfg(feature = "live")]
    pub fn on_disconnection(
        &mut self,
        listener: impl Fn(&ConnectionInfo) + Send + Sync + 'static,
    ) -> &mut Self {
        self.on(move |event| {
            if let ServerEvent::Disconnection(connection) = event {
                listener(connection);
            }
        })
    }

    /// The options of the application: its database, its address.
    pub fn options(&self) -> &Options {
        &self.app.options
    }

    /// The limits and the manners of the HTTP door.
    pub fn http(&self) -> &HttpOptions {
        &self.app.http
    }

    /// The same, to change them.
    pub fn http_mut(&mut self) -> &mut HttpOptions {
        &mut self.app.http
    }

    /// The engine: the models, their store, their configurations, the log. The models are at hand already.
    pub fn engine(&self) -> &Arc<Engine> {
        self.engine
    }

    /// A context for the extension's own code, such as what it starts once the server listens.
    pub fn cx(&self) -> Cx {
        self.engine.cx()
    }
}

impl std::fmt::Debug for Setup<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Setup").field("app", &self.app).finish_non_exhaustive()
    }
}

impl App {
    /// Adds an extension. They are set up in the order in which they were added, when the server is put together.
    pub fn extension(mut self, extension: impl Extension) -> Self {
        self.extensions.push(Box::new(extension));
        self
    }

    /// Sets up all extensions.
    pub(super) fn set_up(&mut self, engine: &Arc<Engine>) -> Result<(), StartError> {
        let extensions = std::mem::take(&mut self.extensions);
        let mut faults = Faults::default();
        let mut known = HashSet::new();
        for extension in &extensions {
            let id = extension.id();
            if id.trim().is_empty() {
                faults.push(Fault::new("an extension has no id"));
            } else if !known.insert(id) {
                faults.push(Fault::new(format!("there are two extensions `{id}`")));
            }
        }
        faults.into_result()?;
        let mut faults = Faults::default();
        for extension in extensions {
            let id = extension.id().to_owned();
            if let Err(error) = extension.setup(&mut Setup { app: self, engine }) {
                faults.push(Fault::new(format!("the extension `{id}` can't be set up: {error}")));
            }
            self.extended.push(id);
        }
        Ok(faults.into_result()?)
    }

    /// The application with all that its extensions add, for listings: they are set up beside an empty database in memory.
    pub(super) async fn listed(mut self) -> Result<App, StartError> {
        if !self.extensions.is_empty() {
            let database = std::mem::replace(&mut self.options.database, Database::Memory);
            let store = self.store.take();
            let engine = self.open()?;
            engine.migrate(Apply::Safe).await?;
            self.set_up(&engine)?;
            engine.store().close().await;
            (self.options.database, self.store) = (database, store);
        }
        Ok(self)
    }
}
