//! The door put together: what it serves, checked once, and then one service for everything.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use tower_service::Service;

use super::dispatch::Inner;
use super::events::{Events, Listener, Mounted, ServerEvent};
use super::folder::Folders;
use super::origin::Origins;
use super::{Backend, BoxFuture, Folder, HttpOptions, Mount, Page, Route, target};
use crate::engine::{Procedures, Transact};
#[cfg(feature = "live")]
use crate::live::Live;
use crate::registry::{Fault, Faults};

/// Everything that the HTTP door is to serve, while it is put together.
///
/// The models' own routes win over pages, those over custom routes, those over the files of folders, and those over nested
/// routers.
pub struct HttpDoor {
    backend: Arc<dyn Backend>,
    options: HttpOptions,
    pages: Vec<Page>,
    routes: Vec<Route>,
    folders: Vec<Folder>,
    listeners: Vec<Listener>,
    mounts: Vec<Mount>,
    #[cfg(feature = "live")]
    live: Option<Arc<Live>>,
    nested: Option<Router>,
}

impl HttpDoor {
    /// A door for all models of `backend`, with `/@health`.
    pub fn new(backend: Arc<dyn Backend>, options: HttpOptions) -> Self {
        HttpDoor {
            backend,
            options,
            pages: Vec::new(),
            routes: Vec::new(),
            folders: Vec::new(),
            listeners: Vec::new(),
            mounts: Vec::new(),
            #[cfg(feature = "live")]
            live: None,
            nested: None,
        }
    }

    /// Serves a page too.
    #[must_use]
    pub fn page(mut self, page: Page) -> Self {
        self.pages.push(page);
        self
    }

    /// Serves a custom route too.
    #[must_use]
    pub fn route(mut self, route: Route) -> Self {
        self.routes.push(route);
        self
    }

    /// Serves the files of a folder too.
    #[must_use]
    pub fn folder(mut self, folder: Folder) -> Self {
        self.folders.push(folder);
        self
    }

    /// Tells this listener what happens at the door. What it panics with is logged, and harms nobody.
    #[must_use]
    pub fn on(mut self, listener: impl Fn(&ServerEvent<'_>) + Send + Sync + 'static) -> Self {
        self.listeners.push(Arc::new(listener));
        self
    }

    /// Serves live queries, as server-sent events.
    #[cfg(feature = "live")]
    #[must_use]
    pub fn live(mut self, live: Arc<Live>) -> Self {
        self.live = Some(live);
        self
    }

    /// Leaves a path to another door.
    #[must_use]
    pub fn mount(mut self, mount: Mount) -> Self {
        self.mounts.push(mount);
        self
    }

    /// Serves an axum router below a path.
    ///
    /// Limits of size and time are the router's own matter.
    ///
    /// # Panics
    /// As [`Router::nest`], if the path is taken or is no path.
    #[must_use]
    pub fn nest(mut self, path: &str, router: Router) -> Self {
        self.nested = Some(self.nested.unwrap_or_default().nest(path, router));
        self
    }

    /// Serves the routes of an axum router too, and its fallback for paths that are nobody's.
    ///
    /// # Panics
    /// As [`Router::merge`], if a path is taken, or for a second fallback.
    #[must_use]
    pub fn merge(mut self, router: Router) -> Self {
        self.nested = Some(self.nested.unwrap_or_default().merge(router));
        self
    }

    /// One service that answers every path.
    ///
    /// # Errors
    /// All contradictions at once: paths that are taken or malformed, folders whose directory is not there, origins that are none.
    pub fn service(mut self) -> Result<HttpService, Faults> {
        let mut faults = Faults::default();
        let origins = Origins::of(&self.options.cors).unwrap_or_else(|fault| {
            faults.push(Fault::new(fault));
            Origins::default()
        });
        if !self.pages.iter().any(|page| page.path() == "/@health") {
            self.pages.push(Page::new("/@health", "application/json", r#"{"status":"ok"}"#));
        }
        for (index, page) in self.pages.iter().enumerate() {
            if self.pages[..index].iter().any(|other| other.path() == page.path()) {
                faults.push(Fault::new(format!("two pages are to be served at `{}`", page.path())));
            }
        }
        for (index, mount) in self.mounts.iter().enumerate() {
            if self.mounts[..index].iter().any(|other| other.takes(mount.path()) || mount.takes(other.path()))
            {
                faults.push(Fault::new(format!("two doors are to answer at `{}`", mount.path())));
            }
        }
        let mut paths = matchit::Router::new();
        let mut endpoints: Vec<Vec<Route>> = Vec::new();
        for route in self.routes {
            if let Some(mount) = self.mounts.iter().find(|mount| mount.takes(&route.path)) {
                faults.push(Fault::new(format!(
                    "the route `{} {}` is not possible: another door answers at `{}`",
                    route.method,
                    route.path,
                    mount.path()
                )));
                continue;
            }
            if let Some(taken) = taken(&*self.backend, &route) {
                faults.push(Fault::new(taken));
                continue;
            }
            match endpoints.iter_mut().find(|routes| routes[0].path == route.path) {
                Some(routes) if routes.iter().any(|other| other.method == route.method) => {
                    faults
                        .push(Fault::new(format!("there are two routes `{} {}`", route.method, route.path)));
                }
                Some(routes) => routes.push(route),
                None => match paths.insert(route.path.clone(), endpoints.len()) {
                    Ok(()) => endpoints.push(vec![route]),
                    Err(error) => {
                        let message =
                            format!("the route `{} {}` is not possible: {error}", route.method, route.path);
                        faults.push(Fault::new(message));
                    }
                },
            }
        }
        let folders = Folders::of(&self.folders, &*self.backend, &mut faults);
        faults.into_result()?;
        let events = Arc::new(Events::new(self.listeners));
        #[cfg(feature = "live")]
        if let Some(live) = &self.live {
            events.hear_of(live.connections());
        }
        Ok(HttpService(Arc::new(Inner {
            backend: self.backend,
            options: self.options,
            origins,
            pages: self.pages,
            paths,
            endpoints,
            folders,
            events,
            mounts: self.mounts,
            #[cfg(feature = "live")]
            live: self.live,
            nested: self.nested,
            in_flight: AtomicUsize::new(0),
            held: AtomicUsize::new(0),
        })))
    }

    /// An axum router that answers every path, to serve or to nest below a path of another one.
    ///
    /// # Errors
    /// As [`service`](HttpDoor::service).
    pub fn router(self) -> Result<Router, Faults> {
        Ok(Router::new().fallback_service(self.service()?))
    }

    /// An axum router of the known paths alone, to merge into another one: all other paths are left to that.
    ///
    /// # Errors
    /// As [`service`](HttpDoor::service).
    ///
    /// # Panics
    /// If two paths of custom routes or pages differ in nothing but the names of their parameters.
    pub fn routes(self) -> Result<Router, Faults> {
        let nested = self.nested.clone().unwrap_or_default();
        let service = self.service()?;
        let inner = &service.0;
        let models = inner.backend.registry().models();
        let mut paths: Vec<String> =
            models.iter().map(|shape| format!("/{}/{{operation}}", shape.path)).collect();
        let mounts = inner.backend.registry().mounts();
        paths.extend(mounts.iter().map(|mount| format!("/{}/{{operation}}", mount.path)));
        let mut scopes: Vec<&str> = models.iter().map(|shape| shape.descriptor.scope).collect();
        scopes.dedup();
        paths.extend(scopes.iter().map(|scope| format!("/{scope}/{{model}}/{{operation}}")));
        paths.push(Transact::PATH.to_owned());
        paths.push(format!("{}{{name}}", Procedures::PATH));
        paths.extend(inner.pages.iter().map(|page| page.path().to_owned()));
        paths.extend(inner.mounts.iter().flat_map(Mount::patterns));
        paths.extend(inner.endpoints.iter().map(|routes| routes[0].path.clone()));
        paths.extend(inner.folders.patterns());
        Ok(paths.iter().fold(nested, |router, path| router.route_service(path, service.clone())))
    }
}

/// Why the route can't be reached, if an operation of a model, the transaction, or a procedure has its path.
fn taken(backend: &dyn Backend, route: &Route) -> Option<String> {
    let there = match route.path.as_str() {
        Transact::PATH => Some("transactions are"),
        path if super::procedures::name(path).is_some() => Some("procedures are"),
        _ => None,
    };
    if let Some(there) = there {
        return Some(format!("the route `{} {}` is not possible: {there} there", route.method, route.path));
    }
    let (shape, operation) = target::find(backend.registry(), &route.path).ok()??;
    Some(format!(
        "the route `{} {}` is not possible: that is the model `{}`'s `{operation}`",
        route.method, route.path, shape.path
    ))
}

/// The HTTP door as a service: each request gets an answer, and never an error.
#[derive(Clone)]
pub struct HttpService(Arc<Inner>);

impl HttpService {
    /// Tells all who listen that the server can be reached at this address now.
    pub fn mounted(&self, address: SocketAddr) {
        self.0.events.tell(&ServerEvent::Mounted(Mounted::new(address, self.0.backend.cx())));
    }

    /// Whether anybody asks from where a request came.
    pub(super) fn wants_remote(&self) -> bool {
        #[cfg(feature = "live")]
        if self.0.live.is_some() {
            return true;
        }
        self.0.events.is_listened_to() || self.0.nested.is_some() || !self.0.mounts.is_empty()
    }
}

impl Service<Request<Body>> for HttpService {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Arc::clone(&self.0).answer(request)
    }
}
