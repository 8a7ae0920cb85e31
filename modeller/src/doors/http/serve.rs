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
use super::{HttpOptions, HttpService};
use crate::doors::stream::Stream;
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

#[cfg(all(test, feature = "live"))]
mod tests {
    use std::sync::Mutex;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::sync::oneshot;

    use super::*;
    use crate::doors::upgraded::Pipe;

    type Sender = Arc<Mutex<Option<oneshot::Sender<Pipe>>>>;

    #[derive(Clone)]
    struct Upgrades(Sender);

    impl Service<Request<Body>> for Upgrades {
        type Response = Response<Body>;
        type Error = Infallible;
        type Future = std::future::Ready<Result<Response<Body>, Infallible>>;

        fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Infallible>> {
            std::task::Poll::Ready(Ok(()))
        }

        fn call(&mut self, mut request: Request<Body>) -> Self::Future {
            let (upgrade, sender) = (hyper::upgrade::on(&mut request), self.0.lock().unwrap().take());
            tokio::spawn(async move { sender.unwrap().send(upgrade.await.unwrap().into()) });
            let response =
                Response::builder().status(101).header("upgrade", "x").header("connection", "upgrade");
            std::future::ready(Ok(response.body(Body::empty()).unwrap()))
        }
    }

    #[tokio::test]
    async fn another_protocol_goes_on_with_the_network_itself() {
        let (sender, pipe) = oneshot::channel();
        let listener = listen(([127, 0, 0, 1], 0).into()).unwrap();
        let address = listener.local_addr().unwrap();
        let service = Upgrades(Arc::new(Mutex::new(Some(sender))));
        let options = HttpOptions::default();
        let serving =
            tokio::spawn(async move { serve(listener, service, &options, std::future::pending()).await });
        let mut client = TcpStream::connect(address).await.unwrap();
        client
            .write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: x\r\n\r\nhere")
            .await
            .unwrap();
        let mut pipe: Pipe = pipe.await.unwrap();
        assert!(pipe.is_bare(), "something is around it that `Pipe` doesn't know");
        let mut heard = [0; 4];
        pipe.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"here");
        pipe.write_all(b"and there").await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"and there") {
            assert!(client.read_buf(&mut answer).await.unwrap() > 0);
        }
        serving.abort();
    }
}
