//! The stream below hyper. It gives up on a peer that takes nothing, and says in our words what hyper refuses in none.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

use crate::model::{Code, Error};

/// A TCP stream whose writes fail after they could not go on for some time: an answer must not be kept for ever.
pub(super) struct Stream {
    tcp: TcpStream,
    /// None once the connection belongs to another protocol, which has its own ways to find out that nobody is there.
    patience: Option<Duration>,
    /// Runs while a write waits.
    since: Option<Pin<Box<Sleep>>>,
    /// What takes the place of a refusal of hyper's, as far as it is not yet written.
    ours: Vec<u8>,
    /// How many bytes are still taken up before the connection is closed: closing it with unread ones would reset it, and
    /// the peer might lose the refusal.
    lingering: usize,
}

/// So much is taken up after a refusal, and for so long.
const LINGERING: usize = 4 * 1024 * 1024;
const LINGER: Duration = Duration::from_secs(2);

impl Stream {
    pub(super) fn new(tcp: TcpStream, patience: Duration) -> Self {
        Stream { tcp, patience: Some(patience), since: None, ours: Vec::new(), lingering: 0 }
    }

    /// What another protocol goes on with once HTTP has let go of it.
    #[cfg(feature = "live")]
    pub(super) fn into_tcp(self) -> TcpStream {
        self.tcp
    }

    fn watch<T>(&mut self, context: &mut Context<'_>, poll: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if poll.is_ready() {
            self.since = None;
            return poll;
        }
        let Some(patience) = self.patience else { return Poll::Pending };
        let since = self.since.get_or_insert_with(|| Box::pin(sleep(patience)));
        since.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }

    /// What is written says that another protocol begins.
    fn look(&mut self, bytes: &[u8]) {
        if bytes.starts_with(b"HTTP/1.1 101") {
            self.patience = None;
        }
    }

    fn refuse(&mut self, ours: Vec<u8>) {
        self.ours = ours;
        self.lingering = LINGERING;
    }

    /// Takes up what the peer still sends, until it ends, or is too much or too slow.
    fn poll_linger(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut scrap = [0; 8 * 1024];
        while self.lingering > 0 {
            let mut buffer = ReadBuf::new(&mut scrap);
            match Pin::new(&mut self.tcp).poll_read(context, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                    self.lingering = self.lingering.saturating_sub(buffer.filled().len());
                }
                Poll::Ready(_) => break,
                Poll::Pending => {
                    let since = self.since.get_or_insert_with(|| Box::pin(sleep(LINGER)));
                    return since.as_mut().poll(context);
                }
            }
        }
        Poll::Ready(())
    }

    /// Writes what is ours, all of it.
    fn poll_ours(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.ours.is_empty() {
            let poll = Pin::new(&mut self.tcp).poll_write(context, &self.ours);
            match ready!(self.watch(context, poll))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.ours.drain(..written),
            };
        }
        Poll::Ready(Ok(()))
    }
}

/// Up to how many bytes several pieces are written as one.
const JOINED: usize = 2048;

/// Writes several pieces. Most are small: copying them together costs the system less than taking one by one.
pub(super) fn poll_write_joined(
    tcp: &mut TcpStream,
    context: &mut Context<'_>,
    slices: &[io::IoSlice<'_>],
) -> Poll<io::Result<usize>> {
    let length: usize = slices.iter().map(|slice| slice.len()).sum();
    if slices.len() < 2 || length > JOINED {
        return Pin::new(tcp).poll_write_vectored(context, slices);
    }
    let (mut joined, mut at) = ([0; JOINED], 0);
    for slice in slices {
        joined[at..at + slice.len()].copy_from_slice(slice);
        at += slice.len();
    }
    Pin::new(tcp).poll_write(context, &joined[..length])
}

/// A typed answer in the place of one that hyper wrote by itself, because it could not read the request.
///
/// That ends the connection, so that nothing is written after it. Answers that went through the server have the header
/// `x-content-type-options`, hyper's own have not.
fn typed(written: &[u8]) -> Option<Vec<u8>> {
    // Nearly all writes end here.
    let rest = written.strip_prefix(b"HTTP/1.1 4")?;
    let head = std::str::from_utf8(written).ok().filter(|_| written.ends_with(b"\r\n\r\n"))?;
    if !head.contains("connection: close\r\n") || head.contains("x-content-type-options") {
        return None;
    }
    let (status, message) = match rest.get(..2)? {
        b"00" => (400, "the request's first line or a header is malformed"),
        b"14" => (414, "the request's target is too long"),
        b"31" => (431, "the request's headers are too large or too many"),
        _ => return None,
    };
    let body = Error::new(Code::InvalidRequest, message).with_status(status).to_json().to_string();
    let first = head.split("\r\n").next()?;
    let answer = format!(
        "{first}\r\nconnection: close\r\ncontent-type: application/json\r\ncache-control: no-store\r\n\
         x-content-type-options: nosniff\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    Some(answer.into_bytes())
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_read(context, buffer)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if let Some(ours) = typed(bytes) {
            self.refuse(ours);
            return Poll::Ready(Ok(bytes.len()));
        }
        self.look(bytes);
        let poll = Pin::new(&mut self.tcp).poll_write(context, bytes);
        self.watch(context, poll)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let [first, ..] = slices {
            if let Some(ours) = typed(first) {
                self.refuse(ours);
                return Poll::Ready(Ok(first.len()));
            }
            self.look(first);
        }
        let poll = poll_write_joined(&mut self.tcp, context, slices);
        self.watch(context, poll)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_ours(context))?;
        Pin::new(&mut self.tcp).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_ours(context))?;
        ready!(Pin::new(&mut self.tcp).poll_shutdown(context))?;
        self.poll_linger(context).map(Ok)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_hyper_says_by_itself_is_replaced() {
        let hypers = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
        let ours = String::from_utf8(typed(hypers).unwrap()).unwrap();
        assert!(ours.starts_with("HTTP/1.1 400 Bad Request\r\n"));
        assert!(ours.contains("\"code\":\"INVALID_REQUEST\""));
        let marked =
            b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\nx-content-type-options: nosniff\r\n\r\n";
        assert!(typed(marked).is_none());
        assert!(typed(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n").is_none());
        assert!(typed(b"").is_none());
    }
}
