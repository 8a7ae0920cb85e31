//! The wire as the transport has it: a stream, which it has to itself as far as it knows.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::outbox::Outbox;
use super::wire::Wire;

/// What the transport reads and writes. There is room for it, whatever waits for the client besides, as long as what it has written itself
/// is not too much.
pub(super) struct Stream<F> {
    wire: Arc<Wire>,
    /// Finds out whose it is, once that is known.
    find: Option<F>,
}

impl<F: FnMut() -> Option<Arc<Outbox>>> Stream<F> {
    pub(super) fn new(wire: Arc<Wire>, find: F) -> Self {
        // Nothing is looked for before something is written: the transport may refuse this one, and has another for the session.
        Stream { wire, find: Some(find) }
    }

    fn find(&mut self) {
        if let Some(outbox) = self.find.as_mut().and_then(|find| find()) {
            self.find = None;
            self.wire.belongs_to(&outbox);
        }
    }
}

impl<F> AsyncRead for Stream<F> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.wire.poll_read(context, buffer)
    }
}

impl<F: FnMut() -> Option<Arc<Outbox>> + Unpin> AsyncWrite for Stream<F> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.find();
        self.wire.poll_pass(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl<F> Drop for Stream<F> {
    fn drop(&mut self) {
        self.wire.part();
    }
}
