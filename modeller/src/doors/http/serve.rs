//! The server: connections, their limits, and an orderly end.

use std::any::Any;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::extract::ConnectInfo;
use axum::http::{Request, Response, Version, header};
use hyper::body::Incoming;
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{sleep, timeout};
use tower_service::Service;

use super::answer::{self, Refusal};
use super::stream::Stream;
use super::{HttpOptions, HttpService};
use crate::engine::caught;
use crate::model::{Code, Error};

/// The smallest head that hyper can be limited to.
const SMALLEST_HEAD: usize = 8 * 1024;

/// Connections that may wait to be accepted; the system may allow fewer.
const QUEUE: u32 = 4096;

/// How long connections have to notice that they were cut off.
const CUT_OFF: Duration = Duration::from_secs(1);

/// How far the server's end is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Serving,
    /// No new requests; those under way go on.
    Draining,
    /// Connections are cut off.
    Over,
}

/// Listens on an address, with room for a crowd that arrives at once: what does not fit into the system's queue has to
/// try again after a second.
///
/// # Errors
/// Those of the system: the address is taken, or none of this machine.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // On Windows this would let two servers share a port.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(QUEUE)
}

/// Serves HTTP/1.1 on a listener until `shutdown` is done.
///
/// `service` is an [`HttpService`] (the fastest way) or any axum router, whose handlers may ask for `ConnectInfo<SocketAddr>`.
/// After `shutdown` nothing more is accepted, idle connections close, and requests under way have
/// [`grace`](HttpOptions::grace) to finish.
///
/// # Errors
/// None at present: faults of single connections end those, and a listener that can't accept is asked again.
pub async fn serve<S>(
    listener: TcpListener,
    service: S,
    options: &HttpOptions,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send,
{
    let permits = Arc::new(Semaphore::new(options.max_connections.clamp(1, Semaphore::MAX_PERMITS)));
    let (phase, watched) = watch::channel(Phase::Serving);
    // Passing on addresses costs a little, and nearly nobody asks.
    let own = (&service as &dyn Any).downcast_ref::<HttpService>();
    let wants_remote = own.is_none_or(HttpService::wants_remote);
    let server =
        Server { builder: builder(options), patience: options.read_timeout, phase: watched, wants_remote };
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = async {
            // The semaphore is never closed, so that there is always a permit in the end.
            let permit = Arc::clone(&permits).acquire_owned().await.ok();
            (accept(&listener).await, permit)
        };
        let ((stream, remote), permit) = tokio::select! {
            accepted = accepted => accepted,
            () = &mut shutdown => break,
        };
        tokio::spawn(server.clone().connection(stream, remote, service.clone(), permit));
    }
    drop((listener, server));
    phase.send_replace(Phase::Draining);
    if timeout(options.grace, phase.closed()).await.is_err() {
        tracing::warn!("requests were still under way after {:?}: they are cut off", options.grace);
        phase.send_replace(Phase::Over);
        // The tasks only have to wake up.
        let _ = timeout(CUT_OFF, phase.closed()).await;
    }
    Ok(())
}

fn builder(options: &HttpOptions) -> Builder {
    let mut builder = Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(options.read_timeout)
        .max_buf_size(options.header_limit.max(SMALLEST_HEAD));
    builder
}

/// The next connection, however long the system refuses one.
async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    let mut pause = Duration::from_millis(10);
    loop {
        match listener.accept().await {
            Ok((stream, remote)) => {
                // A stream that can't be set up says so at its first read.
                let _ = stream.set_nodelay(true);
                return (stream, remote);
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                // Out of file descriptors, most likely: others have to close first.
                tracing::warn!(%error, "no connection can be accepted; trying again in {pause:?}");
                sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(1));
            }
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

#[derive(Clone)]
struct Server {
    builder: Builder,
    patience: Duration,
    phase: watch::Receiver<Phase>,
    /// Whether requests carry the address they came from.
    wants_remote: bool,
}

impl Server {
    async fn connection<S>(
        mut self,
        stream: TcpStream,
        remote: SocketAddr,
        service: S,
        _permit: Option<OwnedSemaphorePermit>,
    ) where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send,
    {
        let stream = TokioIo::new(Stream::new(stream, self.patience));
        let remote = self.wants_remote.then_some(remote);
        let handler = service_fn(move |request| handle(service.clone(), request, remote));
        let mut connection = pin!(self.builder.serve_connection(stream, handler).with_upgrades());
        let ended = tokio::select! {
            result = connection.as_mut() => Some(result),
            () = self.reached(Phase::Draining) => None,
        };
        let result = match ended {
            Some(result) => result,
            None => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    result = connection => result,
                    () = self.reached(Phase::Over) => return,
                }
            }
        };
        if let Err(error) = result {
            // Clients break off all the time: nothing to worry about, and nothing they should be able to fill a log with.
            tracing::debug!(%error, "a connection ended early");
        }
    }

    /// Waits until the server's end is this far.
    async fn reached(&mut self, phase: Phase) {
        // Without a sender the server is gone, and this is all the further.
        let _ = self.phase.wait_for(|now| *now >= phase).await;
    }
}

/// One request, from whatever it is that answers.
async fn handle<S>(
    mut service: S,
    request: Request<Incoming>,
    remote: Option<SocketAddr>,
) -> Result<Response<Body>, Infallible>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Send,
    S::Future: Send,
{
    let mut request = request.map(|body| if body.is_end_stream() { Body::empty() } else { Body::new(body) });
    if let Some(remote) = remote {
        request.extensions_mut().insert(ConnectInfo(remote));
    }
    // hyper keeps to the chunks where a request has a `Content-Length` too. A proxy in front may not: what it takes for
    // the rest of the body must not become the next request, so that nothing follows.
    let is_chunked = request.headers().contains_key(header::TRANSFER_ENCODING);
    if let Err(error) = check_host(&request) {
        return Ok(answer::refuse(Refusal::closing(error)));
    }
    let mut response = match caught(async { service.call(request).await }).await {
        Ok(Ok(response)) => response,
        Err(panic) => answer::panicked(&panic),
    };
    // Also the mark by which the stream knows our answers from hyper's.
    response.headers_mut().entry(header::X_CONTENT_TYPE_OPTIONS).or_insert_with(|| answer::NOSNIFF.clone());
    if is_chunked {
        response.headers_mut().insert(header::CONNECTION, answer::CLOSE.clone());
    }
    Ok(response)
}

/// HTTP/1.1 demands one host, so that nobody can think it is for somebody else.
fn check_host(request: &Request<Body>) -> Result<(), Error> {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(_), None) => Ok(()),
        (None, _) if request.version() < Version::HTTP_11 => Ok(()),
        _ => Err(Error::new(Code::InvalidRequest, "a request must have one `Host` header")),
    }
}
