//! Assembly: the builder that makes a program out of what was linked, and the program's command line.

mod cli;
mod export;
mod extension;
mod import;
mod options;
mod plan;
mod serve;
mod server;
#[cfg(not(feature = "live"))]
#[path = "unwatched.rs"]
mod watch;
#[cfg(feature = "live")]
mod watch;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

pub use extension::{Extension, Setup};
pub use options::{Database, Options};

use self::watch::{Watch, Watched};

use axum::body::Bytes;
use serde_json::Value as Json;

use crate::doors::http::{Backend, BoxFuture, Folder, HttpDoor, HttpOptions, Listener, Page, Route};
use crate::doors::{docs, metadata, openapi};
use crate::engine::{
    self, Call, Clock, Cx, Declared, Engine, Identity, JobsOptions, LogOptions, Reply, Transact,
};
use crate::model::{Descriptor, Error, Model};
use crate::registry::{Faults, Registry};
use crate::store::sqlite::Sqlite;
use crate::store::{Apply, Store};
use crate::test_kit::Kit;

/// How often expired documents are removed.
const SWEEP: Duration = Duration::from_secs(1);

/// An application: the models that were linked, where they are stored, and how they are served.
///
/// ```no_run
/// use std::process::ExitCode;
/// use modeller::prelude::*;
///
/// fn main() -> ExitCode {
///     App::new().main()
/// }
/// ```
#[must_use = "an application does nothing until it is started"]
pub struct App {
    models: Option<Vec<&'static Descriptor>>,
    mounts: Vec<(&'static Descriptor, &'static Descriptor)>,
    allow_empty: bool,
    options: Options,
    about: openapi::About,
    http: HttpOptions,
    watch: Watch,
    routes: Vec<Route>,
    nested: Vec<(String, axum::Router)>,
    pages: Vec<Page>,
    folders: Vec<Folder>,
    listeners: Vec<Listener>,
    extensions: Vec<Box<dyn Extension>>,
    /// The ids of the extensions that were set up.
    extended: Vec<String>,
    configs: Vec<Declared>,
    log: LogOptions,
    store: Option<Arc<dyn Store>>,
    clock: Clock,
    jobs: JobsOptions,
    background: bool,
}

impl Default for App {
    fn default() -> Self {
        Self::new()
    }
}

impl App {
    /// An application of all the models that were linked into the program.
    pub fn new() -> Self {
        App {
            models: None,
            mounts: Vec::new(),
            allow_empty: false,
            options: Options::default(),
            about: openapi::About::default(),
            http: HttpOptions::default(),
            watch: Watch::default(),
            routes: Vec::new(),
            nested: Vec::new(),
            pages: Vec::new(),
            folders: Vec::new(),
            listeners: Vec::new(),
            extensions: Vec::new(),
            extended: Vec::new(),
            configs: Vec::new(),
            log: LogOptions::new(),
            store: None,
            clock: Clock::system(),
            jobs: JobsOptions::new(),
            background: true,
        }
    }

    /// An application that ignores what was linked and keeps its documents in memory: for tests.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use modeller::prelude::*;
    ///
    /// #[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
    /// struct Note { text: String }
    ///
    /// let cx = App::isolated().models::<(Note,)>().cx().await?;
    /// let note = Note::insert(&cx, Note { text: "hello".into() }).await?;
    /// assert_eq!(Note::get(&cx, &note.id).await?.unwrap().text, "hello");
    /// # Ok(()) }
    /// ```
    pub fn isolated() -> Self {
        let mut app = Self::new();
        app.models = Some(Vec::new());
        app.options.database = Database::Memory;
        app.background = false;
        app
    }

    /// These models, and those named so far, instead of what was linked.
    pub fn models<M: Models>(mut self) -> Self {
        self.models.get_or_insert_default().extend(M::descriptors());
        self
    }

    /// Serves the second model below the first one too, under its own name: `/system/users/posts/insert`. It is not merged
    /// with it: it keeps its hooks, methods, events and schema, and its own path.
    ///
    /// Extensions may have extensions, three at most below one another.
    ///
    /// ```
    /// use modeller::prelude::*;
    ///
    /// #[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
    /// #[model(scope = "system", name = "users")]
    /// struct User { name: String }
    ///
    /// #[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate, Model)]
    /// #[model(scope = "content", name = "posts")]
    /// struct Post { title: String }
    ///
    /// let app = App::isolated().models::<(User, Post)>().extend::<User, Post>();
    /// assert_eq!(app.registry().unwrap().mounts()[0].path, "system/users/posts");
    /// ```
    pub fn extend<Parent: Model, Child: Model>(mut self) -> Self {
        self.mounts.push((Parent::descriptor(), Child::descriptor()));
        self
    }

    /// Starts even if there is no model.
    pub fn allow_empty(mut self) -> Self {
        self.allow_empty = true;
        self
    }

    /// The application's title, for its documentation.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.about.title = title.into();
        self
    }

    /// The application's version, for its documentation.
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.about.version = version.into();
        self
    }

    /// Keeps the documents in this file (`:memory:` for none). The default is `modeller.db`.
    pub fn database(mut self, path: impl Into<String>) -> Self {
        self.options.database = Database::from(path.into());
        self
    }

    /// Listens here. The default is `127.0.0.1:3030`; port 0 takes any free one.
    pub fn address(mut self, address: SocketAddr) -> Self {
        self.options.address = address;
        self
    }

    /// All options at once. The environment and the command line have the last word.
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// The limits and the manners of the HTTP door.
    pub fn http(mut self, options: HttpOptions) -> Self {
        self.http = options;
        self
    }

    /// Keeps the documents in a store of one's own.
    pub fn store(mut self, store: impl Store) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// Takes the time from this clock: for tests.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// How jobs are run: how many at once, how long they are kept.
    pub fn jobs(mut self, options: JobsOptions) -> Self {
        self.jobs = options;
        self
    }

    /// Whether jobs and workers run by themselves once the application is started. They do, but in an
    /// [isolated](App::isolated) one: there [`run_due`](crate::engine::Jobs::run_due) runs jobs, and
    /// [`start_all`](crate::engine::Workers::start_all) starts workers.
    pub fn background(mut self, runs: bool) -> Self {
        self.background = runs;
        self
    }

    /// Serves a route of one's own.
    pub fn route(mut self, route: Route) -> Self {
        self.routes.push(route);
        self
    }

    /// Serves an axum router below this path.
    pub fn nest(mut self, path: impl Into<String>, router: axum::Router) -> Self {
        self.nested.push((path.into(), router));
        self
    }

    /// Runs the program: reads the command line, and serves unless it says something else.
    ///
    /// Exits with 0, with 1 on failure, and with 2 when the command line is wrong.
    pub fn main(self) -> ExitCode {
        cli::main(self)
    }

    /// The models, checked.
    ///
    /// # Errors
    /// All that is wrong with them.
    pub fn registry(&self) -> Result<Registry, StartError> {
        let mut registry = match &self.models {
            Some(models) => Registry::of(models)?,
            None => Registry::linked()?,
        };
        registry.extend(&self.mounts)?;
        if registry.models().is_empty() && !self.allow_empty {
            return Err(StartError::Empty);
        }
        engine::check(&registry)?;
        self.watch.check(&registry)?;
        Ok(registry)
    }

    fn open(&self) -> Result<Arc<Engine>, StartError> {
        let registry = self.registry()?;
        self.check_configs(&registry)?;
        let store = match &self.store {
            Some(store) => store.clone(),
            None => Arc::new(Sqlite::open(self.options.sqlite())?),
        };
        let engine = Engine::new(registry, store, self.clock.clone());
        self.equip(&engine);
        engine.jobs().set_options(self.jobs.clone());
        self.watch.equip(&engine);
        Ok(engine)
    }

    /// The file of the database, if the documents are to be in one and it does not exist.
    fn missing_database(&self) -> Option<PathBuf> {
        match (&self.store, &self.options.database) {
            (None, Database::File(path)) if !path.exists() => Some(path.clone()),
            _ => None,
        }
    }

    /// The engine, its store migrated, without a door. Jobs and workers run from now on, unless they are not to
    /// ([`background`](App::background)).
    ///
    /// # Errors
    /// Whatever keeps the application from starting.
    pub async fn engine(&self) -> Result<Arc<Engine>, StartError> {
        let engine = self.at_rest().await?;
        engine.sweep_every(SWEEP);
        if self.background {
            engine.start();
        }
        Ok(engine)
    }

    /// The engine, of which nothing runs by itself.
    async fn at_rest(&self) -> Result<Arc<Engine>, StartError> {
        let engine = self.open()?;
        self.watch.start(&engine)?;
        engine.migrate(Apply::Safe).await?;
        server::tell_log(&engine);
        Ok(engine)
    }

    /// A context for the application's own code, without a door.
    ///
    /// # Errors
    /// As [`engine`](App::engine).
    pub async fn cx(self) -> Result<Cx, StartError> {
        Ok(self.engine().await?.cx())
    }

    /// The whole HTTP door as a router, to nest in an axum application.
    ///
    /// # Errors
    /// As [`engine`](App::engine).
    pub async fn router(mut self) -> Result<axum::Router, StartError> {
        self.check_folders()?;
        let engine = self.engine().await?;
        self.set_up(&engine)?;
        let watched = self.watch.open(&engine);
        Ok(self.door(engine, &watched)?.router()?)
    }

    /// The application as tests want it: its documents in memory, whatever [`database`](App::database) says; a clock that they move;
    /// the HTTP door without a port; and nothing that runs by itself. See [`test`](crate::test).
    ///
    /// # Errors
    /// As [`engine`](App::engine).
    pub async fn test(mut self) -> Result<Kit, StartError> {
        self.options.database = Database::Memory;
        // Each is a connection to be opened, and a test has no crowd of readers.
        self.options.readers.get_or_insert(1);
        if !self.clock.is_manual() {
            self.clock = Clock::manual(Kit::START);
        }
        self.check_folders()?;
        let engine = self.at_rest().await?;
        self.set_up(&engine)?;
        let watched = self.watch.open(&engine);
        let service = self.door(engine.clone(), &watched)?.service()?;
        Ok(Kit::new(engine, service))
    }

    /// What the documentation says of the application, its own routes included.
    fn about(&self) -> openapi::About {
        let mut about = self.about.clone();
        about.pages.extend(self.routes.iter().map(|route| {
            let method = route.method().as_str();
            openapi::Page::new(method, route.path(), &format!("{method} {}", route.path()))
        }));
        about.pages.extend(self.watch.pages());
        about
    }

    fn door(self, engine: Arc<Engine>, watched: &Watched) -> Result<HttpDoor, StartError> {
        let about = self.about();
        let json = "application/json";
        let mut behaviours = engine::describe(engine.registry());
        behaviours.extend(self.watch.describe(engine.registry()));
        let (models, described) = (engine.registry().clone(), engine.registry().clone());
        let spoken_of = about.clone();
        let mut door = HttpDoor::new(Arc::new(Pipeline(engine)), self.http)
            .page(Page::made("/@metadata", json, once(move || metadata::document(&models, &behaviours))))
            .page(Page::made("/@openapi.json", json, once(move || openapi::document(&described, &about))))
            .page(Page::new("/@docs", "text/html; charset=utf-8", docs::PAGE).policy(docs::POLICY))
            .page(Page::new("/@docs.css", "text/css; charset=utf-8", docs::STYLE))
            .page(Page::new("/@docs.js", "text/javascript; charset=utf-8", docs::SCRIPT));
        door = self.watch.doors(watched, spoken_of, door);
        door = self.pages.into_iter().fold(door, HttpDoor::page);
        door = self.routes.into_iter().fold(door, HttpDoor::route);
        door = self.folders.into_iter().fold(door, HttpDoor::folder);
        for listener in self.listeners {
            door = door.on(move |event| listener(event));
        }
        for (path, router) in self.nested {
            door = door.nest(&path, router);
        }
        Ok(door)
    }
}

/// Makes a document when it is first asked for: a start should not wait for it.
fn once(make: impl Fn() -> Json + Send + Sync + 'static) -> impl Fn() -> Bytes + Send + Sync + 'static {
    let made = OnceLock::new();
    move || made.get_or_init(|| Bytes::from(make().to_string())).clone()
}

/// The engine, as the doors see it.
struct Pipeline(Arc<Engine>);

impl Backend for Pipeline {
    fn registry(&self) -> &Registry {
        self.0.registry()
    }

    fn call(&self, call: Call) -> BoxFuture<'_, crate::Result<Reply>> {
        Box::pin(self.0.perform(call))
    }

    fn transact(&self, several: Transact) -> BoxFuture<'_, crate::Result<Reply>> {
        Box::pin(self.0.transact(several))
    }

    fn cx(&self) -> Cx {
        Cx::new(self.0.clone(), Identity::Anonymous)
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").field("options", &self.options).finish_non_exhaustive()
    }
}

/// Why an application does not start.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// Models, routes, folders, extensions or configurations contradict each other, or what they name is not there.
    Models(Faults),
    /// There are no models.
    Empty,
    /// The store can't be opened, or does not fit the models.
    Store(Error),
    /// The address can't be listened on, or a file can't be read or written.
    Io(std::io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Models(faults) => faults.fmt(f),
            StartError::Empty => f.write_str(
                "the application has no models: derive `Model` on a struct; if the models are in another crate, \
                 name it with `modeller::link!(that_crate)`; or call `.allow_empty()`",
            ),
            StartError::Store(error) => error.fmt(f),
            StartError::Io(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for StartError {}

impl From<Faults> for StartError {
    fn from(faults: Faults) -> Self {
        StartError::Models(faults)
    }
}

impl From<Error> for StartError {
    fn from(error: Error) -> Self {
        StartError::Store(error)
    }
}

impl From<std::io::Error> for StartError {
    fn from(error: std::io::Error) -> Self {
        StartError::Io(error)
    }
}

/// A tuple of models: `(User, Post)`.
pub trait Models {
    /// Their descriptors.
    fn descriptors() -> Vec<&'static Descriptor>;
}

macro_rules! tuples {
    ($($name:ident)*) => {
        impl<$($name: Model),*> Models for ($($name,)*) {
            fn descriptors() -> Vec<&'static Descriptor> {
                vec![$($name::descriptor()),*]
            }
        }
    };
}

tuples!(A);
tuples!(A B);
tuples!(A B C);
tuples!(A B C D);
tuples!(A B C D E);
tuples!(A B C D E F);
tuples!(A B C D E F G);
tuples!(A B C D E F G H);
