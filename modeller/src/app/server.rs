//! What an application says about its server beside its models: folders, listeners, configurations, the log.

use std::path::PathBuf;
use std::sync::Arc;

use super::{App, StartError};
use crate::doors::http::{self, Folder, Mounted, Page, Requested, ServerEvent};
use crate::engine::{self, Configured, Declared, Engine, Feature, LogOptions, Operation};
#[cfg(feature = "live")]
use crate::live::ConnectionInfo;
use crate::registry::{Fault, Faults, Registry};

impl App {
    /// Serves a page that is part of the program, such as one that was built in with `include_str!`.
    pub fn page(mut self, page: Page) -> Self {
        self.pages.push(page);
        self
    }

    /// Serves the files of a directory below a path: `.folder("/assets/fonts", "fonts")` answers `GET /assets/fonts/a.woff2` with
    /// `fonts/a.woff2`.
    ///
    /// The directory is looked for at the start, from the working directory unless it is absolute; if it is not there the
    /// application does not start. Models, pages and routes win over files. Hidden files and what lies outside, links that lead
    /// there included, are not served.
    pub fn folder(mut self, path: impl Into<String>, directory: impl Into<PathBuf>) -> Self {
        self.folders.push(Folder::new(path, directory));
        self
    }

    /// Calls this with everything that happens at the server.
    ///
    /// Listeners are called one after the other, in the midst of what they are told: they should be quick. They can observe and
    /// nothing else; a panic in one is logged.
    pub fn on(mut self, listener: impl Fn(&ServerEvent<'_>) + Send + Sync + 'static) -> Self {
        self.listeners.push(Arc::new(listener));
        self
    }

    /// Calls this once the server listens, with its address. A [`router`](App::router) has none, and never calls it.
    pub fn on_mounted(self, listener: impl Fn(&Mounted) + Send + Sync + 'static) -> Self {
        self.on(move |event| {
            if let ServerEvent::Mounted(mounted) = event {
                listener(mounted);
            }
        })
    }

    /// Calls this with every request that can be read, whatever comes of it, before anything is done about it.
    pub fn on_request(self, listener: impl Fn(&Requested<'_>) + Send + Sync + 'static) -> Self {
        self.on(move |event| {
            if let ServerEvent::Request(request) = event {
                listener(request);
            }
        })
    }

    /// Calls this with every connection that stays open, over Socket.IO or as a WebSocket, once it is known who it is.
    #[cfg(feature = "live")]
    pub fn on_connection(self, listener: impl Fn(&ConnectionInfo) + Send + Sync + 'static) -> Self {
        self.on(move |event| {
            if let ServerEvent::Connection(connection) = event {
                listener(connection);
            }
        })
    }

    /// Calls this with every such connection that ends.
    #[cfg(feature = "live")]
    pub fn on_disconnection(self, listener: impl Fn(&ConnectionInfo) + Send + Sync + 'static) -> Self {
        self.on(move |event| {
            if let ServerEvent::Disconnection(connection) = event {
                listener(connection);
            }
        })
    }

    /// Configures a model's code; read it with `cx.config::<User>()`. See [`Configured`].
    pub fn configure<M: Configured>(mut self, config: M::Config) -> Self {
        self.configs.push(Declared::value::<M>(config));
        self
    }

    /// Configures a model's code with what this answers when the configuration is first asked for; it is asked once.
    pub fn configure_with<M: Configured>(
        mut self,
        config: impl Fn() -> M::Config + Send + Sync + 'static,
    ) -> Self {
        self.configs.push(Declared::lazy::<M>(config));
        self
    }

    /// What the models' log says, and to whom. The environment and the command line have the last word on its level.
    pub fn log(mut self, options: LogOptions) -> Self {
        self.log = options;
        self
    }

    /// The configurations fit the models.
    pub(super) fn check_configs(&self, registry: &Registry) -> Result<(), StartError> {
        let mut faults = Faults::default();
        let paths: Vec<&str> = self.configs.iter().map(|config| (config.shape)().path.as_str()).collect();
        for (index, path) in paths.iter().enumerate() {
            if registry.by_id(path).is_none() {
                let message = format!("`{path}` is configured, and is no model of this application");
                faults.push(Fault::new(message));
            } else if paths[..index].contains(path) {
                faults.push(Fault::new(format!("`{path}` is configured twice")));
            }
        }
        Ok(faults.into_result()?)
    }

    /// The folders that are known before anything else is: better no new database than one of a program that does not start.
    pub(super) fn check_folders(&self) -> Result<(), StartError> {
        Ok(http::check_folders(&self.folders)?)
    }

    /// Gives a new engine its configurations and its log.
    pub(super) fn equip(&self, engine: &Engine) {
        for config in &self.configs {
            engine.configs().declare(config.clone());
        }
        engine.log().configure(&self.log);
    }

    /// A line for everything that is done, and not by a model when it is asked to.
    pub(super) fn behaviours(&self, registry: &Registry) -> Vec<String> {
        let mut lines = engine::lines(registry);
        lines.extend(self.watch.lines(registry));
        lines
    }

    /// What `inspect` says beside the models.
    pub(super) fn report(&self) -> String {
        let mut lines = Vec::new();
        for config in &self.configs {
            let path = &(config.shape)().path;
            lines.push(match config.keys() {
                Some(keys) => format!("configuration of {path}  {}", keys.join(", ")),
                None => format!("configuration of {path}  (made when it is first asked for)"),
            });
        }
        lines.extend(self.extended.iter().map(|id| format!("extension {id}")));
        lines.extend(self.routes.iter().map(|route| format!("route {} {}", route.method(), route.path())));
        lines.extend(self.nested.iter().map(|(path, _)| format!("router below {path}")));
        let folders = self.folders.iter();
        lines.extend(
            folders.map(|folder| format!("folder {}  {}", folder.path(), folder.directory().display())),
        );
        lines.into_iter().map(|line| line + "\n").collect()
    }
}

/// Tells the log which operations there are, and which hooks, methods, ...
pub(super) fn tell_log(engine: &Engine) {
    for shape in engine.registry().models() {
        let offered: Vec<&str> = Operation::ALL
            .iter()
            .filter(|operation| operation.is_offered(shape))
            .map(|operation| operation.name())
            .collect();
        let message = format!("registered: {}", offered.join(", "));
        engine.log().registered(Feature::Crud, Some(shape), &message, shape.descriptor.site);
    }
    let own = engine.registry().behaviours().iter().filter(|behaviour| !behaviour.name.starts_with('_'));
    for behaviour in own {
        let name = if behaviour.name.is_empty() { behaviour.rust } else { behaviour.name };
        let shape = behaviour.model.map(|model| model().shape());
        engine.log().registered(behaviour.kind.into(), shape, &format!("registered: {name}"), behaviour.site);
    }
}
